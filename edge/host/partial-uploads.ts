// Bundles that are on their way: kept by digest over a cut of the connection, so that an upload goes on where it stopped.
import { OutriderError } from '../../shared/errors.ts';

interface Upload {
  readonly total: number;
  readonly chunks: Uint8Array[];
  received: number;
}

/** Uploads that are kept at a time; the one used longest ago goes first: rovers that never finish must not fill the memory. */
const MAX_UPLOADS = 8;

export class PartialUploads {
  readonly #uploads = new Map<string, Upload>();

  /** Begins or resumes; returns the bytes that are here already. */
  open(digest: string, total: number): number {
    let upload = this.#uploads.get(digest);
    if (upload?.total !== total) upload = { total, chunks: [], received: 0 };
    this.#uploads.delete(digest);
    this.#uploads.set(digest, upload);
    if (this.#uploads.size > MAX_UPLOADS) this.#uploads.delete(this.#uploads.keys().next().value as string);
    return upload.received;
  }

  /** Takes the next piece (copied); returns the whole when it is complete, else null. Throws OUT_EDGE_TRANSFER when it is too much. */
  append(digest: string, chunk: Uint8Array): Uint8Array | null {
    const upload = this.#uploads.get(digest);
    if (upload === undefined) throw new OutriderError('OUT_EDGE_TRANSFER', 'the upload was given up here; begin again');
    if (upload.received + chunk.byteLength > upload.total) {
      this.#uploads.delete(digest);
      throw new OutriderError('OUT_EDGE_TRANSFER', `more than the announced ${upload.total} bytes arrived`);
    }
    upload.chunks.push(new Uint8Array(chunk));
    upload.received += chunk.byteLength;
    if (upload.received < upload.total) return null;
    this.#uploads.delete(digest);
    return Buffer.concat(upload.chunks);
  }
}
