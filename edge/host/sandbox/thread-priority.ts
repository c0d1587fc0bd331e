// Who goes first when there are more busy guests than cores: a thread that hogs a core becomes idle work (Linux schedules each thread by
// itself, sched(7)), so that short calls of its neighbours do not wait for it; once it has kept to its share for a while it is back among
// them. A multilevel feedback queue of two levels (Corbató et al., AFIPS 1962) with a token bucket that tells who belongs where.
import { readFileSync, readlinkSync } from 'node:fs';

/** The operating system's id of this thread; null where it does not tell. */
export function ownThreadId(): number | null {
  try {
    const [, id = ''] = /task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? [];
    return Number(id) || null;
  } catch {
    return null;
  }
}

/** What makes threads idle work. */
export interface Yielding {
  /** Whether `takeBack` is allowed here. */
  readonly reversible: boolean;
  put(threadId: number): void;
  takeBack(threadId: number): void;
}

/** Of one processor: what a guest may use for good. */
const SHARE = 1 / 4;
/** What it may use beyond its share at a stretch [ms of processor time]; where there is no way back, it takes more to be put away. */
const BURST_MS = 20;
const FINAL_BURST_MS = 200;
/** What a hog has to save up before it is back [ms of processor time]: a second's share. */
const PENALTY_MS = 250;

/** Watches one thread. */
export class HogWatch {
  readonly #threadId: number;
  readonly #yielding: Yielding;
  readonly #processorMs: (threadId: number) => number | null;
  /** Its processor time, and when that was read; null before the first call. */
  #last: { readonly usedMs: number; readonly atMs: number } | null = null;
  /** Processor time beyond its share, not made up for yet [ms]. */
  #debtMs = 0;
  #yields = false;

  /** @param processorMs time that a thread was on a processor [ms]; null where the system does not tell */
  constructor(threadId: number, yielding: Yielding, processorMs = schedstatMs) {
    this.#threadId = threadId;
    this.#yielding = yielding;
    this.#processorMs = processorMs;
  }

  /** Called periodically, with whether the guest is in a call. Threads at rest cost nothing. */
  look(inGuest: boolean, nowMs: number): void {
    if (!inGuest && this.#debtMs === 0) return;
    const { reversible } = this.#yielding;
    if (this.#yields && !reversible) return;
    // Processor time, not the wall clock's: who has to wait for a processor is a victim, not a hog.
    const usedMs = this.#processorMs(this.#threadId);
    if (usedMs === null) return;
    const { usedMs: beforeMs, atMs } = this.#last ?? { usedMs, atMs: nowMs };
    this.#last = { usedMs, atMs: nowMs };
    const debtMs = this.#debtMs + (usedMs - beforeMs) - SHARE * (nowMs - atMs);
    this.#debtMs = Math.min(Math.max(debtMs, 0), reversible ? PENALTY_MS : FINAL_BURST_MS);
    if (!this.#yields && this.#debtMs >= (reversible ? BURST_MS : FINAL_BURST_MS)) {
      this.#yields = true;
      this.#debtMs = PENALTY_MS;
      this.#yielding.put(this.#threadId);
    } else if (this.#yields && this.#debtMs === 0) {
      this.#yields = false;
      this.#yielding.takeBack(this.#threadId);
    }
  }
}

function schedstatMs(threadId: number): number | null {
  try {
    const [nanoseconds] = readFileSync(`/proc/self/task/${threadId}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    return null;
  }
}
