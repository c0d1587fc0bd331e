// A rover's network at a host, as far as it has arrived: ranges of its layers become sessions as soon as their weights are here.
import { OutriderError } from '../../../shared/errors.ts';
import type { LayerRange, OpenFrame } from '../../../shared/incremental/frames.ts';
import { withWeights } from '../../../shared/incremental/skeleton.ts';
import { chainAt, rangeOf, type NetworkChain } from '../../../shared/onnx/chain.ts';
import { layerWork } from '../../../shared/onnx/layer-work.ts';
import type { NetworkSession, OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import { readModel } from '../../../shared/onnx/read-model.ts';
import type { SubModel } from '../../../shared/onnx/sub-model.ts';
import { checkTensors, type NamedTensors, type TensorSpec } from '../../../shared/onnx/tensor.ts';
import { declaredBytes } from '../../../shared/onnx/weights.ts';

interface Range {
  readonly part: SubModel;
  /** Null until all of its weights are here. */
  session: NetworkSession | null;
}

export class HostedNetwork {
  readonly #chain: NetworkChain;
  readonly #open: OpenNetwork;
  /** Weights that travel by themselves, by name: where to find each. */
  readonly #blobOf: ReadonlyMap<string, number>;
  readonly #ranges = new Map<string, Range>();
  #work: readonly number[] | null = null;

  /** Throws as `readModel` does, or OUT_MODEL_TENSOR, OUT_MODEL_TRANSFER where skeleton, cuts, tensors and weights do not fit each other. */
  constructor(frame: OpenFrame, skeleton: Uint8Array, open: OpenNetwork) {
    const weights = frame.blobs.slice(1);
    this.#blobOf = new Map(weights.map(({ name }, index) => [name, index + 1]));
    const model = readModel(skeleton, { allowAbsent: true });
    for (const { name, bytes } of weights) {
      const tensor = model.initializers.get(name);
      const wanted = tensor === undefined ? 0 : declaredBytes(tensor);
      if (wanted !== bytes)
        throw new OutriderError('OUT_MODEL_TRANSFER', `weights "${name}" of ${bytes} bytes announced, the graph wants ${wanted}`);
    }
    const specs = new Map(frame.specs.map((spec) => [spec.name, spec]));
    this.#chain = chainAt(model, frame.cuts, specs, { maxTensors: frame.maxTensors });
    const unknown = this.#chain.cuts.slice(0, -1).flatMap((cut) => cut.tensors.filter((name) => !specs.has(name)));
    if (unknown.length > 0) throw new OutriderError('OUT_MODEL_TRANSFER', `type and shape of "${unknown[0]}" were not announced`);
    this.#open = open;
  }

  /** The blobs that these ranges need. Throws OUT_MODEL_TENSOR for a range that the chain lacks, OUT_MODEL_TRANSFER for weights not announced. */
  needs(ranges: readonly LayerRange[]): readonly number[] {
    const names = ranges.flatMap((range) => this.#range(range).part.weights);
    const lost = names.find((name) => !this.#blobOf.has(name) && this.#chain.model.initializers.get(name)?.rawData === undefined);
    if (lost !== undefined) throw new OutriderError('OUT_MODEL_TRANSFER', `a plan needs the weights "${lost}", which were not announced`);
    return [...new Set(names)].flatMap((name) => this.#blobOf.get(name) ?? []);
  }

  /** Makes the ranges ready; their blobs must be here. Rejects as {@link OpenNetwork} does. */
  async prepare(ranges: readonly LayerRange[], blob: (index: number) => Uint8Array | null): Promise<void> {
    for (const range of ranges) {
      const entry = this.#range(range);
      if (entry.session !== null) continue;
      const weights = new Map<string, Uint8Array>();
      for (const name of entry.part.weights) {
        const bytes = blob(this.#blobOf.get(name) ?? -1);
        if (bytes !== null) weights.set(name, bytes);
      }
      const filled = { ...this.#chain, model: withWeights(this.#chain.model, weights) };
      entry.session = await this.#open(rangeOf(filled, range[0], range[1]).toFile(this.#chain.specs));
    }
  }

  /** Rejects with OUT_MODEL_TENSOR for tensors that do not fit, OUT_MODEL_TRANSFER for a range that is not ready. */
  async run(range: LayerRange, tensors: NamedTensors): Promise<NamedTensors> {
    const { part, session } = this.#range(range);
    if (session === null) throw new OutriderError('OUT_MODEL_TRANSFER', `layers ${range[0]} to ${range[1]} are not ready here`);
    const specs = part.inputs.map((name) => this.#chain.specs.get(name) as TensorSpec);
    checkTensors(tensors, specs, 'query');
    return session.run(new Map(specs.map(({ name }) => [name, tensors.get(name) ?? neverMissing(name)])));
  }

  /** About what part of the network's work these layers are. */
  shareOf([first, end]: LayerRange): number {
    this.#work ??= layerWork(this.#chain);
    return this.#work.slice(first, end).reduce((sum, share) => sum + share, 0);
  }

  async close(): Promise<void> {
    for (const { session } of this.#ranges.values()) await session?.close();
    this.#ranges.clear();
  }

  #range(range: LayerRange): Range {
    const [first, end] = range;
    const key = range.join();
    const known = this.#ranges.get(key);
    if (known !== undefined) return known;
    if (end > this.#chain.segments.length) {
      throw new OutriderError('OUT_MODEL_TENSOR', `layers ${first} to ${end} asked for, the network has ${this.#chain.segments.length}`);
    }
    const made: Range = { part: rangeOf(this.#chain, first, end), session: null };
    this.#ranges.set(key, made);
    return made;
  }
}

function neverMissing(name: string): never {
  throw new OutriderError('OUT_INTERNAL', `${name} was checked and is missing`);
}
