// Frames out of a byte stream: a length of 32 bits (little-endian), then so many bytes. Copies only what spans chunks, once.
import { OutriderError } from '../../errors.ts';
import { MAX_FRAME_BYTES } from '../limits.ts';

const LENGTH_BYTES = 4;

/** Frames up to this size are gathered in memory that is used again (a frame is valid during `onFrame` only); larger ones are rare. */
const REUSED_BYTES = 1024 * 1024;

export class FrameAssembler {
  readonly #onFrame: (frame: Uint8Array) => void;
  /** The length that has arrived in part. */
  readonly #prefix = Buffer.alloc(LENGTH_BYTES);
  #prefixFilled = 0;
  #frame: Buffer | null = null;
  #reused = Buffer.alloc(0);
  #filled = 0;

  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes of the stream. Throws OUT_WIRE_LIMIT when a frame is announced that is too long; nothing is allocated for it. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#frame !== null) {
        const count = chunk.copy(this.#frame, this.#filled, at);
        at += count;
        this.#filled += count;
        if (this.#filled < this.#frame.byteLength) return;
        const frame = this.#frame;
        this.#frame = null;
        this.#onFrame(frame);
        continue;
      }
      if (this.#prefixFilled === 0 && chunk.byteLength - at >= LENGTH_BYTES) {
        const length = checked(chunk.readUInt32LE(at));
        at += LENGTH_BYTES;
        if (chunk.byteLength - at >= length) {
          this.#onFrame(chunk.subarray(at, at + length));
          at += length;
        } else this.#begin(length);
        continue;
      }
      const count = Math.min(LENGTH_BYTES - this.#prefixFilled, chunk.byteLength - at);
      chunk.copy(this.#prefix, this.#prefixFilled, at, at + count);
      at += count;
      this.#prefixFilled += count;
      if (this.#prefixFilled < LENGTH_BYTES) return;
      this.#prefixFilled = 0;
      const length = checked(this.#prefix.readUInt32LE(0));
      if (length === 0) this.#onFrame(Buffer.alloc(0));
      else this.#begin(length);
    }
  }

  /** Whether the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.#frame === null && this.#prefixFilled === 0;
  }

  #begin(length: number): void {
    this.#filled = 0;
    if (length > REUSED_BYTES) {
      this.#frame = Buffer.allocUnsafeSlow(length);
      return;
    }
    if (this.#reused.byteLength < length) this.#reused = Buffer.allocUnsafeSlow(Math.min(REUSED_BYTES, 2 * length));
    this.#frame = this.#reused.subarray(0, length);
  }
}

function checked(length: number): number {
  if (length > MAX_FRAME_BYTES) {
    throw new OutriderError('OUT_WIRE_LIMIT', `a frame of ${length} bytes is announced, at most ${MAX_FRAME_BYTES} are allowed`);
  }
  return length;
}
