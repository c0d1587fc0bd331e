// A bounded window over a byte stream, for parsers that look for packets in it and may have to look again one byte later.

/** Holds at most `capacity` bytes. Reading past the end gives 0: ask `length` first. */
export class ByteWindow {
  readonly #bytes: Uint8Array;
  #start = 0;
  #end = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Takes what fits of `chunk` from `offset` on, and returns how many bytes that were. */
  fill(chunk: Uint8Array, offset: number): number {
    if (this.#start > 0 && chunk.length - offset > this.#bytes.length - this.#end) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const taken = Math.min(chunk.length - offset, this.#bytes.length - this.#end);
    this.#bytes.set(chunk.subarray(offset, offset + taken), this.#end);
    this.#end += taken;
    return taken;
  }

  /** The byte `index` after the first that waits. */
  at(index: number): number {
    return this.#bytes[this.#start + index] ?? 0;
  }

  /** Unsigned 16 bits, little-endian. */
  uint16(index: number): number {
    return this.at(index) | (this.at(index + 1) << 8);
  }

  drop(count: number): void {
    this.#start = Math.min(this.#end, this.#start + count);
  }
}

/** Feeds a chunk of any size through a window: after each filling `parse` must leave room, by dropping bytes. */
export function feedWindow(window: ByteWindow, chunk: Uint8Array, parse: () => void): void {
  for (let offset = 0; offset < chunk.length;) {
    offset += window.fill(chunk, offset);
    parse();
  }
}
