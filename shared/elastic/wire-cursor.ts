// Bounded reading and writing of little-endian fields: a frame that is too short or says too much is OUT_WIRE_MALFORMED.
import { OutriderError } from '../errors.ts';
import { MAX_NUMBER } from './limits.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
const TWO_32 = 2 ** 32;

/** Reads the fields of one frame in order. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.byteLength) {
      throw new OutriderError(
        'OUT_WIRE_MALFORMED',
        `frame of ${this.#bytes.byteLength} bytes ends at byte ${at}, ${count} more are needed`,
      );
    }
    this.#at = at + count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A call number or a size: 48 bits. */
  u48(): number {
    const at = this.#take(6);
    return this.#view.getUint32(at, true) + this.#view.getUint16(at + 4, true) * TWO_32;
  }

  /** A string with a length of 16 bits; at most `maxBytes`. */
  text(maxBytes: number, what: string): string {
    const length = this.u16();
    if (length > maxBytes) throw new OutriderError('OUT_WIRE_LIMIT', `${what} of ${length} bytes, at most ${maxBytes} are allowed`);
    const at = this.#take(length);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch (cause) {
      throw new OutriderError('OUT_WIRE_MALFORMED', `${what} is not UTF-8`, { cause });
    }
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A view of what is left. */
  rest(): Uint8Array {
    const at = this.#at;
    this.#at = this.#bytes.byteLength;
    return this.#bytes.subarray(at);
  }

  /** The frame must be over here. */
  end(): void {
    const left = this.#bytes.byteLength - this.#at;
    if (left !== 0) throw new OutriderError('OUT_WIRE_MALFORMED', `${left} bytes after the last field of a frame`);
  }
}

/** Writes the fields of one frame in order; grows as needed. */
export class WireWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(sizeBytes = 64) {
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  #reserve(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.byteLength, at + count));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#at = at + count;
    return at;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u48(value: number): this {
    if (!(value >= 0 && value <= MAX_NUMBER)) throw new OutriderError('OUT_INTERNAL', `${value} is not a 48-bit number`);
    const at = this.#reserve(6);
    this.#view.setUint32(at, value % TWO_32, true);
    this.#view.setUint16(at + 4, Math.floor(value / TWO_32), true);
    return this;
  }

  /** UTF-8 with a length of 16 bits. */
  text(value: string): this {
    const encoded = Buffer.from(value, 'utf8');
    if (encoded.byteLength > 0xffff)
      throw new OutriderError('OUT_WIRE_LIMIT', `a text of ${encoded.byteLength} bytes does not fit a frame`);
    this.u16(encoded.byteLength);
    return this.raw(encoded);
  }

  raw(value: Uint8Array): this {
    const at = this.#reserve(value.byteLength);
    this.#bytes.set(value, at);
    return this;
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}
