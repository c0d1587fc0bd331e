// The cells of a published map tile as text: raw deflate, then base64 (see the `map tile` message).
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { OutriderError } from '../errors.ts';

/** Encodes tileSize² int8 cells. */
export function encodeTileCells(cells: Int8Array): string {
  return deflateRawSync(new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength), { level: 6 }).toString('base64');
}

/** Decodes a tile of `tileSize`² cells. Throws OUT_PROTOCOL_MESSAGE when it is not such a tile; never inflates beyond its size. */
export function decodeTileCells(text: string, tileSize: number): Int8Array {
  const length = tileSize * tileSize;
  try {
    const bytes = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: length });
    if (bytes.byteLength !== length) throw new RangeError(`${bytes.byteLength} cells`);
    return new Int8Array(bytes);
  } catch (cause) {
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', `map tile: cells are not ${length} raw-deflated bytes in base64`, { cause });
  }
}
