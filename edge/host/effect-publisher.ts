// Publishes what guests ask for: checked, rate-limited per instance, retained; the newest of each topic wins while the broker is away.
import { isOutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { checkPublication, type EffectScope, type HostEffect } from './host-functions/host-effect.ts';
import { RateLimit } from './rate-limit.ts';
import type { InstanceLimits } from './sandbox/sandbox.ts';

export interface EffectPublisherOptions extends EffectScope {
  readonly instance: string;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: InstanceLimits;
}

const MAX_LOG_CHARACTERS = 500;

/** The effects of one instance. */
export class EffectPublisher {
  readonly #options: EffectPublisherOptions;
  readonly #rate: RateLimit;
  #published = 0;
  #dropped = 0;
  #ended = false;

  constructor(options: EffectPublisherOptions) {
    this.#options = options;
    const { limits, clock } = options;
    this.#rate = new RateLimit(limits.effectsPerSec, limits.effectsBurst, clock.nowSec());
  }

  get published(): number {
    return this.#published;
  }

  /** Effects that were malformed or over the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  take(effect: HostEffect): void {
    const { bus, clock, logger, instance } = this.#options;
    if (this.#ended) return;
    if (!this.#rate.take(clock.nowSec())) return this.#drop('OUT_EDGE_LIMIT', 'the instance publishes or logs faster than the site allows');
    if (effect.kind === 'log') {
      logger[effect.level]({ instance }, effect.text.slice(0, MAX_LOG_CHARACTERS));
      return undefined;
    }
    try {
      const payload = checkPublication(effect.topic, effect.payload, this.#options);
      this.#published += 1;
      bus.publish(effect.topic, payload, { retain: true, qos: 1 }).catch((error: unknown) => {
        logger.warn({ instance, topic: effect.topic, error: (error as Error).message }, 'a map message was not published');
      });
    } catch (error) {
      if (!isOutriderError(error)) throw error;
      this.#drop(error.code, error.message);
    }
    return undefined;
  }

  /** The instance was replaced or is over: nothing more of it is published. */
  end(): void {
    this.#ended = true;
  }

  #drop(code: string, why: string): void {
    this.#dropped += 1;
    if (this.#dropped === 1)
      this.#options.logger.warn({ instance: this.#options.instance, code }, `an effect of a module was dropped: ${why}`);
  }
}
