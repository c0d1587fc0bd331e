// A tensor as bytes: what crosses between the parts of a split network, independent of the runtime that computes it.
import { OutriderError } from '../errors.ts';
import { elementCount, elementOfType, type ElementType } from './element-types.ts';

export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Elements in row-major order, little-endian. */
  readonly data: Uint8Array;
}

/** Tensors by their names in the network. */
export type NamedTensors = ReadonlyMap<string, Tensor>;

/** What a tensor must be: the type and shape that were measured when the network was cut. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
}

/** Size of a tensor of known shape [bytes]. */
export function specBytes(spec: TensorSpec): number {
  return (elementCount(spec.dims) ?? 0) * (elementOfType(spec.type)?.bytes ?? 0);
}

/** Checks that all tensors of `specs` are there with their type, shape and size. Throws OUT_MODEL_TENSOR with what arrived. */
export function checkTensors(tensors: NamedTensors, specs: readonly TensorSpec[], what: string): void {
  for (const spec of specs) {
    const tensor = tensors.get(spec.name);
    const wanted = `${spec.type}[${spec.dims.join('×')}]`;
    if (tensor === undefined) throw new OutriderError('OUT_MODEL_TENSOR', `${what}: tensor ${spec.name} ${wanted} is missing`);
    const fits =
      tensor.type === spec.type && tensor.dims.length === spec.dims.length && spec.dims.every((dim, at) => tensor.dims[at] === dim);
    if (!fits || tensor.data.byteLength !== specBytes(spec)) {
      const arrived = `${tensor.type}[${tensor.dims.join('×')}] of ${tensor.data.byteLength} bytes`;
      throw new OutriderError('OUT_MODEL_TENSOR', `${what}: tensor ${spec.name} must be ${wanted}, ${arrived} arrived`);
    }
  }
}
