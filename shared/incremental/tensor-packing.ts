// Lossless forms of a tensor's bytes for the link: activations behind a ReLU are mostly zeros, and an 8-bit picture has few values.
import { OutriderError } from '../errors.ts';
import { elementOfType } from '../onnx/element-types.ts';
import type { Tensor } from '../onnx/tensor.ts';

/** How the bytes travel: as they are; a bit map of the elements that are not zero, then these; up to 256 values, then an index each. */
export const PACKING = { raw: 0, sparse: 1, palette: 2 } as const;

export interface PackedBytes {
  readonly packing: number;
  readonly bytes: Uint8Array;
}

const MAX_VALUES = 256;

/** The smallest of the forms. Elements of 4 bytes are packed, all others travel as they are. */
export function packTensor({ type, data }: Tensor): PackedBytes {
  if (elementOfType(type)?.bytes !== 4 || data.byteLength === 0) return { packing: PACKING.raw, bytes: data };
  const elements = words(data);
  return packPalette(elements) ?? packSparse(elements) ?? { packing: PACKING.raw, bytes: data };
}

/** The tensor's bytes again. Throws OUT_WIRE_MALFORMED where they do not give exactly `byteLength`. */
export function unpackTensor({ packing, bytes }: PackedBytes, byteLength: number): Uint8Array {
  switch (packing) {
    case PACKING.raw:
      if (bytes.byteLength !== byteLength) throw wrongSize(bytes.byteLength, byteLength);
      return bytes;
    case PACKING.sparse:
      return unpackSparse(bytes, byteLength);
    case PACKING.palette:
      return unpackPalette(bytes, byteLength);
    default:
      throw new OutriderError('OUT_WIRE_MALFORMED', `a tensor packed in the unknown way ${packing}`);
  }
}

/** Slots of the table that finds a value's index: four times as many as values, so that searches are short. */
const SLOTS = 1024;
/** Knuth's multiplicative hashing: the golden ratio in 32 bits; the upper ten bits choose the slot. */
const GOLDEN = 0x9e37_79b1;
const HASH_SHIFT = 22;

/** Count of values u16, the values, one byte for each element. */
function packPalette(elements: Uint32Array): PackedBytes | null {
  const slotOf = new Int16Array(SLOTS).fill(-1);
  const values = new Uint32Array(MAX_VALUES);
  const indices = new Uint8Array(elements.length);
  let count = 0;
  for (let at = 0; at < elements.length; at += 1) {
    const value = elements[at] ?? 0;
    let slot = Math.imul(value, GOLDEN) >>> HASH_SHIFT;
    let index = slotOf[slot] ?? -1;
    while (index >= 0 && values[index] !== value) {
      slot = (slot + 1) % SLOTS;
      index = slotOf[slot] ?? -1;
    }
    if (index < 0) {
      if (count === MAX_VALUES) return null;
      index = count;
      values[index] = value;
      slotOf[slot] = index;
      count += 1;
    }
    indices[at] = index;
  }
  const start = 2 + 4 * count;
  if (start + elements.length >= 4 * elements.length) return null;
  const out = new Uint8Array(start + elements.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, count, true);
  for (let index = 0; index < count; index += 1) view.setUint32(2 + 4 * index, values[index] ?? 0, true);
  out.set(indices, start);
  return { packing: PACKING.palette, bytes: out };
}

/** One bit for each element, least significant first, then the elements that are not +0. */
function packSparse(elements: Uint32Array): PackedBytes | null {
  let count = 0;
  for (let at = 0; at < elements.length; at += 1) if (elements[at] !== 0) count += 1;
  const mapBytes = Math.ceil(elements.length / 8);
  if (mapBytes + 4 * count >= 4 * elements.length) return null;
  const out = new Uint8Array(mapBytes + 4 * count);
  const kept = new Uint32Array(count);
  let to = 0;
  for (let at = 0; at < elements.length; at += 1) {
    const value = elements[at] ?? 0;
    if (value === 0) continue;
    out[at >> 3] = (out[at >> 3] ?? 0) | (1 << (at & 7));
    kept[to] = value;
    to += 1;
  }
  out.set(new Uint8Array(kept.buffer), mapBytes);
  return { packing: PACKING.sparse, bytes: out };
}

function unpackSparse(bytes: Uint8Array, byteLength: number): Uint8Array {
  const count = byteLength / 4;
  const mapBytes = Math.ceil(count / 8);
  if (!Number.isInteger(count) || bytes.byteLength < mapBytes) throw wrongSize(bytes.byteLength, byteLength);
  let set = 0;
  for (let at = 0; at < count; at += 1) set += ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1;
  if (bytes.byteLength !== mapBytes + 4 * set) throw wrongSize(bytes.byteLength, byteLength);
  const out = new Uint8Array(byteLength);
  let from = mapBytes;
  for (let at = 0; at < count; at += 1) {
    if ((((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) === 0) continue;
    out.set(bytes.subarray(from, from + 4), 4 * at);
    from += 4;
  }
  return out;
}

function unpackPalette(bytes: Uint8Array, byteLength: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = bytes.byteLength < 2 ? 0 : view.getUint16(0, true);
  const start = 2 + 4 * values;
  const count = byteLength / 4;
  if (values === 0 || values > MAX_VALUES || bytes.byteLength !== start + count) throw wrongSize(bytes.byteLength, byteLength);
  const palette = Uint32Array.from({ length: values }, (_, index) => view.getUint32(2 + 4 * index, true));
  const out = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) {
    const value = palette[bytes[start + at] ?? 0];
    if (value === undefined) throw new OutriderError('OUT_WIRE_MALFORMED', `value ${bytes[start + at]} of a palette of ${values}`);
    out[at] = value;
  }
  return new Uint8Array(out.buffer);
}

/** A view of the bytes as 32-bit words; copied where they are not aligned. */
function words(data: Uint8Array): Uint32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function wrongSize(packed: number, wanted: number): OutriderError {
  return new OutriderError('OUT_WIRE_MALFORMED', `${packed} packed bytes do not give a tensor of ${wanted}`);
}
