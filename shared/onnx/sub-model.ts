// A part of a network between two cuts as an ONNX file of its own.
import { OutriderError } from '../errors.ts';
import { queryNodes, type CutPoint } from './cut-points.ts';
import { elementOfType } from './element-types.ts';
import { encodeModel, type NodeProto, type TensorProto, type ValueInfoProto } from './proto.ts';
import type { GraphNode, OnnxModel } from './read-model.ts';
import type { TensorSpec } from './tensor.ts';

export interface SubModel {
  /** Tensors that must be given: alive at the first cut and read between the two. */
  readonly inputs: readonly string[];
  /** Tensors that come out: made between the cuts and alive at the second. Others that are alive there pass by. */
  readonly outputs: readonly string[];
  /** Stored tensors that it reads, in the order of their first use. */
  readonly weights: readonly string[];
  /** The ONNX file. `specs` gives type and shape of each input. */
  toFile(specs: ReadonlyMap<string, TensorSpec>): Uint8Array;
}

/** The part from cut `from` to cut `to`; constants that it needs are repeated in it. */
export function subModel(model: OnnxModel, from: CutPoint, to: CutPoint): SubModel {
  const body = queryNodes(model).slice(from.position, to.position);
  const made = new Set(body.flatMap((node) => node.makes));
  const used = new Set(body.flatMap((node) => node.uses));
  const constants = constantsFor(model, body);
  const nodes = [...constants, ...body];
  const inputs = from.tensors.filter((name) => used.has(name) && !made.has(name));
  const outputs = to.tensors.filter((name) => made.has(name) || constants.some((node) => node.makes.includes(name)));
  const weights = [...new Set(nodes.flatMap((node) => node.uses))].filter((name) => model.initializers.has(name));
  return {
    inputs,
    outputs,
    weights,
    toFile: (specs) =>
      encodeGraph(model, {
        nodes: nodes.map((node) => node.proto),
        initializers: weights.map((name) => model.initializers.get(name) as TensorProto),
        inputs: inputs.map((name) => valueInfo(specs.get(name) ?? missing(name))),
        outputs: outputs.map((name) => ({ name })),
      }),
  };
}

/** The whole network, with these tensors as results besides its own. */
export function withResults(model: OnnxModel, names: readonly string[]): Uint8Array {
  return encodeGraph(model, {
    nodes: model.nodes.map((node) => node.proto),
    initializers: [...model.initializers.values()],
    inputs: [...(model.proto.graph?.input ?? [])].filter((input) => !model.initializers.has(input.name ?? '')),
    outputs: names.map((name) => ({ name })),
  });
}

interface GraphParts {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  readonly inputs: ValueInfoProto[];
  /** Without types: the runtime infers them. */
  readonly outputs: ValueInfoProto[];
}

function encodeGraph(model: OnnxModel, parts: GraphParts): Uint8Array {
  const { graph, ...rest } = model.proto;
  return encodeModel({
    ...rest,
    graph: { name: graph?.name ?? 'part', node: parts.nodes, initializer: parts.initializers, input: parts.inputs, output: parts.outputs },
  });
}

/** Constant nodes that `body` reads, through other constant nodes too, in order. */
function constantsFor(model: OnnxModel, body: readonly GraphNode[]): readonly GraphNode[] {
  const wanted = new Set([...body.flatMap((node) => node.uses), ...model.outputs]);
  const found: GraphNode[] = [];
  for (const node of model.nodes.toReversed()) {
    if (!node.isConstant || !node.makes.some((name) => wanted.has(name))) continue;
    found.push(node);
    for (const name of node.uses) wanted.add(name);
  }
  return found.toReversed();
}

function valueInfo(spec: TensorSpec): ValueInfoProto {
  return {
    name: spec.name,
    type: { tensorType: { elemType: elementOfType(spec.type)?.code ?? 0, shape: { dim: spec.dims.map((dim) => ({ dimValue: dim })) } } },
  };
}

function missing(name: string): never {
  throw new OutriderError('OUT_INTERNAL', `the shape of ${name} was not measured`);
}
