// What `nn` does for its callers: describes detectors, checks tensors, and computes them in turn with everybody else's.
import { OutriderError } from '../errors.ts';
import type { DetectorProfile, NamedTensor } from '../modules/host/nn.ts';
import { BatchQueue, type QueueStats } from './batch-queue.ts';
import { describeShape, type Graph, type InferenceEngine } from './graph.ts';
import { DEFAULT_INFERENCE, type InferenceSettings } from './inference-settings.ts';
import type { DetectorConfig } from './detector-config.ts';
import { builtModels, ModelLibrary } from './model-library.ts';

/** The functions of `nn` as one caller sees them. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature, and host functions are looked up by name
export type NnHost = {
  readonly describe: (graph: string) => Promise<DetectorProfile>;
  readonly compute: (graph: string, inputs: readonly NamedTensor[]) => Promise<NamedTensor[]>;
};

/** Elements of one request at most: 3 × 2048 × 2048 and a little more. */
const MAX_ELEMENTS = 1 << 24;
const MAX_INPUTS = 8;

export class InferenceService {
  readonly #library: ModelLibrary;
  readonly #queue: BatchQueue;

  constructor(
    engine: InferenceEngine,
    settings: InferenceSettings = {},
    ports: { readonly nowMs: () => number; readonly breathe: () => Promise<void> },
  ) {
    const { models, maxBatch, deadlineMs } = { ...DEFAULT_INFERENCE, ...settings };
    this.#library = new ModelLibrary(engine, [...models, builtModels()], ports.nowMs);
    this.#queue = new BatchQueue({ ...ports, maxBatch, deadlineMs });
  }

  get stats(): QueueStats {
    return this.#queue.stats;
  }

  /** `caller` is whom fairness is for. */
  client(caller: string): NnHost {
    return {
      describe: async (name) => {
        const { graph, config } = await this.#library.open(name);
        return toProfile(config, graph.inputs[0]?.name ?? '');
      },
      compute: async (name, inputs) => {
        const { graph } = await this.#library.open(name);
        checkInputs(name, graph, inputs);
        const tensors = inputs.map((input) => ({ ...input, dimensions: [...input.dimensions] }));
        const outputs = await this.#queue.submit(caller, graph, tensors);
        return outputs.map((output) => ({ ...output, dimensions: Int32Array.from(output.dimensions) }));
      },
    };
  }

  forget(caller: string): void {
    this.#queue.forget(caller);
  }
}

/** Throws OUT_MODEL_INPUT, saying what was expected and what arrived. */
function checkInputs(name: string, { inputs: wanted }: Graph, inputs: readonly NamedTensor[]): void {
  const refuse = (why: string): never => {
    throw new OutriderError('OUT_MODEL_INPUT', `${name}: ${why}`);
  };
  if (inputs.length !== wanted.length || inputs.length > MAX_INPUTS)
    refuse(`${wanted.length} inputs are expected, ${inputs.length} arrived`);
  let total = 0;
  for (const { name: input, dimensions, data } of inputs) {
    const spec = wanted.find((item) => item.name === input);
    if (spec === undefined)
      return refuse(`it has no input ${JSON.stringify(input.slice(0, 80))}, but ${wanted.map((item) => item.name).join(', ')}`);
    const fits =
      dimensions.length === spec.dimensions.length && spec.dimensions.every((size, axis) => size < 0 || size === dimensions[axis]);
    if (!fits) refuse(`input ${input}: ${describeShape(spec.dimensions)} is expected, ${describeShape([...dimensions])} arrived`);
    const elements = dimensions.reduce((product, size) => product * Math.max(0, size), 1);
    total += elements;
    if (elements !== data.length || elements === 0)
      refuse(`input ${input} of ${describeShape([...dimensions])} came with ${data.length} values, not ${elements}`);
    if (total > MAX_ELEMENTS) refuse(`more than ${MAX_ELEMENTS} values in one request`);
  }
}

/** What a detector's module is told of its network. */
export function toProfile({ layout, classes, input, thresholds }: DetectorConfig, inputName: string): DetectorProfile {
  return {
    layout,
    classes,
    inputName,
    inputWidth: input.width,
    inputHeight: input.height,
    blueFirst: input.channels === 'bgr',
    white: input.range === 'unit' ? 1 : 255,
    centred: input.letterbox === 'centre',
    padding: input.padding,
    leastScores: Float64Array.from(classes, (name) => thresholds.classScores[name] ?? thresholds.score),
    maxOverlap: thresholds.overlap,
    maxDetections: thresholds.maxDetections,
  };
}
