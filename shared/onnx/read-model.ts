// Reads an ONNX file into a checked graph: every tensor has one origin, nodes are in an order that can run (ONNX IR specification).
import { OutriderError } from '../errors.ts';
import { usesOf } from './node-uses.ts';
import { decodeModel, type GraphProto, type ModelProto, type NodeProto, type TensorProto } from './proto.ts';
import { orderNodes } from './order-nodes.ts';
import { toRawTensor } from './weights.ts';
import { toInputSpec, type InputSpec } from './input-spec.ts';

/** Largest model file [bytes]. Threat: a file that fills the memory of a rover or a host. Detectors have 4 to 250 MB. */
export const MAX_MODEL_BYTES = 256 * 1024 * 1024;
/** Threat: graphs that make every later step slow. Large transformers have some ten thousand nodes. */
const MAX_NODES = 50_000;

/** One node with what it reads and writes. */
export interface GraphNode {
  readonly proto: NodeProto;
  /** Tensors that it reads, those captured by its subgraphs included. */
  readonly uses: readonly string[];
  readonly makes: readonly string[];
  /** Its outputs do not depend on the query: it can be repeated wherever they are needed. */
  readonly isConstant: boolean;
}

export interface OnnxModel {
  readonly proto: ModelProto;
  /** In an order in which each comes after what it needs. */
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly InputSpec[];
  /** Names of the network's results. */
  readonly outputs: readonly string[];
  /** Stored tensors, as raw bytes. */
  readonly initializers: ReadonlyMap<string, TensorProto>;
}

export interface ReadOptions {
  /** Stored tensors may come without their data, which arrive by themselves. */
  readonly allowAbsent?: boolean;
}

/** Throws OUT_MODEL_ONNX (no such file, or a broken graph) or OUT_MODEL_LIMIT (too large). `bytes` must not change afterwards. */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): OnnxModel {
  if (bytes.byteLength > MAX_MODEL_BYTES) {
    throw new OutriderError('OUT_MODEL_LIMIT', `a model of ${bytes.byteLength} bytes, at most ${MAX_MODEL_BYTES} are read`);
  }
  let proto: ModelProto;
  try {
    proto = decodeModel(bytes);
  } catch (cause) {
    throw new OutriderError(
      'OUT_MODEL_ONNX',
      `${bytes.byteLength} bytes that are no ONNX file, or a part of one: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  const { graph } = proto;
  if (graph === null || graph === undefined || (graph.node ?? []).length === 0) {
    throw new OutriderError('OUT_MODEL_ONNX', `${bytes.byteLength} bytes without a graph: no ONNX file, or a part of one`);
  }
  if ((graph.node ?? []).length > MAX_NODES) {
    throw new OutriderError('OUT_MODEL_LIMIT', `a graph of ${graph.node?.length} nodes, at most ${MAX_NODES} are read`);
  }
  if ((graph.sparseInitializer ?? []).length > 0) {
    throw new OutriderError('OUT_MODEL_ONNX', 'the graph stores sparse tensors: save it with dense ones');
  }
  if ((proto.opsetImport ?? []).length === 0) {
    throw new OutriderError('OUT_MODEL_ONNX', 'the file does not say which operators it uses: it was cut off behind its graph');
  }
  return checkGraph(proto, graph, options.allowAbsent);
}

function checkGraph(proto: ModelProto, graph: GraphProto, allowAbsent = false): OnnxModel {
  const initializers = new Map<string, TensorProto>();
  for (const tensor of graph.initializer ?? []) {
    const name = tensor.name ?? '';
    if (name === '' || initializers.has(name)) throw new OutriderError('OUT_MODEL_ONNX', `two stored tensors are named "${name}"`);
    initializers.set(name, toRawTensor(tensor, allowAbsent));
  }
  const plain: NodeProto[] = [];
  for (const node of graph.node ?? []) {
    const lifted = liftConstant(node);
    if (lifted === null) plain.push(node);
    else if (initializers.has(lifted.name ?? '')) throw new OutriderError('OUT_MODEL_ONNX', `two tensors are named "${lifted.name}"`);
    else initializers.set(lifted.name ?? '', toRawTensor(lifted));
  }
  // Old files list their weights among the inputs.
  const inputs = (graph.input ?? []).filter((input) => !initializers.has(input.name ?? '')).map(toInputSpec);
  if (inputs.length === 0) throw new OutriderError('OUT_MODEL_ONNX', 'the graph has no input');
  const outputs = (graph.output ?? []).map((output) => output.name ?? '');
  if (outputs.length === 0) throw new OutriderError('OUT_MODEL_ONNX', 'the graph has no output');

  const known = new Set([...initializers.keys(), ...inputs.map((input) => input.name)]);
  const ordered = orderNodes(
    plain.map((node) => ({ node, uses: usesOf(node), makes: (node.output ?? []).filter((name) => name !== '') })),
    known,
  );
  const fixed = new Set(initializers.keys());
  const nodes = ordered.map(({ node, uses, makes }) => {
    const isConstant = uses.every((name) => fixed.has(name)) && !DRAWS.has(node.opType ?? '');
    if (isConstant) for (const name of makes) fixed.add(name);
    return { proto: node, uses, makes, isConstant };
  });
  const made = new Set([...known, ...nodes.flatMap((node) => node.makes)]);
  const lost = outputs.find((name) => !made.has(name));
  if (lost !== undefined) throw new OutriderError('OUT_MODEL_ONNX', `nothing makes the output "${lost}"`);
  return { proto, nodes, inputs, outputs, initializers };
}

/** Operators without inputs whose results differ from run to run. */
const DRAWS = new Set(['RandomNormal', 'RandomUniform', 'RandomNormalLike', 'RandomUniformLike', 'Multinomial', 'Bernoulli']);

/** A Constant node with a tensor is a stored tensor by another name. */
function liftConstant(node: NodeProto): TensorProto | null {
  if (node.opType !== 'Constant' || (node.domain ?? '') !== '') return null;
  const value = node.attribute?.find((attribute) => attribute.name === 'value')?.t;
  const name = node.output?.[0];
  return value === null || value === undefined || name === undefined ? null : { ...value, name };
}
