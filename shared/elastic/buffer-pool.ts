// Memory for encoded arguments, used again after the answer: fresh pages for every frame cost more than copying the frame.

/** Capacities are powers of two from 4 KiB to 4 MiB; smaller and larger ones are not worth keeping. */
const MIN_BYTES = 4 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;
/** What one pool keeps at most. */
const MAX_POOLED_BYTES = 16 * 1024 * 1024;

export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #pooledBytes = 0;

  /** Memory whose contents are arbitrary. */
  readonly take = (sizeBytes: number): Uint8Array<ArrayBuffer> => {
    if (sizeBytes < MIN_BYTES || sizeBytes > MAX_BYTES) return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
    const capacity = 2 ** Math.ceil(Math.log2(sizeBytes));
    const pooled = this.#free.get(capacity)?.pop();
    if (pooled !== undefined) this.#pooledBytes -= capacity;
    return new Uint8Array(pooled ?? Buffer.allocUnsafeSlow(capacity).buffer, 0, sizeBytes);
  };

  /** Takes memory back that nothing refers to any more. */
  give(bytes: Uint8Array<ArrayBuffer>): void {
    const capacity = bytes.buffer.byteLength;
    const poolable = capacity >= MIN_BYTES && capacity <= MAX_BYTES && Number.isInteger(Math.log2(capacity));
    if (!poolable || this.#pooledBytes + capacity > MAX_POOLED_BYTES) return;
    this.#pooledBytes += capacity;
    const free = this.#free.get(capacity);
    if (free === undefined) this.#free.set(capacity, [bytes.buffer]);
    else free.push(bytes.buffer);
  }
}
