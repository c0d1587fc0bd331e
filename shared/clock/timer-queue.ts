// Pending timers by due time, then by order of scheduling: a binary heap.

export interface PendingTimer {
  readonly dueSec: number;
  readonly order: number;
  readonly fn: () => void;
  stopped: boolean;
}

export class TimerQueue {
  readonly #heap: PendingTimer[] = [];
  #count = 0;

  push(dueSec: number, fn: () => void): PendingTimer {
    this.#count += 1;
    const timer: PendingTimer = { dueSec, order: this.#count, fn, stopped: false };
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent] as PendingTimer)) break;
      heap[at] = heap[parent] as PendingTimer;
      at = parent;
    }
    heap[at] = timer;
    return timer;
  }

  /** The next timer that is not stopped. */
  peek(): PendingTimer | null {
    while (this.#heap[0]?.stopped === true) this.#removeFirst();
    return this.#heap[0] ?? null;
  }

  /** Takes the next timer out if it is due. */
  takeDue(nowSec: number): PendingTimer | null {
    const first = this.peek();
    if (first === null || first.dueSec > nowSec) return null;
    this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as PendingTimer;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as PendingTimer, heap[child] as PendingTimer)) child += 1;
      if (!isBefore(heap[child] as PendingTimer, last)) break;
      heap[at] = heap[child] as PendingTimer;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: PendingTimer, b: PendingTimer): boolean {
  return a.dueSec < b.dueSec || (a.dueSec === b.dueSec && a.order < b.order);
}
