// A loaded network, whatever engine computes it.

/** What a graph takes or gives under one name. */
export interface TensorSpec {
  readonly name: string;
  /** Element type as ONNX names it, e.g. `float32`. */
  readonly type: string;
  /** −1: any size. */
  readonly dimensions: readonly number[];
}

/** Dense single-precision values, row-major; the last dimension varies fastest. */
export interface Tensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly data: Float32Array;
}

export interface Graph {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** What computes it: `cpu`, `cuda`, `tensorrt`. */
  readonly provider: string;
  /** Outputs in the graph's order. Throws OUT_MODEL_OUTPUT where the graph fails or gives other things than numbers. */
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

export interface InferenceEngine {
  /** Throws OUT_MODEL_UNREADABLE when `model` is no network that this engine can run; `name` is for messages. */
  load(model: Uint8Array, name: string): Promise<Graph>;
}

/** `3 × 240 × 320`, with `any` for a free size. */
export function describeShape(dimensions: readonly number[]): string {
  return dimensions.length === 0 ? 'a scalar' : dimensions.map((size) => (size < 0 ? 'any' : String(size))).join(' × ');
}
