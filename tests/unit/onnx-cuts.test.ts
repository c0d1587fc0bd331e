// Cutting networks: every legal cut gives the whole's results, and parts carry what they need and no more.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chainAt, rangeOf, usefulCuts } from '../../shared/onnx/chain.ts';
import { chainEnds, legalCuts } from '../../shared/onnx/cut-points.ts';
import { measureTensors, plainInputs } from '../../shared/onnx/measure-tensors.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import { ATTRIBUTE } from '../../shared/onnx/proto.ts';
import { readModel, type OnnxModel } from '../../shared/onnx/read-model.ts';
import { subModel } from '../../shared/onnx/sub-model.ts';
import type { NamedTensors, TensorSpec } from '../../shared/onnx/tensor.ts';
import { node, pyramid, pyramidParts, toOnnx } from '../support/onnx-graphs.ts';

const open = ortNetworks();
const TRAINED = new URL('../../shared/modules/object-detection/model/hazards.onnx', import.meta.url);

interface Measured {
  readonly model: OnnxModel;
  readonly specs: ReadonlyMap<string, TensorSpec>;
  readonly inputs: NamedTensors;
  readonly whole: NamedTensors;
}

async function measured(file: Uint8Array): Promise<Measured> {
  const model = readModel(file);
  const specs = await measureTensors(
    model,
    legalCuts(model).flatMap((cut) => cut.tensors),
    open,
  );
  const inputs = plainInputs(model.inputs.map(({ name }) => specs.get(name)!));
  const session = await open(file);
  const whole = await session.run(inputs);
  await session.close();
  return { model, specs, inputs, whole };
}

/** Runs the parts between the cuts one after the other. */
async function runParts({ model, specs, inputs }: Measured, positions: readonly number[]): Promise<NamedTensors> {
  const chain = chainAt(model, positions, specs);
  const alive = new Map(inputs);
  for (const index of chain.segments.keys()) {
    const part = rangeOf(chain, index, index + 1);
    const session = await open(part.toFile(specs));
    const results = await session.run(new Map(part.inputs.map((name) => [name, alive.get(name)!])));
    await session.close();
    for (const [name, tensor] of results) alive.set(name, tensor);
  }
  return new Map(model.outputs.map((name) => [name, alive.get(name)!]));
}

function largestDifference(a: NamedTensors, b: NamedTensors): number {
  let largest = 0;
  for (const [name, tensor] of a) {
    const other = b.get(name)!;
    expect(other.dims).toEqual(tensor.dims);
    const left = new Float32Array(new Uint8Array(tensor.data).buffer);
    const right = new Float32Array(new Uint8Array(other.data).buffer);
    for (const [at, value] of left.entries()) largest = Math.max(largest, Math.abs(value - right[at]!));
  }
  return largest;
}

async function expectEveryCutToHold(file: Uint8Array): Promise<number> {
  const all = await measured(file);
  const cuts = legalCuts(all.model);
  for (const { position } of cuts) {
    expect(largestDifference(all.whole, await runParts(all, [position])), `cut after node ${position}`).toBeLessThanOrEqual(1e-4);
  }
  return cuts.length;
}

describe('a network with skip connections', () => {
  it('gives the same results, cut at any legal place', async () => {
    expect(await expectEveryCutToHold(pyramid())).toBeGreaterThan(12);
  });

  it('gives the same results, cut at all places at once', async () => {
    const all = await measured(pyramid());
    const positions = legalCuts(all.model).map((cut) => cut.position);
    expect(largestDifference(all.whole, await runParts(all, positions))).toBeLessThanOrEqual(1e-4);
  });

  it('lets skip connections cross a cut by their names', () => {
    const cuts = legalCuts(readModel(pyramid()));
    expect(cuts.some((cut) => cut.tensors.includes('p3') && cut.tensors.includes('up'))).toBe(true);
    expect(cuts.map((cut) => cut.tensors.length)).toContain(3);
    for (const cut of legalCuts(readModel(pyramid()), { maxTensors: 1 })) expect(cut.tensors).toHaveLength(1);
  });

  it('leaves out cuts before an activation, keeps those before weights', async () => {
    const { model, specs } = await measured(pyramid());
    const names = usefulCuts(model, specs).map((cut) => cut.tensors.join());
    expect(names).toContain('r1');
    expect(names).not.toContain('c1');
  });

  it('has no layer that only resizes the query: on board it would be no privacy', async () => {
    const { nodes, weights } = pyramidParts();
    const sizes = { name: 'enlarged', dims: [4], dataType: 1, rawData: new Uint8Array(new Float32Array([1, 1, 2, 2]).buffer) };
    const enlarge = node('Resize', ['image', '', 'enlarged'], ['large']);
    const renamed = nodes.map((item) => ({ ...item, input: (item.input ?? []).map((name) => (name === 'image' ? 'large' : name)) }));
    const all = await measured(toOnnx({ nodes: [enlarge, ...renamed], weights: [...weights, sizes] }));
    expect(legalCuts(all.model).some((cut) => cut.tensors.includes('large'))).toBe(true);
    const cuts = usefulCuts(all.model, all.specs);
    expect(cuts.flatMap((cut) => cut.tensors)).not.toContain('large');
    const positions = cuts.map((cut) => cut.position);
    expect(chainAt(all.model, positions, all.specs).segments[0]?.part.weights).toContain('c1.w');
    expect(largestDifference(all.whole, await runParts(all, positions))).toBeLessThanOrEqual(1e-4);
  });

  it('counts each weight in exactly one layer of the chain', async () => {
    const { model, specs } = await measured(pyramid());
    const chain = chainAt(
      model,
      usefulCuts(model, specs).map((cut) => cut.position),
      specs,
    );
    const names = chain.segments.flatMap((segment) => segment.part.weights).filter((name) => name.endsWith('.w'));
    expect(names).toHaveLength(pyramidParts().weights.length);
    expect(new Set(names)).toEqual(new Set(pyramidParts().weights.map((tensor) => tensor.name)));
    expect(new Set(chain.segments.map((segment) => segment.name)).size).toBe(chain.segments.length);
  });

  it('passes tensors by that a part neither reads nor makes', async () => {
    const { model } = await measured(pyramid());
    const cuts = legalCuts(model);
    const at = cuts.findIndex((cut) => cut.tensors.includes('lat') && cut.tensors.includes('p3'));
    const part = subModel(model, cuts[at]!, cuts[at + 1]!);
    expect(part.inputs).toEqual(['lat']);
    expect(part.outputs).toEqual(['up']);
  });
});

it('does not cut where the query decides a shape', () => {
  const parts = pyramidParts();
  const file = toOnnx({
    ...parts,
    nodes: [
      ...parts.nodes.slice(0, -1),
      node('NonZero', ['joined'], ['where']),
      node('Cast', ['where'], ['out'], [{ name: 'to', type: ATTRIBUTE.INT, i: 1 }]),
    ],
  });
  const model = readModel(file);
  expect(legalCuts(model).flatMap((cut) => cut.tensors)).not.toContain('where');
  expect(legalCuts(model).at(-1)?.position).toBeLessThan(chainEnds(model)[1].position - 1);
});

it.skipIf(!existsSync(TRAINED))('the trained detector gives the same results, cut at any legal place', { timeout: 300_000 }, async () => {
  expect(await expectEveryCutToHold(readFileSync(TRAINED))).toBeGreaterThan(30);
});
