// A network without its large weights: the graph goes ahead, the weights follow one by one and are put back at the other end.
import { createHash } from 'node:crypto';
import { OutriderError } from '../errors.ts';
import { encodeModel, type TensorProto } from '../onnx/proto.ts';
import type { OnnxModel } from '../onnx/read-model.ts';
import { SKELETON_WEIGHT_BYTES } from './limits.ts';

/** Names of the stored tensors that travel by themselves. */
export function largeWeights(model: OnnxModel): ReadonlySet<string> {
  const large = [...model.initializers].filter(([, tensor]) => (tensor.rawData?.byteLength ?? 0) >= SKELETON_WEIGHT_BYTES);
  return new Set(large.map(([name]) => name));
}

/** The file of the graph with these weights as names and shapes only; `readModel` takes it with `allowAbsent`. */
export function toSkeleton(model: OnnxModel, large: ReadonlySet<string>): Uint8Array {
  const initializer = [...model.initializers.values()].map((tensor): TensorProto => {
    const { name = '', dims = [], dataType = 0 } = tensor;
    return large.has(name ?? '') ? { name, dims, dataType } : tensor;
  });
  const { graph, ...rest } = model.proto;
  return encodeModel({
    ...rest,
    graph: {
      name: graph?.name ?? 'network',
      node: model.nodes.map((node) => node.proto),
      initializer,
      input: (graph?.input ?? []).filter((input) => !model.initializers.has(input.name ?? '')),
      output: graph?.output ?? [],
    },
  });
}

/** The model with these weights in place. Throws OUT_MODEL_TRANSFER for one whose size is not its shape's. */
export function withWeights(model: OnnxModel, weights: ReadonlyMap<string, Uint8Array>): OnnxModel {
  const initializers = new Map(model.initializers);
  for (const [name, rawData] of weights) {
    const tensor = initializers.get(name);
    if (tensor === undefined) throw new OutriderError('OUT_MODEL_TRANSFER', `weights of "${name}" arrived, which the graph does not have`);
    initializers.set(name, { ...tensor, rawData });
  }
  return { ...model, initializers };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
