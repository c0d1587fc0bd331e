// A rover's line to the Offload Manager of its site: requests that are repeated until answered.
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { PendingRequests } from '../../shared/bus/request-reply.ts';
import { OutriderError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import {
  offloadAdvice,
  type OffloadAdvice,
  offloadReply,
  type OffloadReply,
  offloadRequest,
  type OffloadRequest,
} from '../../shared/protocol/offload.ts';

type WithoutEnvelope<T> = T extends unknown ? Omit<T, 'id' | 'rover' | 'credential'> : never;

export interface ManagerClientOptions {
  readonly site: string;
  readonly rover: string;
  /** Unique per process run: replies to an earlier run are not taken for ours. */
  readonly session: string;
  readonly credential: string | null;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ManagerClient {
  readonly #options: ManagerClientOptions;
  readonly #channel: MessageChannel;
  readonly #pending: PendingRequests<OffloadReply>;
  readonly #advised = new Set<(advice: OffloadAdvice) => void>();
  #count = 0;

  constructor(options: ManagerClientOptions) {
    this.#options = options;
    this.#channel = new MessageChannel(options.bus, options.logger);
    this.#pending = new PendingRequests(options.clock);
  }

  get connected(): boolean {
    return this.#options.bus.connected;
  }

  async start(): Promise<void> {
    const { site, rover } = this.#options;
    await this.#channel.on(offloadReply, { site, rover }, (reply) => void this.#pending.settle(reply.id, reply));
    await this.#channel.on(offloadAdvice, { site, rover }, (advice) => {
      for (const listener of this.#advised) listener(advice);
    });
  }

  onAdvice(listener: (advice: OffloadAdvice) => void): () => void {
    this.#advised.add(listener);
    return () => void this.#advised.delete(listener);
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  /**
   * Asks, and asks again while the manager says `wait`. Rejects with OUT_EDGE_TIMEOUT when there is no answer (or only `wait`)
   * within `timeoutSec`, or with the signal's reason.
   */
  async ask(
    request: WithoutEnvelope<OffloadRequest>,
    options: { readonly timeoutSec: number; readonly signal?: AbortSignal },
  ): Promise<Exclude<OffloadReply, { kind: 'wait' }>> {
    const { site, rover, session, credential, clock } = this.#options;
    const deadlineSec = clock.nowSec() + options.timeoutSec;
    for (;;) {
      const id = `${rover.slice(0, 32)}-${session}-${++this.#count}`;
      const whole = { ...request, id, rover, credential };
      const timeoutSec = Math.max(0.05, deadlineSec - clock.nowSec());
      const send = (): void => this.#channel.tell(offloadRequest, { site, rover }, whole);
      const reply = await this.#pending.request(id, `${request.kind} at the Offload Manager`, send, { ...options, timeoutSec });
      if (reply.kind !== 'wait') return reply;
      if (clock.nowSec() + reply.retrySec > deadlineSec) {
        throw new OutriderError('OUT_EDGE_TIMEOUT', `${request.kind}: the manager asked to wait for more than ${options.timeoutSec} s`);
      }
      await clock.sleep(reply.retrySec, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}
