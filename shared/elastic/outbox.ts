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

type NewCall = Pick<Call, 'index' | 'fn' | 'args' | 'latest' | 'startedSec' | 'resolve' | 'reject'> & {
  readonly deadlineMs: number | undefined;
};

/** A call that has no number yet. */
export function createCall(call: NewCall): Call {
  // Field by field: spreading costs microseconds, and every call has the same shape this way.
  return {
    number: 0,
    index: call.index,
    fn: call.fn,
    args: call.args,
    latest: call.latest,
    startedSec: call.startedSec,
    expiresSec: call.deadlineMs === undefined ? Number.POSITIVE_INFINITY : call.startedSec + call.deadlineMs / 1000,
    resolve: call.resolve,
    reject: call.reject,
    settled: false,
    answered: false,
    attempted: false,
    inFlight: false,
    dispose: null,
  };
}

/** What becomes of the calls at a new place. */
export interface ReplayPlan {
  /** To be made there, in order: they are not in its state. */
  readonly again: Call[];
  /** In its state, and their answers have not arrived. */
  readonly unanswered: Call[];
  /** `latest` calls that were under way. */
  readonly stale: Call[];
  /** Given up by their callers, and nothing that came after them was answered: they need not have happened. */
  readonly unwanted: Call[];
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

  /** Calls that are not answered. */
  get openCalls(): number {
    return this.#openCalls;
  }

  get openBytes(): number {
    return this.#openBytes;
  }

  /** Calls that are answered, and kept because their effect is not safe yet. */
  get keptCalls(): number {
    return this.#keptCalls;
  }

  get keptBytes(): number {
    return this.#keptBytes;
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

  /** What is to be done at a place whose state holds effects up to `processed`; answers up to `received` have arrived. */
  planAt(processed: number, received: number): ReplayPlan {
    const plan: ReplayPlan = { again: [], unanswered: [], stale: [], unwanted: [] };
    for (const call of this.#calls.values()) {
      if (call.latest && call.attempted) plan.stale.push(call);
      else if (call.number <= processed) {
        if (!call.answered) plan.unanswered.push(call);
      } else if (call.settled && !call.answered && call.number > received) plan.unwanted.push(call);
      else plan.again.push(call);
    }
    return plan;
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
