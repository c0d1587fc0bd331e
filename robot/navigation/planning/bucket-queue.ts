// A monotone bucket queue of cells (Dial 1969) with unlinking: constant-time operations, no allocation per node.

/** Buckets of intrusive doubly linked lists in a ring; keys may lag the current bucket but not lead it by the ring's span. */
export class BucketQueue {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Ring slot of a queued cell, −1 when it is not queued. */
  readonly #slot: Int32Array;
  #heads = new Int32Array(0);
  #mask = 0;
  #scale = 1;
  #current = 0;
  #size = 0;

  constructor(cells: number) {
    this.#next = new Int32Array(cells);
    this.#previous = new Int32Array(cells);
    this.#slot = new Int32Array(cells).fill(-1);
  }

  get size(): number {
    return this.#size;
  }

  /** Empties the queue for keys from `firstKey`, none more than `span` above the smallest one queued. */
  reset(firstKey: number, width: number, span: number): void {
    while (this.#size > 0) this.pop();
    const slots = 2 ** Math.ceil(Math.log2(span / width + 3));
    if (slots !== this.#heads.length) this.#heads = new Int32Array(slots);
    this.#heads.fill(-1);
    this.#mask = slots - 1;
    this.#scale = 1 / width;
    this.#current = Math.floor(firstKey * this.#scale);
  }

  /** Queues a cell, or moves it to where its new key belongs. Newest first within a bucket. */
  push(cell: number, key: number): void {
    const bucket = Math.floor(key * this.#scale);
    const slot = (bucket > this.#current ? bucket : this.#current) & this.#mask;
    const old = this.#slot[cell] as number;
    if (old === slot) return;
    if (old >= 0) this.#unlink(cell, old);
    const head = this.#heads[slot] as number;
    this.#next[cell] = head;
    this.#previous[cell] = -1;
    if (head >= 0) this.#previous[head] = cell;
    this.#heads[slot] = cell;
    this.#slot[cell] = slot;
    this.#size += 1;
  }

  /** Takes a cell of the lowest bucket; −1 when empty. */
  pop(): number {
    if (this.#size === 0) return -1;
    let slot = this.#current & this.#mask;
    while ((this.#heads[slot] as number) < 0) {
      this.#current += 1;
      slot = this.#current & this.#mask;
    }
    const cell = this.#heads[slot] as number;
    this.#unlink(cell, slot);
    return cell;
  }

  #unlink(cell: number, slot: number): void {
    const next = this.#next[cell] as number;
    const previous = this.#previous[cell] as number;
    if (previous >= 0) this.#next[previous] = next;
    else this.#heads[slot] = next;
    if (next >= 0) this.#previous[next] = previous;
    this.#slot[cell] = -1;
    this.#size -= 1;
  }
}
