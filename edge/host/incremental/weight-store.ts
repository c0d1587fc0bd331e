// Weights that are at the host, by their digest: a rover that comes back, or another with the same network, uploads nothing twice.
/** All connections together [bytes]. Threat: rovers that fill the memory with ever new weights; the ones used longest ago go first. */
const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;

export class WeightStore {
  readonly #maxBytes: number;
  readonly #blobs = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(options: { readonly maxBytes?: number } = {}) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** The bytes with this SHA-256, if they are here and so long. */
  get(digest: Uint8Array, bytes: number): Uint8Array | null {
    const key = toKey(digest);
    const blob = this.#blobs.get(key);
    if (blob?.byteLength !== bytes) return null;
    this.#blobs.delete(key);
    this.#blobs.set(key, blob);
    return blob;
  }

  /** Keeps bytes whose digest the caller has checked. Connections that use them hold them by themselves. */
  put(digest: Uint8Array, blob: Uint8Array): void {
    const key = toKey(digest);
    if (this.#blobs.has(key)) return;
    this.#blobs.set(key, blob);
    this.#bytes += blob.byteLength;
    for (const [oldest, old] of this.#blobs) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#blobs.delete(oldest);
      this.#bytes -= old.byteLength;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }
}

const toKey = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');
