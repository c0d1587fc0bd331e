// Where a network can be cut in two: places in the order of its nodes where few tensors are alive (after IONN's collapse to a chain,
// Jeong et al., SoCC 2018, section 4.1; skip connections make several tensors cross at once).
import { OutriderError } from '../errors.ts';
import type { OnnxModel } from './read-model.ts';

/** A place between two nodes that depend on the query. */
export interface CutPoint {
  /** Number of query-dependent nodes before the cut. */
  readonly position: number;
  /** Names of all tensors that are alive here: made before (or given), needed after (or results). */
  readonly tensors: readonly string[];
}

export interface CutOptions {
  /** Tensors that may cross at one cut. Default 4: a backbone with three skip connections. */
  readonly maxTensors?: number;
}

const DEFAULT_MAX_TENSORS = 4;

/** Nodes that depend on the query, in order: what cuts count. */
export function queryNodes(model: OnnxModel): OnnxModel['nodes'] {
  return model.nodes.filter((node) => !node.isConstant);
}

/** All legal cuts in order, without the two ends. */
export function legalCuts(model: OnnxModel, options: CutOptions = {}): readonly CutPoint[] {
  const { maxTensors = DEFAULT_MAX_TENSORS } = options;
  const nodes = queryNodes(model);
  const lastUse = new Map<string, number>();
  for (const [index, node] of nodes.entries()) for (const name of node.uses) lastUse.set(name, index);
  for (const name of model.outputs) lastUse.set(name, nodes.length);

  const unsettled = unsettledTensors(nodes);
  const alive = new Set(model.inputs.map((input) => input.name).filter((name) => lastUse.has(name)));
  const cuts: CutPoint[] = [];
  for (const [index, node] of nodes.entries()) {
    for (const name of node.makes) if (lastUse.has(name)) alive.add(name);
    for (const name of alive) if ((lastUse.get(name) ?? -1) <= index) alive.delete(name);
    if (index + 1 < nodes.length && alive.size > 0 && alive.size <= maxTensors && ![...alive].some((name) => unsettled.has(name))) {
      cuts.push({ position: index + 1, tensors: [...alive] });
    }
  }
  return cuts;
}

/** Operators whose results are no plain tensors, or have a shape that the query's values decide. */
const UNSETTLED = new Set([
  ...['NonMaxSuppression', 'NonZero', 'Unique', 'Compress', 'Loop', 'If', 'Scan'],
  ...['SequenceConstruct', 'SequenceEmpty', 'SequenceInsert', 'SequenceErase', 'SplitToSequence', 'Optional', 'ZipMap'],
]);

/** Tensors made by such operators, or from what they make. */
function unsettledTensors(nodes: OnnxModel['nodes']): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { proto, uses, makes } of nodes) {
    if (UNSETTLED.has(proto.opType ?? '') || uses.some((name) => found.has(name))) for (const name of makes) found.add(name);
  }
  return found;
}

/** The chain's ends: everything that is given, everything that is wanted. */
export function chainEnds(model: OnnxModel): readonly [start: CutPoint, end: CutPoint] {
  return [
    { position: 0, tensors: model.inputs.map((input) => input.name) },
    { position: queryNodes(model).length, tensors: model.outputs },
  ];
}

/** The legal cuts at these positions. Throws OUT_MODEL_TENSOR where one is none, or they are not ascending. */
export function cutsAt(model: OnnxModel, positions: readonly number[], options: CutOptions = {}): readonly CutPoint[] {
  const legal = new Map(legalCuts(model, options).map((cut) => [cut.position, cut]));
  return positions.map((position, index) => {
    const cut = legal.get(position);
    if (cut === undefined) throw new OutriderError('OUT_MODEL_TENSOR', `the network cannot be cut after node ${position}`);
    if (index > 0 && position <= (positions[index - 1] ?? 0))
      throw new OutriderError('OUT_MODEL_TENSOR', 'cuts must be in ascending order');
    return cut;
  });
}
