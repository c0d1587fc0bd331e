// Brings nodes into an order that can run (depth-first; a sorted file keeps its order); finds cycles and missing tensors.
import { OutriderError } from '../errors.ts';
import type { NodeProto } from './proto.ts';

export interface UnorderedNode {
  readonly node: NodeProto;
  readonly uses: readonly string[];
  readonly makes: readonly string[];
}

/** `known`: tensors that are there before any node. Throws OUT_MODEL_ONNX for a cycle, a tensor that nothing makes, or that two make. */
export function orderNodes(nodes: readonly UnorderedNode[], known: ReadonlySet<string>): readonly UnorderedNode[] {
  const maker = new Map<string, number>();
  for (const [index, { makes, node }] of nodes.entries()) {
    for (const name of makes) {
      if (known.has(name) || maker.has(name)) {
        throw new OutriderError('OUT_MODEL_ONNX', `the tensor "${name}" is made twice, once by node ${nodeName(node)}`);
      }
      maker.set(name, index);
    }
  }
  const needs = nodes.map(({ uses, node }) => {
    const makers = new Set<number>();
    for (const name of uses) {
      if (known.has(name)) continue;
      const from = maker.get(name);
      if (from === undefined) throw new OutriderError('OUT_MODEL_ONNX', `node ${nodeName(node)} reads "${name}", which nothing makes`);
      makers.add(from);
    }
    return [...makers];
  });

  const ordered: UnorderedNode[] = [];
  const state: ('new' | 'open' | 'done')[] = nodes.map(() => 'new');
  for (const start of nodes.keys()) {
    if (state[start] === 'done') continue;
    // A stack of our own: a chain of nodes may be longer than the call stack.
    const path: { readonly index: number; next: number }[] = [{ index: start, next: 0 }];
    state[start] = 'open';
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const need = needs[top.index]?.[top.next];
      top.next += 1;
      if (need === undefined) {
        path.pop();
        state[top.index] = 'done';
        ordered.push(nodes[top.index] as UnorderedNode);
      } else if (state[need] === 'open') {
        throw new OutriderError('OUT_MODEL_ONNX', `the graph has a cycle through node ${nodeName((nodes[need] as UnorderedNode).node)}`);
      } else if (state[need] === 'new') {
        state[need] = 'open';
        path.push({ index: need, next: 0 });
      }
    }
  }
  return ordered;
}

const nodeName = (node: NodeProto): string => `"${node.name ?? ''}" (${node.opType ?? 'no operator'})`;
