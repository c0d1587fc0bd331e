// Types and shapes of the tensors inside a network, found by running it once with all of them as results: exact for every operator.
import { OutriderError } from '../errors.ts';
import { elementCount } from './element-types.ts';
import { closeShape } from './input-spec.ts';
import type { OpenNetwork } from './ort-session.ts';
import type { OnnxModel } from './read-model.ts';
import { withResults } from './sub-model.ts';
import { specBytes, type NamedTensors, type Tensor, type TensorSpec } from './tensor.ts';

export interface MeasureOptions {
  /** Shapes of inputs whose dimensions the file leaves open, by the input's name. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

/** The specs of these tensors and of the inputs. Rejects as {@link OpenNetwork} and the run do, or with OUT_MODEL_TENSOR, OUT_MODEL_LIMIT. */
export async function measureTensors(
  model: OnnxModel,
  names: readonly string[],
  open: OpenNetwork,
  options: MeasureOptions = {},
): Promise<ReadonlyMap<string, TensorSpec>> {
  const inputs = model.inputs.map((input) => closeShape(input, options.shapes));
  const specs = new Map(inputs.map((spec) => [spec.name, spec]));
  const wanted = [...new Set([...names, ...model.outputs])].filter((name) => !specs.has(name));
  const session = await open(withResults(model, wanted));
  try {
    const results = await session.run(plainInputs(inputs));
    for (const name of wanted) {
      const tensor = results.get(name);
      if (tensor === undefined) throw new OutriderError('OUT_MODEL_ONNX', `the model run did not give the tensor "${name}"`);
      specs.set(name, { name, type: tensor.type, dims: tensor.dims });
    }
  } finally {
    await session.close();
  }
  return specs;
}

/** A query that fits: a slow ramp from 0 to 1 for float32, zeros for all else. */
export function plainInputs(specs: readonly TensorSpec[]): NamedTensors {
  return new Map(
    specs.map((spec): [string, Tensor] => {
      const data = new Uint8Array(specBytes(spec));
      if (spec.type === 'float32') {
        const count = elementCount(spec.dims) ?? 0;
        const values = new Float32Array(data.buffer);
        for (let at = 0; at < count; at += 1) values[at] = at / count;
      }
      return [spec.name, { type: spec.type, dims: spec.dims, data }];
    }),
  );
}
