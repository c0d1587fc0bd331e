// Small ONNX networks for tests, made byte by byte: what a detector says is a table plus its picture's mean brightness times a gain.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import type { DetectorConfigInput } from '../../shared/inference/detector-config.ts';

export interface TinyOutput {
  readonly name: string;
  /** Without the batch axis. */
  readonly shape: readonly number[];
  /** Row-major; missing values are 0. */
  readonly values: readonly number[];
  /** Added to every value: gain · mean of the input of that request. */
  readonly gain?: number;
}

export interface TinyDetector {
  readonly width: number;
  readonly height: number;
  readonly outputs: readonly TinyOutput[];
  /** Size of the batch axis; null: free. */
  readonly batch?: number | null;
  readonly inputName?: string;
}

const { DataType } = onnx.TensorProto;
const { AttributeType } = onnx.AttributeProto;

export function tinyDetector({ width, height, outputs, batch = null, inputName = 'images' }: TinyDetector): Uint8Array {
  const node: onnx.INodeProto[] = [
    {
      opType: 'ReduceMean',
      name: 'brightness',
      input: [inputName],
      output: ['mean'],
      attribute: [
        { name: 'axes', type: AttributeType.INTS, ints: [1, 2, 3] },
        { name: 'keepdims', type: AttributeType.INT, i: 0 },
      ],
    },
  ];
  const initializer: onnx.ITensorProto[] = [];
  for (const { name, shape, values, gain = 0 } of outputs) {
    const count = shape.reduce((product, size) => product * size, 1);
    initializer.push(
      { name: `${name}/rank`, dataType: DataType.INT64, dims: [shape.length + 1], int64Data: [-1, ...shape.map(() => 1)] },
      { name: `${name}/gain`, dataType: DataType.FLOAT, dims: [1], floatData: [gain] },
      {
        name: `${name}/table`,
        dataType: DataType.FLOAT,
        dims: [1, ...shape],
        floatData: Array.from({ length: count }, (_, at) => values[at] ?? 0),
      },
    );
    node.push(
      { opType: 'Reshape', name: `${name}/spread`, input: ['mean', `${name}/rank`], output: [`${name}/mean`] },
      { opType: 'Mul', name: `${name}/scale`, input: [`${name}/mean`, `${name}/gain`], output: [`${name}/scaled`] },
      { opType: 'Add', name: `${name}/say`, input: [`${name}/scaled`, `${name}/table`], output: [name] },
    );
  }
  const graph = {
    name: 'tiny',
    node,
    initializer,
    input: [valueInfo(inputName, [batch, 3, height, width])],
    output: outputs.map(({ name, shape }) => valueInfo(name, [batch, ...shape])),
  };
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: '', version: 17 }], graph }).finish();
}

/** Writes `<name>.onnx` and `<name>.json` into a models folder. */
export async function writeModel(folder: string, name: string, network: Uint8Array, config: DetectorConfigInput): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.onnx`), network);
  await writeFile(join(folder, `${name}.json`), JSON.stringify(config));
}

function valueInfo(name: string, dimensions: readonly (number | null)[]): onnx.IValueInfoProto {
  const dim = dimensions.map((size) => (size === null ? { dimParam: 'batch' } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: DataType.FLOAT, shape: { dim } } } };
}
