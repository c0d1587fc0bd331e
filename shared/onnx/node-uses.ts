// Which tensors of the outer graph a node reads, those that its subgraphs (If, Loop, Scan) capture included (ONNX IR, "graphs in attributes").
import { OutriderError } from '../errors.ts';
import type { GraphProto, NodeProto } from './proto.ts';

/** Subgraphs within subgraphs. Threat: recursion without end. */
const MAX_DEPTH = 16;

/** Names that the node needs from outside itself, each once; the empty name (an omitted optional input) is none. */
export function usesOf(node: NodeProto): readonly string[] {
  const uses = new Set<string>();
  collect(node, new Set(), uses, 0);
  return [...uses];
}

function collect(node: NodeProto, local: ReadonlySet<string>, uses: Set<string>, depth: number): void {
  if (depth > MAX_DEPTH) throw new OutriderError('OUT_MODEL_LIMIT', `subgraphs more than ${MAX_DEPTH} deep at node ${node.name ?? ''}`);
  for (const input of node.input ?? []) if (input !== '' && !local.has(input)) uses.add(input);
  for (const attribute of node.attribute ?? []) {
    for (const graph of [attribute.g, ...(attribute.graphs ?? [])]) {
      if (graph !== null && graph !== undefined) collectGraph(graph, local, uses, depth + 1);
    }
  }
}

function collectGraph(graph: GraphProto, outer: ReadonlySet<string>, uses: Set<string>, depth: number): void {
  const local = new Set(outer);
  for (const input of graph.input ?? []) local.add(input.name ?? '');
  for (const initializer of graph.initializer ?? []) local.add(initializer.name ?? '');
  for (const node of graph.node ?? []) for (const output of node.output ?? []) local.add(output);
  for (const node of graph.node ?? []) collect(node, local, uses, depth);
  for (const output of graph.output ?? []) if (!local.has(output.name ?? '')) uses.add(output.name ?? '');
}
