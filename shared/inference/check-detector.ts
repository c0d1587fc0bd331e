// Holds a network against its configuration before the first frame: what does not fit is said with what was expected and what arrived.
import { OutriderError } from '../errors.ts';
import { type DetectorConfig, YOLOX_STRIDES } from './detector-config.ts';
import { describeShape, type Graph, type TensorSpec } from './graph.ts';

/** −1 stands for any size on either side. */
type Shape = readonly number[];

/** Throws OUT_MODEL_SHAPE, listing everything that does not fit. */
export function checkDetector(name: string, { inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>, config: DetectorConfig): void {
  const problems: string[] = [];
  const { width, height } = config.input;
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) problems.push(`one input is expected, and it has ${inputs.length}: ${listed(inputs)}`);
  else compare(`input ${input.name}`, input, [-1, 3, height, width], problems);
  const wanted = expectedOutputs(config);
  if (outputs.length < wanted.length)
    problems.push(
      `layout ${config.layout} has ${wanted.length} outputs (${wanted.map(describeShape).join('; ')}), and it has ${listed(outputs)}`,
    );
  else
    for (const [index, shape] of wanted.entries()) {
      const output = outputs[index] as TensorSpec;
      compare(`output ${output.name} of layout ${config.layout} with ${config.classes.length} classes`, output, shape, problems);
    }
  if (problems.length > 0)
    throw new OutriderError('OUT_MODEL_SHAPE', `${name} does not fit its configuration:\n  ${problems.join('\n  ')}`);
}

/** The outputs of a layout, in the order in which the graph must have them. */
function expectedOutputs({ layout, classes, input: { width, height } }: DetectorConfig): Shape[] {
  const count = classes.length;
  const cells = YOLOX_STRIDES.reduce((sum, stride) => sum + Math.floor(width / stride) * Math.floor(height / stride), 0);
  switch (layout) {
    case 'yolov5':
      return [[-1, -1, 5 + count]];
    case 'yolov8':
      return [[-1, 4 + count, -1]];
    case 'end-to-end':
      return [[-1, -1, 6]];
    case 'yolox':
      return [[-1, cells, 5 + count]];
    case 'yolov4-darknet':
      return [
        [-1, -1, 1, 4],
        [-1, -1, count],
      ];
  }
}

function compare(what: string, spec: TensorSpec, wanted: Shape, problems: string[]): void {
  if (spec.type !== 'float32') problems.push(`${what}: float32 is expected, ${spec.type} arrived`);
  const { dimensions } = spec;
  // An exporter may leave every size open; a rank that is unknown arrives as no dimensions.
  const fits =
    dimensions.length === wanted.length &&
    wanted.every((size, axis) => size < 0 || (dimensions[axis] ?? -1) < 0 || dimensions[axis] === size);
  if (!fits) problems.push(`${what}: ${describeShape(wanted)} is expected, ${describeShape(dimensions)} arrived`);
}

function listed(specs: readonly TensorSpec[]): string {
  return specs.length === 0 ? 'none' : specs.map(({ name, dimensions }) => `${name} ${describeShape(dimensions)}`).join(', ');
}
