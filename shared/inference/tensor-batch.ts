// Requests of one graph put together along the first axis, and taken apart again.
import { OutriderError } from '../errors.ts';
import { describeShape, type Graph, type Tensor } from './graph.ts';

/** Whether the first axis of everything that goes in and comes out is free. */
export function canBatch({ inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>): boolean {
  return [...inputs, ...outputs].every(({ dimensions }) => dimensions[0] === -1);
}

export function sameShapes(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ name, dimensions }, index) =>
        name === b[index]?.name &&
        dimensions.length === b[index].dimensions.length &&
        dimensions.every((size, axis) => size === b[index]?.dimensions[axis]),
    )
  );
}

/** Requests of equal shapes as one; a single one as it is. */
export function joinBatch(requests: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first] = requests;
  if (first === undefined || requests.length === 1) return first ?? [];
  return first.map(({ name, dimensions, data }, input) => {
    const joined = new Float32Array(data.length * requests.length);
    for (const [index, request] of requests.entries()) joined.set((request[input] as Tensor).data, index * data.length);
    return { name, dimensions: [(dimensions[0] ?? 1) * requests.length, ...dimensions.slice(1)], data: joined };
  });
}

/** The outputs of each of `count` requests. Throws OUT_MODEL_OUTPUT where the first axis does not divide. */
export function splitBatch(outputs: readonly Tensor[], count: number): readonly (readonly Tensor[])[] {
  if (count === 1) return [outputs];
  return Array.from({ length: count }, (_, index) =>
    outputs.map(({ name, dimensions, data }) => {
      const [rows = 0, ...rest] = dimensions;
      if (rows % count !== 0)
        throw new OutriderError(
          'OUT_MODEL_OUTPUT',
          `output ${name} is ${describeShape(dimensions)} for a batch of ${count}: its first axis is no batch`,
        );
      const length = data.length / count;
      return { name, dimensions: [rows / count, ...rest], data: data.slice(index * length, (index + 1) * length) };
    }),
  );
}
