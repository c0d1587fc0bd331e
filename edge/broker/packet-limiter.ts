// Bounds what one MQTT client can make the broker buffer: follows the packet framing (MQTT 3.1.1, section 2.2) and stops at a too long packet.

/** The first packet must be CONNECT; until it is complete, this much is allowed: nobody unknown gets more buffered. */
export const MAX_CONNECT_BYTES = 16 * 1024;

/** Follows packet boundaries in a byte stream that arrives in any pieces. */
export class PacketLimiter {
  readonly #maxBytes: number;
  #state: 'header' | 'length' | 'body' = 'header';
  #length = 0;
  #shift = 0;
  #left = 0;
  #packets = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Looks at the next bytes; returns what is wrong with them, or null. */
  inspect(chunk: Uint8Array): string | null {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'body') {
        const taken = Math.min(this.#left, chunk.length - at);
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#next();
        continue;
      }
      const byte = chunk[at++] as number;
      if (this.#state === 'header') {
        if (this.#packets === 0 && byte >> 4 !== 1) return 'the first packet is not CONNECT';
        this.#state = 'length';
        this.#length = 0;
        this.#shift = 0;
        continue;
      }
      this.#length |= (byte & 0x7f) << this.#shift;
      this.#shift += 7;
      if ((byte & 0x80) !== 0) {
        if (this.#shift >= 28) return 'a remaining length of more than four bytes';
        continue;
      }
      const limit = this.#packets === 0 ? Math.min(MAX_CONNECT_BYTES, this.#maxBytes) : this.#maxBytes;
      if (this.#length > limit) return `a packet of ${this.#length} bytes; at most ${limit} are allowed`;
      this.#left = this.#length;
      this.#state = 'body';
      if (this.#left === 0) this.#next();
    }
    return null;
  }

  #next(): void {
    this.#packets += 1;
    this.#state = 'header';
  }
}
