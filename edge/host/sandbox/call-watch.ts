// A wall-clock deadline for guests without a message per call: the worker writes into shared memory when it enters and leaves the guest,
// the main thread looks now and then. V8 has no fuel; ending the worker is the only way out of an endless loop.
import type { MemoryImage, ModuleInstance } from '../../../shared/elastic/module-instance.ts';

/** One 32-bit cell: 0 outside the guest, else the number of the visit (never 0). */
export type WatchCell = Int32Array<SharedArrayBuffer>;

export function newWatchCell(): WatchCell {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The worker's side: every entry into the guest is marked. */
export function watched(instance: ModuleInstance, cell: WatchCell): ModuleInstance {
  let visits = 0;
  const visit = <T>(enter: () => T): T => {
    visits = (visits % 0x3fffffff) + 1;
    Atomics.store(cell, 0, visits);
    try {
      return enter();
    } finally {
      Atomics.store(cell, 0, 0);
    }
  };
  const image: MemoryImage | null = instance.image;
  return {
    build: instance.build,
    image,
    call: (functionName, args) => visit(() => instance.call(functionName, args)),
    snapshot: () => visit(() => instance.snapshot()),
    restore: (bytes) => visit(() => instance.restore(bytes)),
    memoryBytes: () => instance.memoryBytes(),
  };
}

/** The main thread's side. */
export class CallWatch {
  readonly #cell: WatchCell;
  readonly #deadlineMs: number;
  #visit = 0;
  #sinceMs = 0;

  constructor(cell: WatchCell, deadlineMs: number) {
    this.#cell = cell;
    this.#deadlineMs = deadlineMs;
  }

  /** Whether the guest has been in one visit for longer than the deadline. */
  overdue(nowMs: number): boolean {
    const visit = Atomics.load(this.#cell, 0);
    if (visit === 0 || visit !== this.#visit) {
      this.#visit = visit;
      this.#sinceMs = nowMs;
      return false;
    }
    return nowMs - this.#sinceMs > this.#deadlineMs;
  }

  /** Whether the guest was in a call at the last look. */
  get inGuest(): boolean {
    return this.#visit !== 0;
  }
}
