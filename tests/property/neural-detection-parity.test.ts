// Neural Detection is one source and two builds: whatever pictures, networks and outputs come, both prepare the same tensor to the bit and
// find the same boxes, or refuse with the same words.
import * as fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { DetectorProfile, NamedTensor } from '../../shared/modules/host/nn.ts';
import type { NeuralFrame } from '../../shared/modules/neural-detection/records.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';

interface World {
  profile: DetectorProfile;
  outputs: NamedTensor[];
  seen: NamedTensor[];
}

let bundle: ModuleBundle;

beforeAll(async () => {
  bundle = (await buildModule(fileURLToPath(new URL('../../shared/modules/neural-detection', import.meta.url)))).bundle;
});

async function both(world: World): Promise<readonly ModuleInstance[]> {
  const host = {
    nn: {
      describe: () => world.profile,
      compute: (_: string, inputs: NamedTensor[]) => {
        world.seen.push(...inputs.map((input) => ({ ...input, data: input.data.slice() })));
        return world.outputs;
      },
    },
    image: { decodeJpeg: (jpeg: Uint8Array) => ({ width: jpeg[0] ?? 1, height: 1, pixels: new Uint8Array(3 * (jpeg[0] ?? 1)).fill(9) }) },
  };
  return [await instantiateNative(bundle, host), await (await compileWasm(bundle)).instantiate(host)];
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as Error).message;
  }
}

const layout = fc.constantFrom('yolov5' as const, 'yolov8' as const, 'end-to-end' as const, 'yolox' as const, 'yolov4-darknet' as const);
/** Values as networks give them, and such as only broken ones do. */
const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 8, arbitrary: fc.double({ min: -20, max: 90, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e38, -0) },
);

const scenario = fc
  .record({
    layout,
    classes: fc.integer({ min: 1, max: 4 }),
    inputWidth: fc.constantFrom(16, 32, 48),
    inputHeight: fc.constantFrom(16, 32),
    width: fc.integer({ min: 1, max: 50 }),
    height: fc.integer({ min: 1, max: 50 }),
    blueFirst: fc.boolean(),
    centred: fc.boolean(),
    white: fc.constantFrom(1, 255),
    padding: fc.integer({ min: 0, max: 255 }),
    least: fc.double({ min: 0.05, max: 0.9, noNaN: true }),
    maxOverlap: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
    maxDetections: fc.integer({ min: 1, max: 20 }),
    seed: fc.integer(),
    candidates: fc.integer({ min: 0, max: 40 }),
    pool: fc.array(value, { minLength: 8, maxLength: 64 }),
  })
  .map((given): { readonly world: World; readonly frame: NeuralFrame } => {
    const { classes, inputWidth, inputHeight, candidates, pool } = given;
    const random = new SeededRandom(given.seed);
    const tensor = (name: string, ...dimensions: number[]): NamedTensor => ({
      name,
      dimensions: Int32Array.from(dimensions),
      data: Float32Array.from(
        { length: dimensions.reduce((product, size) => product * size, 1) },
        () => pool[random.integer(pool.length)] ?? 0,
      ),
    });
    const outputs = {
      yolov5: () => [tensor('out', 1, candidates, 5 + classes)],
      yolov8: () => [tensor('out', 1, 4 + classes, candidates)],
      'end-to-end': () => [tensor('out', 1, candidates, 6)],
      yolox: () => [tensor('out', 1, candidates, 5 + classes)],
      'yolov4-darknet': () => [tensor('boxes', 1, candidates, 1, 4), tensor('scores', 1, candidates, classes)],
    }[given.layout]();
    const profile: DetectorProfile = {
      layout: given.layout,
      classes: Array.from({ length: classes }, (_, index) => `class-${index}`),
      inputName: 'images',
      inputWidth,
      inputHeight,
      blueFirst: given.blueFirst,
      white: given.white,
      centred: given.centred,
      padding: given.padding,
      leastScores: new Float64Array(classes).fill(given.least),
      maxOverlap: given.maxOverlap,
      maxDetections: given.maxDetections,
    };
    const data = Uint8Array.from({ length: given.width * given.height * 3 }, () => random.integer(256));
    return {
      world: { profile, outputs, seen: [] },
      frame: { model: 'any', encoding: 'rgb8', width: given.width, height: given.height, data },
    };
  });

describe('Neural Detection', () => {
  it('prepares and decodes alike in both builds, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ world, frame }) => {
        const [native, wasm] = (await both(world)).map((instance) => outcome(() => instance.call('detect', [frame])));
        expect(wasm).toEqual(native);
        const [a, b] = world.seen;
        expect(world.seen).toHaveLength(2);
        expect(Buffer.from(b?.data.buffer ?? new ArrayBuffer()).equals(Buffer.from(a?.data.buffer ?? new ArrayBuffer(1)))).toBe(true);
        expect(b?.dimensions).toEqual(a?.dimensions);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses alike', async () => {
    const [{ world, frame }] = fc.sample(scenario, 1) as [{ world: World; frame: NeuralFrame }];
    const broken: NeuralFrame[] = [
      { ...frame, width: 0 },
      { ...frame, height: 70_000, width: 70_000 },
      { ...frame, data: new Uint8Array(1), width: 2 },
      { ...frame, encoding: 'jpeg', data: Uint8Array.of(7) },
    ];
    for (const sent of broken) {
      const [native, wasm] = (await both(world)).map((instance) => outcome(() => instance.call('detect', [sent])));
      expect(typeof native).toBe('string');
      expect(wasm).toEqual(native);
    }
  });

  it('reads a JPEG by its host, and keeps its state over a move between the builds', async () => {
    const [{ world, frame }] = fc.sample(scenario, 1) as [{ world: World; frame: NeuralFrame }];
    const [native, wasm] = (await both(world)) as [ModuleInstance, ModuleInstance];
    const jpeg: NeuralFrame = { ...frame, encoding: 'jpeg', width: 5, height: 1, data: Uint8Array.of(5) };
    native.call('detect', [jpeg]);
    wasm.restore(native.snapshot());
    wasm.call('detect', [jpeg]);
    native.call('detect', [jpeg]);
    expect(wasm.snapshot()).toEqual(native.snapshot());
    expect(world.seen).toHaveLength(3);
  });
});
