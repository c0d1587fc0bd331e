// One topic of a body: the newest message that could be used, when it arrived, and whether that is recent enough to be believed.

export class TopicWatch<T> {
  readonly #staleSec: number;
  readonly #nowSec: () => number;
  #latest: T | null = null;
  #arrivedSec = Number.NEGATIVE_INFINITY;
  #received = 0;
  #refused = 0;

  constructor(options: { readonly staleSec: number; readonly nowSec: () => number }) {
    this.#staleSec = options.staleSec;
    this.#nowSec = options.nowSec;
  }

  /** Takes what a message was mapped to; null: the message was unusable, it counts but keeps nothing alive. */
  take(value: T | null): void {
    if (value === null) {
      this.#refused += 1;
      return;
    }
    this.#latest = value;
    this.#arrivedSec = this.#nowSec();
    this.#received += 1;
  }

  /** Messages taken so far; the number of the next one. */
  get received(): number {
    return this.#received;
  }

  get refused(): number {
    return this.#refused;
  }

  get fresh(): boolean {
    return this.#nowSec() - this.#arrivedSec <= this.#staleSec;
  }

  get latest(): T | null {
    return this.#latest;
  }
}
