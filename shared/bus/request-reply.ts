// Requests over a bus that may lose them: asked again under the same id until answered, and executed once by the other side.
import { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';

export interface RequestOptions {
  /** Give up after this [s]. */
  readonly timeoutSec: number;
  /** Ask again this long after the last time [s]; default 1. */
  readonly repeatSec?: number;
  readonly signal?: AbortSignal;
}

/** The asking side. */
export class PendingRequests<R> {
  readonly #clock: Clock;
  readonly #pending = new Map<string, (reply: R) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `send` until the reply comes. Rejects with OUT_EDGE_TIMEOUT, or with the signal's reason. */
  async request(id: string, what: string, send: () => void, options: RequestOptions): Promise<R> {
    const { signal } = options;
    signal?.throwIfAborted();
    return new Promise<R>((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#pending.delete(id);
        repeat.stop();
        timeout.stop();
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const abort = (): void => end(() => reject(signal?.reason as Error));
      const repeat = this.#clock.every(options.repeatSec ?? 1, send);
      const timeout = this.#clock.after(options.timeoutSec, () =>
        end(() => reject(new OutriderError('OUT_EDGE_TIMEOUT', `${what}: no answer within ${options.timeoutSec} s`))),
      );
      this.#pending.set(id, (reply) => end(() => resolve(reply)));
      signal?.addEventListener('abort', abort, { once: true });
      send();
    });
  }

  /** Hands a reply to who waits for it; false: nobody does (any more). */
  settle(id: string, reply: R): boolean {
    const waiting = this.#pending.get(id);
    waiting?.(reply);
    return waiting !== undefined;
  }
}

/** Replies remembered for repeated requests: enough for all that can be under way, small enough not to matter. */
const REMEMBERED_REPLIES = 512;

/** The answering side: a repeated id gets the first reply again (or waits for it), and is not executed twice. */
export class AnsweredRequests<R> {
  readonly #answers = new Map<string, Promise<R>>();

  answer(id: string, execute: () => Promise<R>): Promise<R> {
    const known = this.#answers.get(id);
    if (known !== undefined) return known;
    const answer = execute();
    this.#answers.set(id, answer);
    if (this.#answers.size > REMEMBERED_REPLIES) this.#answers.delete(this.#answers.keys().next().value as string);
    return answer;
  }
}
