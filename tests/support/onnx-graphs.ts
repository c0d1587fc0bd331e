// Small networks in the ONNX format, made here: a backbone with skip connections and a head, as detectors have.
import { ATTRIBUTE, encodeModel, type NodeProto, type TensorProto } from '../../shared/onnx/proto.ts';

/** A repeatable pseudo-random sequence in −0.5…0.5 (a linear congruential generator). */
function values(count: number, seed: number): Float32Array {
  const out = new Float32Array(count);
  let state = seed * 2 + 1;
  for (let at = 0; at < count; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[at] = state / 2 ** 32 - 0.5;
  }
  return out;
}

export function weight(name: string, dims: readonly number[], seed: number): TensorProto {
  const data = values(
    dims.reduce((product, dim) => product * dim, 1),
    seed,
  );
  return { name, dims: [...dims], dataType: 1, rawData: new Uint8Array(data.buffer) };
}

const ints = (name: string, list: readonly number[]) => ({ name, type: ATTRIBUTE.INTS, ints: [...list] });

export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attribute: NodeProto['attribute'] = [],
): NodeProto {
  return { name: `${opType}_${output[0]}`, opType, input: [...input], output: [...output], attribute };
}

const conv = (input: string, output: string, stride = 1): NodeProto =>
  node(
    'Conv',
    [input, `${output}.w`],
    [output],
    [ints('kernel_shape', [3, 3]), ints('pads', [1, 1, 1, 1]), ints('strides', [stride, stride])],
  );

export interface GraphParts {
  readonly nodes: readonly NodeProto[];
  readonly weights: readonly TensorProto[];
  readonly input?: readonly (number | string)[];
  readonly outputs?: readonly string[];
}

export function toOnnx({ nodes, weights, input = ['batch', 3, 32, 48], outputs = ['out'] }: GraphParts): Uint8Array {
  const dim = input.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'test',
      node: [...nodes],
      initializer: [...weights],
      input: [{ name: 'image', type: { tensorType: { elemType: 1, shape: { dim } } } }],
      output: outputs.map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
    },
  });
}

/** Backbone of four convolutions with a residual, two levels joined top-down by a skip connection (FPN), two heads into one result. */
export function pyramidParts(): GraphParts {
  const scales = new Uint8Array(new Float32Array([1, 1, 2, 2]).buffer);
  return {
    weights: [
      weight('c1.w', [8, 3, 3, 3], 1),
      weight('c2.w', [16, 8, 3, 3], 2),
      weight('c3.w', [16, 16, 3, 3], 3),
      weight('c4.w', [32, 16, 3, 3], 4),
      weight('lat.w', [16, 32, 3, 3], 5),
      weight('h1.w', [6, 16, 3, 3], 6),
      weight('h2.w', [6, 32, 3, 3], 7),
    ],
    nodes: [
      node('Constant', [], ['scales'], [{ name: 'value', type: ATTRIBUTE.TENSOR, t: { dims: [4], dataType: 1, rawData: scales } }]),
      conv('image', 'c1', 2),
      node('Relu', ['c1'], ['r1']),
      conv('r1', 'c2', 2),
      node('Relu', ['c2'], ['r2']),
      conv('r2', 'c3'),
      node('Add', ['c3', 'r2'], ['a3']),
      node('Relu', ['a3'], ['p3']),
      conv('p3', 'c4', 2),
      node('Relu', ['c4'], ['p4']),
      conv('p4', 'lat'),
      // A constant node that hangs on another: repeated in each part that needs it.
      node('Identity', ['scales'], ['scales2']),
      node('Resize', ['lat', '', 'scales2'], ['up'], [{ name: 'mode', type: ATTRIBUTE.STRING, s: Buffer.from('nearest') }]),
      node('Add', ['up', 'p3'], ['m3']),
      conv('m3', 'h1'),
      conv('p4', 'h2'),
      node('Flatten', ['h1'], ['f1']),
      node('Flatten', ['h2'], ['f2']),
      node('Concat', ['f1', 'f2'], ['joined'], [{ name: 'axis', type: ATTRIBUTE.INT, i: 1 }]),
      node('Sigmoid', ['joined'], ['out']),
    ],
  };
}

export const pyramid = (): Uint8Array => toOnnx(pyramidParts());
