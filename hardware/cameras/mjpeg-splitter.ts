// Frames out of a stream of JPEGs one after the other (ITU-T T.81 annex B: markers, segments with lengths, entropy-coded data, EOI).
const SOI = 0xd8;
const SOI_AS_LENGTH = 0xffd8;
const EOI = 0xd9;
const SOS = 0xda;
const FIRST_BYTES = 64 * 1024;
/** T.81 B.1.1.3: TEM and RSTm stand alone; in entropy-coded data RSTm and a stuffed zero follow 0xFF. */
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;
const standsAlone = (marker: number): boolean => marker === 0x01 || isRestart(marker);
/** SOF0 to SOF15 but DHT, JPG and DAC: the segment with height and width. */
const isFrameHeader = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

export interface JpegImage {
  /** From SOI to EOI; a copy. */
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface MjpegSplitterOptions {
  readonly onImage: (image: JpegImage) => void;
  /** A frame that grows larger is given up: a camera never makes one, a broken stream may. Default 8 MiB. */
  readonly maxBytes?: number;
}

/**
 * Follows the segments' lengths, so that a thumbnail within a frame does not end it. A frame that is cut short, malformed or too large
 * is dropped, and the search goes on right behind its beginning: the next whole frame is given. Never holds more than `maxBytes`.
 */
export class MjpegSplitter {
  readonly #onImage: (image: JpegImage) => void;
  readonly #maxBytes: number;
  #buffer: Buffer;
  #length = 0;
  /** Where parsing goes on; the frame, once begun, starts at 0. */
  #at = 0;
  #state: 'search' | 'segments' | 'entropy' = 'search';
  #width = 0;
  #height = 0;
  #dropped = 0;

  constructor({ onImage, maxBytes = 8 * 2 ** 20 }: MjpegSplitterOptions) {
    this.#onImage = onImage;
    this.#maxBytes = maxBytes;
    this.#buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes));
  }

  /** Frames that were begun and given up, and the bytes of memory that are held. */
  get stats(): { readonly dropped: number; readonly heldBytes: number } {
    return { dropped: this.#dropped, heldBytes: this.#buffer.length };
  }

  feed(chunk: Uint8Array): void {
    for (let offset = 0; offset < chunk.length;) {
      if (this.#length === this.#maxBytes) this.#giveUp();
      const taken = Math.min(chunk.length - offset, this.#maxBytes - this.#length);
      this.#reserve(this.#length + taken);
      this.#buffer.set(chunk.subarray(offset, offset + taken), this.#length);
      this.#length += taken;
      offset += taken;
      while (this.#step());
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(bytes, 2 * this.#buffer.length)));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  /** One piece of parsing; false when more bytes are needed. */
  #step(): boolean {
    if (this.#state === 'search') return this.#search();
    return this.#state === 'segments' ? this.#segment() : this.#entropy();
  }

  /** Looks for SOI and the marker behind it, and forgets what is before. */
  #search(): boolean {
    const data = this.#buffer.subarray(0, this.#length);
    let from = data.indexOf(0xff);
    while (from !== -1 && from + 2 < data.length && !(data[from + 1] === SOI && data[from + 2] === 0xff))
      from = data.indexOf(0xff, from + 1);
    this.#drop(from === -1 ? this.#length : from);
    if (this.#length < 3) return false;
    this.#state = 'segments';
    this.#at = 2;
    return true;
  }

  #segment(): boolean {
    const { at, marker } = this.#marker();
    if (marker === null) return false;
    if (marker === -1 || marker === EOI || marker === 0) return this.#giveUp();
    if (marker === SOI) return this.#beginAgain(at);
    if (standsAlone(marker)) {
      this.#at = at + 2;
      return true;
    }
    if (this.#length < at + 4) return false;
    const bytes = this.#buffer.readUInt16BE(at + 2);
    if (bytes < 2) return this.#giveUp();
    if (bytes === SOI_AS_LENGTH) {
      // Cut off right behind a marker: the next frame's SOI stands where a length of 65,496 would, and would swallow the frames after it.
      if (this.#length < at + 5) return false;
      if (this.#buffer[at + 4] === 0xff) return this.#beginAgain(at + 2);
    }
    if (this.#length < at + 2 + bytes) return false;
    if (isFrameHeader(marker)) {
      if (bytes < 8) return this.#giveUp();
      this.#height = this.#buffer.readUInt16BE(at + 5);
      this.#width = this.#buffer.readUInt16BE(at + 7);
    }
    this.#at = at + 2 + bytes;
    if (marker === SOS) this.#state = 'entropy';
    return true;
  }

  /** The marker at the place of parsing, fill bytes skipped: null if it has not come yet, −1 if there is none. */
  #marker(): { readonly at: number; readonly marker: number | null } {
    let at = this.#at;
    while (at + 1 < this.#length && this.#buffer[at] === 0xff && this.#buffer[at + 1] === 0xff) at += 1;
    if (at < this.#length && this.#buffer[at] !== 0xff) return { at, marker: -1 };
    return { at, marker: at + 1 < this.#length ? (this.#buffer[at + 1] as number) : null };
  }

  #entropy(): boolean {
    const at = this.#buffer.subarray(0, this.#length).indexOf(0xff, this.#at);
    if (at === -1 || at + 1 >= this.#length) {
      this.#at = at === -1 ? this.#length : at;
      return false;
    }
    const marker = this.#buffer[at + 1] as number;
    if (marker === 0 || isRestart(marker)) this.#at = at + 2;
    else if (marker === 0xff) this.#at = at + 1;
    else if (marker === SOI) return this.#beginAgain(at);
    else if (marker === EOI) return this.#finish(at + 2);
    else {
      this.#at = at; // another scan of a progressive frame
      this.#state = 'segments';
    }
    return true;
  }

  #finish(end: number): true {
    // Without a frame header: a segment's wrong length has swallowed the beginning of a frame, which may be whole.
    if (this.#width === 0 || this.#height === 0) return this.#giveUp();
    this.#onImage({ bytes: Uint8Array.from(this.#buffer.subarray(0, end)), width: this.#width, height: this.#height });
    this.#drop(end);
    this.#startSearch();
    return true;
  }

  /** Looks for another frame behind the beginning of this one. */
  #giveUp(): true {
    this.#dropped += this.#state === 'search' ? 0 : 1;
    this.#drop(Math.min(2, this.#length));
    this.#startSearch();
    return true;
  }

  /** A frame begins within one that has not ended: its sender was cut off. */
  #beginAgain(at: number): true {
    this.#dropped += 1;
    this.#drop(at);
    this.#startSearch();
    return true;
  }

  #startSearch(): void {
    this.#state = 'search';
    this.#at = 0;
    this.#width = 0;
    this.#height = 0;
  }

  #drop(count: number): void {
    if (count > 0) this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }
}
