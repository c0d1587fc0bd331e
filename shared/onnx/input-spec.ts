// What a network's input must be, as its file declares it; open dimensions are null.
import { OutriderError } from '../errors.ts';
import { elementCount, elementOfCode, type ElementType } from './element-types.ts';
import { toNumber, type ValueInfoProto } from './proto.ts';
import { type TensorSpec, specBytes } from './tensor.ts';

export interface InputSpec {
  readonly name: string;
  readonly type: ElementType;
  /** Null where the file leaves a dimension open. */
  readonly dims: readonly (number | null)[];
}

/** One query's input [bytes]. Threat: dimensions that ask for the whole memory. A 4K frame in float32 has 100 MB. */
const MAX_INPUT_BYTES = 128 * 1024 * 1024;

export function toInputSpec(input: ValueInfoProto): InputSpec {
  const name = input.name ?? '';
  const tensor = input.type?.tensorType;
  const element = elementOfCode(tensor?.elemType ?? 0);
  if (name === '' || tensor === null || tensor === undefined || element === null) {
    throw new OutriderError('OUT_MODEL_ONNX', `the input "${name}" is no tensor of numbers`);
  }
  const dims = (tensor.shape?.dim ?? []).map((dim) => {
    if (dim.dimValue === null || dim.dimValue === undefined) return null;
    const value = toNumber(dim.dimValue);
    return value > 0 ? value : null;
  });
  return { name, type: element.type, dims };
}

/**
 * Closes the open dimensions: with `given` where it names the input, else the first with 1 (the batch).
 * Throws OUT_MODEL_TENSOR where one stays open or differs, OUT_MODEL_LIMIT where the input is too large.
 */
export function closeShape(input: InputSpec, given: ReadonlyMap<string, readonly number[]> = new Map()): TensorSpec {
  const wanted = given.get(input.name);
  const declared = `${input.name} is ${input.type}[${input.dims.map((dim) => dim ?? '?').join('×')}]`;
  if (wanted !== undefined) {
    const fits = wanted.length === input.dims.length && input.dims.every((dim, at) => dim === null || dim === wanted[at]);
    if (!fits) throw new OutriderError('OUT_MODEL_TENSOR', `${declared}, the shape ${wanted.join('×')} was given for it`);
  }
  const dims = input.dims.map((dim, at) => wanted?.[at] ?? dim ?? (at === 0 ? 1 : null));
  if (dims.includes(null)) throw new OutriderError('OUT_MODEL_TENSOR', `${declared}: the open dimensions must be given`);
  const spec = { name: input.name, type: input.type, dims: dims as number[] };
  if (elementCount(spec.dims) === null || specBytes(spec) > MAX_INPUT_BYTES) {
    throw new OutriderError('OUT_MODEL_LIMIT', `${declared}: an input may have ${MAX_INPUT_BYTES} bytes`);
  }
  return spec;
}
