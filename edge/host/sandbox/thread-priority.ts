// Who goes first when there are more busy guests than cores: a thread that hogs a core becomes idle work (Linux schedules each thread by
// itself, sched(7)), so that short calls of its neighbours do not wait for it.
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

/** A guest that uses a processor for so long in one call hogs it [ms of processor time]; calls shorter than that are not looked at. */
const HOG_MS = 50;

/** Watches one thread; a hog yields to others for good, since only a privileged process could take that back. */
export class HogWatch {
  readonly #threadId: number;
  readonly #demote: (threadId: number) => void;
  readonly #processorMs: (threadId: number) => number | null;
  /** Of its processor time, when the call was first looked at. */
  #startMs: number | null = null;
  #yields = false;

  /**
   * @param demote puts a thread behind all others; called once at most
   * @param processorMs time that a thread was on a processor [ms]; null where the system does not tell
   */
  constructor(threadId: number, demote: (threadId: number) => void, processorMs = schedstatMs) {
    this.#threadId = threadId;
    this.#demote = demote;
    this.#processorMs = processorMs;
  }

  /** Called periodically with how long the guest has been in its call. */
  look(visitMs: number): void {
    if (this.#yields || visitMs === 0) {
      this.#startMs = null;
      return;
    }
    if (this.#startMs === null && visitMs < HOG_MS / 2) return;
    const usedMs = this.#processorMs(this.#threadId);
    if (usedMs === null) return;
    // Processor time, not the wall clock's: who has to wait for a processor is a victim, not a hog.
    this.#startMs ??= usedMs;
    if (usedMs - this.#startMs < HOG_MS) return;
    this.#yields = true;
    this.#demote(this.#threadId);
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
