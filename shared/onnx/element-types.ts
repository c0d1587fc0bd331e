// Element types of tensors by their numbers in ONNX (onnx.proto, TensorProto.DataType), with what one element takes.

/** Element types that a query can carry; sub-byte, complex and string tensors stay inside the network. */
export type ElementType =
  'float32' | 'uint8' | 'int8' | 'uint16' | 'int16' | 'int32' | 'int64' | 'bool' | 'float16' | 'float64' | 'uint32' | 'uint64';

interface Element {
  readonly type: ElementType;
  /** TensorProto.DataType. */
  readonly code: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

const ELEMENTS: readonly Element[] = [
  { type: 'float32', code: 1, bytes: 4 },
  { type: 'uint8', code: 2, bytes: 1 },
  { type: 'int8', code: 3, bytes: 1 },
  { type: 'uint16', code: 4, bytes: 2 },
  { type: 'int16', code: 5, bytes: 2 },
  { type: 'int32', code: 6, bytes: 4 },
  { type: 'int64', code: 7, bytes: 8 },
  { type: 'bool', code: 9, bytes: 1 },
  { type: 'float16', code: 10, bytes: 2 },
  { type: 'float64', code: 11, bytes: 8 },
  { type: 'uint32', code: 12, bytes: 4 },
  { type: 'uint64', code: 13, bytes: 8 },
];

const byCode = new Map(ELEMENTS.map((element) => [element.code, element]));
const byType = new Map<string, Element>(ELEMENTS.map((element) => [element.type, element]));

/** The element type of a DataType number; null for the ones that no query carries. */
export function elementOfCode(code: number): Element | null {
  return byCode.get(code) ?? null;
}

/** The element type by its name in onnxruntime; null for the ones that no query carries. */
export function elementOfType(type: string): Element | null {
  return byType.get(type) ?? null;
}

/** Elements of a shape; null where a dimension is no whole number from 0 up, or the product is beyond what can be counted. */
export function elementCount(dims: readonly number[]): number | null {
  let count = 1;
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0) return null;
    count *= dim;
    if (count > Number.MAX_SAFE_INTEGER) return null;
  }
  return count;
}
