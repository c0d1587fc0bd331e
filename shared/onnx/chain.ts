// A network as a chain of layers: the segments between its useful cuts (IONN's collapse of a graph, Jeong et al., SoCC 2018, section 4.1).
import { chainEnds, cutsAt, legalCuts, queryNodes, type CutOptions, type CutPoint } from './cut-points.ts';
import type { OnnxModel } from './read-model.ts';
import { subModel, type SubModel } from './sub-model.ts';
import { specBytes, type TensorSpec } from './tensor.ts';

/** One layer of the chain. */
export interface Segment {
  readonly name: string;
  readonly part: SubModel;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly weightBytes: number;
}

export interface NetworkChain {
  readonly model: OnnxModel;
  /** One more than segments: both ends and what lies between. */
  readonly cuts: readonly CutPoint[];
  readonly segments: readonly Segment[];
  readonly specs: ReadonlyMap<string, TensorSpec>;
}

/** The part that segments [first, end) make up together. */
export function rangeOf(chain: NetworkChain, first: number, end: number): SubModel {
  return subModel(chain.model, chain.cuts[first] as CutPoint, chain.cuts[end] as CutPoint);
}

/** The chain over these cut positions. `specs` must hold every tensor at them. Throws OUT_MODEL_TENSOR for a position that is no legal cut. */
export function chainAt(
  model: OnnxModel,
  positions: readonly number[],
  specs: ReadonlyMap<string, TensorSpec>,
  options: CutOptions = {},
): NetworkChain {
  const [start, end] = chainEnds(model);
  const cuts = [start, ...cutsAt(model, positions, options), end];
  const names = new Set<string>();
  const segments = cuts.slice(1).map((to, index): Segment => {
    const from = cuts[index] as CutPoint;
    const part = subModel(model, from, to);
    return {
      name: segmentName(model, from, to, names),
      part,
      inputBytes: bytesAt(from, specs),
      outputBytes: bytesAt(to, specs),
      weightBytes: weightBytesOf(model, part.weights),
    };
  });
  return { model, cuts, segments, specs };
}

/**
 * The legal cuts worth having: one is left out where moving it behind the next nodes brings no weights along and no more bytes
 * (behind an activation or a pooling), for then the later cut is never worse. None lies before the first weights: a query that was
 * only resized or scaled is the raw query still, and layers that are to stay on board for privacy must be such that change it.
 */
export function usefulCuts(model: OnnxModel, specs: ReadonlyMap<string, TensorSpec>, options: CutOptions = {}): readonly CutPoint[] {
  const [start, end] = chainEnds(model);
  const all = legalCuts(model, options);
  return all.filter((cut, index) => {
    if (weightBytesOf(model, subModel(model, start, cut).weights) <= SMALL_WEIGHT_BYTES) return false;
    const next = all[index + 1] ?? end;
    const between = subModel(model, cut, next);
    return weightBytesOf(model, between.weights) > SMALL_WEIGHT_BYTES || bytesAt(next, specs) > bytesAt(cut, specs);
  });
}

/** Scalars and shapes among the stored tensors; weights are larger. */
const SMALL_WEIGHT_BYTES = 64;

export function bytesAt(cut: CutPoint, specs: ReadonlyMap<string, TensorSpec>): number {
  let bytes = 0;
  for (const name of cut.tensors) {
    const spec = specs.get(name);
    if (spec !== undefined) bytes += specBytes(spec);
  }
  return bytes;
}

export function weightBytesOf(model: OnnxModel, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (model.initializers.get(name)?.rawData?.byteLength ?? 0), 0);
}

/** By the node that carries the most weights, or the first: its name in the file, or its operator; unique within `taken`. */
function segmentName(model: OnnxModel, from: CutPoint, to: CutPoint, taken: Set<string>): string {
  const nodes = queryNodes(model).slice(from.position, to.position);
  const weight = (index: number): number =>
    weightBytesOf(
      model,
      (nodes[index]?.uses ?? []).filter((name) => model.initializers.has(name)),
    );
  const heaviest = nodes.reduce((best, _, index) => (weight(index) > weight(best) ? index : best), 0);
  const node = nodes[heaviest]?.proto;
  const base = (node?.name || node?.opType || 'layer').replace(/^\//, '').slice(0, 80);
  let name = base;
  for (let count = 2; taken.has(name); count += 1) name = `${base}#${count}`;
  taken.add(name);
  return name;
}
