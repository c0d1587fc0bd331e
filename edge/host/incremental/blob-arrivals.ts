// The pieces of one network as they arrive at a host: each is gathered, bounded by what was announced, and checked against its digest.
import { Buffer } from 'node:buffer';
import { OutriderError } from '../../../shared/errors.ts';
import type { Blob } from '../../../shared/incremental/frames.ts';
import { sha256 } from '../../../shared/incremental/skeleton.ts';
import { MAX_MODEL_BYTES } from '../../../shared/onnx/read-model.ts';
import type { WeightStore } from './weight-store.ts';

export class BlobArrivals {
  readonly #blobs: readonly Blob[];
  readonly #store: WeightStore;
  readonly #whole = new Map<number, Uint8Array>();
  /** The one that arrives now: pieces of two never mix. */
  #current: { readonly blob: number; readonly bytes: Uint8Array; filled: number } | null = null;

  /** Throws OUT_MODEL_TRANSFER where all together are more than a model may have. */
  constructor(blobs: readonly Blob[], store: WeightStore) {
    const total = blobs.reduce((sum, blob) => sum + blob.bytes, 0);
    if (blobs.length === 0 || total > MAX_MODEL_BYTES) {
      throw new OutriderError(
        'OUT_MODEL_TRANSFER',
        `${blobs.length} pieces of ${total} bytes announced, at most ${MAX_MODEL_BYTES} bytes are taken`,
      );
    }
    this.#blobs = blobs;
    this.#store = store;
    for (const [index, blob] of blobs.entries()) {
      // The graph always travels: rovers measure the link by it.
      const held = index === 0 ? null : store.get(blob.digest, blob.bytes);
      if (held !== null) this.#whole.set(index, held);
    }
  }

  /** Indices of those that are here whole. */
  get held(): readonly number[] {
    return [...this.#whole.keys()];
  }

  get(blob: number): Uint8Array | null {
    return this.#whole.get(blob) ?? null;
  }

  /** Takes the next piece (copied); true when the blob is whole now. Throws OUT_MODEL_TRANSFER for one that is out of place. */
  append(index: number, offset: number, bytes: Uint8Array): boolean {
    const blob = this.#blobs[index];
    if (blob === undefined || this.#whole.has(index)) {
      throw new OutriderError('OUT_MODEL_TRANSFER', `a piece of blob ${index} arrived, which is not awaited`);
    }
    this.#current ??= { blob: index, bytes: new Uint8Array(blob.bytes), filled: 0 };
    const current = this.#current;
    if (current.blob !== index || current.filled !== offset || offset + bytes.byteLength > blob.bytes || bytes.byteLength === 0) {
      throw new OutriderError(
        'OUT_MODEL_TRANSFER',
        `bytes ${offset} to ${offset + bytes.byteLength} of blob ${index} (${blob.bytes} bytes) arrived, ` +
          `byte ${current.filled} of blob ${current.blob} is next`,
      );
    }
    current.bytes.set(bytes, offset);
    current.filled += bytes.byteLength;
    if (current.filled < blob.bytes) return false;
    this.#current = null;
    if (Buffer.compare(sha256(current.bytes), blob.digest) !== 0) {
      throw new OutriderError('OUT_MODEL_TRANSFER', `the piece "${blob.name || 'skeleton'}" does not have the announced digest`);
    }
    if (index !== 0) this.#store.put(blob.digest, current.bytes);
    this.#whole.set(index, current.bytes);
    return true;
  }
}
