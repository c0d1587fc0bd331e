// Broken and hostile ONNX files: a coded error that names the place, never a crash, never an allocation that the file only announces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../shared/errors.ts';
import { closeShape } from '../../shared/onnx/input-spec.ts';
import { legalCuts } from '../../shared/onnx/cut-points.ts';
import { measureTensors } from '../../shared/onnx/measure-tensors.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import { ATTRIBUTE, DATA_LOCATION, encodeModel, type NodeProto, type TensorProto } from '../../shared/onnx/proto.ts';
import { readModel } from '../../shared/onnx/read-model.ts';
import { checkTensors } from '../../shared/onnx/tensor.ts';
import { node, pyramid, pyramidParts, toOnnx } from '../support/onnx-graphs.ts';

function failure(run: () => unknown): OutriderError {
  try {
    run();
  } catch (error) {
    if (error instanceof OutriderError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const relu = [node('Relu', ['image'], ['out'])];
const withWeight = (tensor: TensorProto): Uint8Array => toOnnx({ nodes: [node('Add', ['image', 'w'], ['out'])], weights: [tensor] });
const whole = pyramid();

describe('a file that is no model', () => {
  it.each([
    ['nothing', new Uint8Array()],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70)],
    ['text', new TextEncoder().encode('{"model": "yolo"}')],
    ['zeros', new Uint8Array(4096)],
    ['an empty graph', encodeModel({ irVersion: 8, graph: { name: 'empty' } })],
  ])('is refused: %s', (_, bytes) => {
    expect(failure(() => readModel(bytes)).code).toBe('OUT_MODEL_ONNX');
  });

  it('is refused wherever it was cut off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.byteLength - 1 }), (length) => {
        expect(failure(() => readModel(whole.slice(0, length))).code).toBe('OUT_MODEL_ONNX');
      }),
      { numRuns: 300 },
    );
  });

  it('with a few bytes changed is read or refused, with a code', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = new Uint8Array(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          legalCuts(readModel(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(OutriderError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a broken graph', () => {
  const parts = pyramidParts();
  const cases: readonly (readonly [what: string, file: Uint8Array, says: RegExp])[] = [
    [
      'a cycle',
      toOnnx({ nodes: [node('Add', ['image', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['b'], ['out'])], weights: [] }),
      /cycle/,
    ],
    ['a node that reads its own output', toOnnx({ nodes: [node('Add', ['image', 'out'], ['out'])], weights: [] }), /cycle/],
    ['a missing tensor', toOnnx({ nodes: [node('Add', ['image', 'lost'], ['out'])], weights: [] }), /"lost", which nothing makes/],
    ['a missing weight', toOnnx({ ...parts, weights: parts.weights.slice(1) }), /c1\.w/],
    ['a missing output', toOnnx({ nodes: relu, weights: [], outputs: ['other'] }), /nothing makes the output "other"/],
    ['a tensor made twice', toOnnx({ nodes: [...relu, ...relu], weights: [] }), /made twice/],
    [
      'weights shorter than their shape',
      withWeight({ name: 'w', dims: [4], dataType: 1, rawData: new Uint8Array(12) }),
      /16 bytes, 12 arrived/,
    ],
    [
      'weights of a gigantic shape',
      withWeight({ name: 'w', dims: [2 ** 20, 2 ** 20, 2 ** 12], dataType: 1, rawData: new Uint8Array(4) }),
      /w/,
    ],
    ['weights of a shape beyond numbers', withWeight({ name: 'w', dims: [2 ** 40, 2 ** 40], dataType: 1 }), /impossible shape/],
    ['weights of a negative shape', withWeight({ name: 'w', dims: [-1], dataType: 1 }), /impossible shape/],
    ['weights in another file', withWeight({ name: 'w', dims: [1], dataType: 1, dataLocation: DATA_LOCATION.EXTERNAL }), /another file/],
    ['no output', toOnnx({ nodes: relu, weights: [], outputs: [] }), /no output/],
  ];

  it.each(cases)('is refused: %s', (_, file, says) => {
    const error = failure(() => readModel(file));
    expect(error.code).toBe('OUT_MODEL_ONNX');
    expect(error.message).toMatch(says);
  });

  it('is put in order where only its order is wrong', () => {
    const { nodes, weights } = pyramidParts();
    const model = readModel(toOnnx({ nodes: nodes.toReversed(), weights }));
    const seen = new Set(['image', ...model.initializers.keys()]);
    for (const { uses, makes } of model.nodes) {
      for (const name of uses) expect(seen).toContain(name);
      for (const name of makes) seen.add(name);
    }
  });

  it('sorts ten thousand nodes in reverse without recursion', () => {
    const count = 10_000;
    const nodes = Array.from({ length: count }, (_, index): NodeProto => {
      const from = index === 0 ? 'image' : `t${index}`;
      return node('Relu', [from], [index === count - 1 ? 'out' : `t${index + 1}`]);
    });
    const model = readModel(toOnnx({ nodes: nodes.toReversed(), weights: [] }));
    expect(model.nodes[0]?.uses).toEqual(['image']);
    expect(legalCuts(model)).toHaveLength(count - 1);
  });

  it('with subgraphs nested without end is refused', () => {
    let inner = node('Relu', ['image'], ['out']);
    for (let depth = 0; depth < 40; depth += 1) {
      inner = node(
        'If',
        ['image'],
        ['out'],
        [{ name: 'then_branch', type: ATTRIBUTE.GRAPH, g: { name: 'g', node: [inner], output: [{ name: 'out' }] } }],
      );
    }
    expect(failure(() => readModel(toOnnx({ nodes: [inner], weights: [] }))).code).toBe('OUT_MODEL_LIMIT');
  });
});

describe('inputs', () => {
  const input = (dims: readonly (number | string)[]) => readModel(toOnnx({ nodes: relu, weights: [], input: dims })).inputs[0]!;

  it('of a gigantic shape are refused before anything is allocated', () => {
    expect(failure(() => closeShape(input([1, 3, 200_000, 200_000]))).code).toBe('OUT_MODEL_LIMIT');
    expect(failure(() => closeShape(input([2 ** 40, 2 ** 40]))).code).toBe('OUT_MODEL_LIMIT');
  });

  it('with open dimensions take what is given, and one query without', () => {
    expect(closeShape(input(['n', 3, 8, 8])).dims).toEqual([1, 3, 8, 8]);
    expect(closeShape(input([1, 3, 'h', 'w']), new Map([['image', [1, 3, 4, 6]]])).dims).toEqual([1, 3, 4, 6]);
    expect(failure(() => closeShape(input([1, 3, 'h', 'w']))).code).toBe('OUT_MODEL_TENSOR');
    expect(failure(() => closeShape(input([1, 3, 'h', 'w']), new Map([['image', [1, 4, 4, 6]]]))).code).toBe('OUT_MODEL_TENSOR');
  });

  it('that do not fit are named with what arrived', () => {
    const spec = { name: 'image', type: 'float32', dims: [1, 2] } as const;
    const wrong = (tensor: { type: 'float32' | 'uint8'; dims: number[]; data: Uint8Array } | null): string =>
      failure(() => checkTensors(new Map(tensor === null ? [] : [['image', tensor]]), [spec], 'query')).message;
    expect(wrong(null)).toMatch(/image float32\[1×2\] is missing/);
    expect(wrong({ type: 'uint8', dims: [1, 2], data: new Uint8Array(2) })).toMatch(
      /must be float32\[1×2\], uint8\[1×2\] of 2 bytes arrived/,
    );
    expect(wrong({ type: 'float32', dims: [1, 2], data: new Uint8Array(7) })).toMatch(/7 bytes/);
  });
});

it('reports what the runtime refuses by its code', async () => {
  const model = readModel(toOnnx({ nodes: [node('NoSuchOperator', ['image'], ['out'])], weights: [] }));
  await expect(measureTensors(model, [], ortNetworks())).rejects.toMatchObject({ code: 'OUT_MODEL_ONNX' });
});
