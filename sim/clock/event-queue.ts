// A binary heap of timed events, ordered by time and then by order of scheduling, so that runs repeat exactly.

export interface ScheduledEvent {
  readonly atSec: number;
  readonly order: number;
  readonly run: () => void;
  /** Set to drop the event before it runs. */
  cancelled: boolean;
}

export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #order = 0;

  push(atSec: number, run: () => void): ScheduledEvent {
    const event: ScheduledEvent = { atSec, order: this.#order++, run, cancelled: false };
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (!before(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
    return event;
  }

  /** The next event that is not cancelled, left in place; null when none is left. */
  peek(): ScheduledEvent | null {
    while (this.#heap[0]?.cancelled === true) this.pop();
    return this.#heap[0] ?? null;
  }

  pop(): ScheduledEvent | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first ?? null;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as ScheduledEvent)) child += 1;
      const below = heap[child] as ScheduledEvent;
      if (!before(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atSec < b.atSec || (a.atSec === b.atSec && a.order < b.order);
}
