// What a guest publishes, let out no faster than the site allows. Publications are retained state, of which the newest of each topic counts:
// those that have to wait replace each other, so a flood of one topic becomes one message, and a large map is late rather than in part lost.
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import type { HostEffect } from '../host-functions/host-effect.ts';
import { RateLimit } from '../rate-limit.ts';

export interface PacedEffectsOptions {
  readonly clock: Clock;
  /** On average [1/s]; a twentieth of that at once: a burst would keep the host and the broker from answering others. */
  readonly perSec: number;
  readonly put: (effect: HostEffect) => void;
}

/** Topics that wait; beyond them a new one is dropped. Bounds the memory that a guest can fill here, about 5 kB each. */
const MAX_WAITING = 2048;
const TICK_SEC = 0.01;

export class PacedEffects {
  readonly #options: PacedEffectsOptions;
  readonly #rate: RateLimit;
  readonly #waiting = new Map<string, HostEffect>();
  #timer: Timer | null = null;

  constructor(options: PacedEffectsOptions) {
    this.#options = options;
    this.#rate = new RateLimit(options.perSec, Math.max(1, options.perSec / 20), options.clock.nowSec());
  }

  take(effect: HostEffect): void {
    if (this.#waiting.size === 0 && this.#rate.take(this.#options.clock.nowSec())) {
      this.#options.put(effect);
      return;
    }
    // Nobody waits for a line of a log.
    if (effect.kind === 'log' || (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(effect.topic))) return;
    this.#waiting.set(effect.topic, effect);
    this.#timer ??= this.#options.clock.every(TICK_SEC, () => this.#drain());
  }

  /** Lets out what waits: the instance is over, and its last word counts. */
  end(): void {
    for (const effect of this.#waiting.values()) this.#options.put(effect);
    this.#waiting.clear();
    this.#stop();
  }

  #drain(): void {
    const nowSec = this.#options.clock.nowSec();
    for (const [topic, effect] of this.#waiting) {
      if (!this.#rate.take(nowSec)) return;
      this.#waiting.delete(topic);
      this.#options.put(effect);
    }
    this.#stop();
  }

  #stop(): void {
    this.#timer?.stop();
    this.#timer = null;
  }
}
