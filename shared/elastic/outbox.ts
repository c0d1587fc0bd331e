// The numbered calls of a fixed end: those that wait, those under way, and those whose effect is not safe yet.
import type { BoundFunction } from './shell-calls.ts';

/** One call that is not a plain on-board one. */
export interface Call {
  number: number;
  readonly index: number;
  readonly fn: BoundFunction;
  /** Encoded at once: the caller may use its buffers again. */
  readonly args: Uint8Array<ArrayBuffer>;
  readonly latest: boolean;
  readonly startedSec: number;
  /** Clock time of the deadline [s], or Infinity. */
  readonly expiresSec: number;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** The caller has its answer (or gave up). */
  settled: boolean;
  /** It took effect at some place, once. */
  answered: boolean;
  /** Was sent to an instance before; made again, it must not expire. */
  attempted: boolean;
  /** Sent over the present connection, and not answered there. */
  inFlight: boolean;
  /** Takes timer and abort listener away. */
  dispose: (() => void) | null;
}

/** Calls in order of their numbers. */
export class Outbox {
  readonly #calls = new Map<number, Call>();
  #keptCalls = 0;
  #keptBytes = 0;
  #openCalls = 0;
  #openBytes = 0;
  readonly #onRemoved: (call: Call) => void;

  /** `onRemoved`: nothing refers to the call's arguments any more. */
  constructor(onRemoved: (call: Call) => void) {
    this.#onRemoved = onRemoved;
  }

  /** Calls that are not answered [count, bytes]. */
  get open(): { readonly calls: number; readonly bytes: number } {
    return { calls: this.#openCalls, bytes: this.#openBytes };
  }

  /** Calls that are answered, and kept because their effect is not safe yet [count, bytes]. */
  get kept(): { readonly calls: number; readonly bytes: number } {
    return { calls: this.#keptCalls, bytes: this.#keptBytes };
  }

  add(call: Call): void {
    this.#calls.set(call.number, call);
    this.#openCalls += 1;
    this.#openBytes += call.args.byteLength;
  }

  get(number: number): Call | undefined {
    return this.#calls.get(number);
  }

  all(): Call[] {
    return [...this.#calls.values()];
  }

  /** Marks a call as having taken effect, and keeps it for replay. */
  keep(call: Call): void {
    if (call.answered) return;
    call.answered = true;
    this.#openCalls -= 1;
    this.#openBytes -= call.args.byteLength;
    this.#keptCalls += 1;
    this.#keptBytes += call.args.byteLength;
  }

  remove(call: Call): void {
    if (!this.#calls.delete(call.number)) return;
    if (call.answered) {
      this.#keptCalls -= 1;
      this.#keptBytes -= call.args.byteLength;
    } else {
      this.#openCalls -= 1;
      this.#openBytes -= call.args.byteLength;
    }
    this.#onRemoved(call);
  }

  /** Forgets answered calls up to `number`: their effect is safe. */
  trim(number: number): void {
    for (const call of this.#calls.values()) {
      if (call.number > number) return;
      if (call.answered) this.remove(call);
    }
  }

  /** Forgets the oldest answered calls until what is kept fits; returns how many. */
  dropOldestKept(maxCalls: number, maxBytes: number): number {
    let dropped = 0;
    for (const call of this.#calls.values()) {
      if (this.#keptCalls <= maxCalls && this.#keptBytes <= maxBytes) break;
      if (!call.answered) continue;
      this.remove(call);
      dropped += 1;
    }
    return dropped;
  }
}
