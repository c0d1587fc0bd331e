// The reference modules are one source and two builds: equal results, publications and snapshots, and each takes over from the other.
import * as fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { toFrame } from '../../robot/perception/frame.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import { loadVisionHost } from '../../shared/modules/host-impl/vision-opencv.ts';
import { CameraRenderer } from '../../sim/camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../../sim/camera/camera-view.ts';
import { CAMERA_MOUNT } from '../../sim/camera/simulated-camera.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import { World } from '../../sim/world/world.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';

const build = async (name: string): Promise<ModuleBundle> =>
  (await buildModule(fileURLToPath(new URL(`../../shared/modules/${name}`, import.meta.url)))).bundle;

/** Answers each question by its ticket, some with a yes; what was asked is written down. */
function scriptedRegistration(note: (item: object) => void) {
  let asked: number | null = null;
  return {
    beginRegistration: (ticket: number, a: object, b: object) => {
      asked = ticket;
      note({ ticket, a, b });
    },
    takeRegistration: () => {
      if (asked === null) return null;
      const ticket = asked;
      asked = null;
      return {
        ticket,
        x: ticket * 0.7 - 1,
        y: 0.3,
        theta: ticket * 0.4 - 1,
        confidence: 0.5 + (ticket % 5) / 10,
        accepted: ticket % 3 !== 0,
      };
    },
  };
}

/** A Map Server that writes down what it publishes and asks. */
async function mapServer(
  bundle: ModuleBundle,
  kind: 'native' | 'wasm',
): Promise<{ readonly instance: ModuleInstance; readonly log: unknown[] }> {
  const log: unknown[] = [];
  const note = (name: string) => (item: object) => void log.push([name, structuredClone(item)]);
  const host = {
    'map-view': { publishTile: note('tile'), publishObject: note('object'), publishMetadata: note('metadata') },
    registration: scriptedRegistration(note('registration')),
  };
  const instance = kind === 'native' ? await instantiateNative(bundle, host) : await (await compileWasm(bundle)).instantiate(host);
  return { instance, log };
}

const rover = fc.constantFrom('rover-1', 'rover-2', 'rover-3');
const metres = fc.double({ min: -6, max: 6, noNaN: true });
const radians = fc.double({ min: -3, max: 3, noNaN: true });
const stamp = fc.double({ min: 0, max: 60, noNaN: true });
const patch = fc.record({
  tileX: fc.integer({ min: -2, max: 2 }),
  tileY: fc.integer({ min: -2, max: 2 }),
  revision: fc.integer({ min: 1, max: 6 }),
  cells: fc.integer().map((seed) => {
    const random = new SeededRandom(seed);
    return Int8Array.from({ length: 4096 }, () => random.integer(256) - 128);
  }),
});
const sighting = fc.record({
  className: fc.constantFrom('fire', 'survivor'),
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  x: metres,
  y: metres,
  covXX: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
  covXY: fc.double({ min: -0.001, max: 0.001, noNaN: true }),
  covYY: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
  stampSec: stamp,
  rangeM: fc.double({ min: 0.5, max: 8, noNaN: true }),
});
const frame = fc.record({
  stampSec: stamp,
  x: metres,
  y: metres,
  theta: radians,
  halfFovRad: fc.constant(0.78),
  maxRangeM: fc.constant(6),
  sightings: fc.array(sighting, { maxLength: 3 }),
});
const call: fc.Arbitrary<readonly [string, readonly unknown[]]> = fc.oneof(
  fc.tuple(rover, metres, metres, fc.oneof(fc.constant(0), radians)).map((args) => ['join', args] as const),
  fc.tuple(rover, stamp, fc.array(patch, { maxLength: 3 })).map((args) => ['update', args] as const),
  fc.tuple(rover, stamp, fc.array(frame, { minLength: 1, maxLength: 4 })).map((args) => ['report', args] as const),
  fc.tuple(rover).map((args) => ['joinUnplaced', args] as const),
  fc.tuple(rover, metres, metres, radians).map((args) => ['rebase', args] as const),
  fc.tuple(stamp).map((args) => ['flush', args] as const),
  fc.tuple(stamp, fc.integer({ min: -1, max: 5 })).map((args) => ['query', args] as const),
);

/** A call's result, or its error's message: a rover may not have joined. */
function outcome(instance: ModuleInstance, [name, args]: readonly [string, readonly unknown[]]): unknown {
  try {
    return instance.call(name, args);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the Map Server', { timeout: 180_000 }, () => {
  let bundle: ModuleBundle;
  beforeAll(async () => void (bundle = await build('map-server')), 180_000);

  it('does the same in both builds, bit by bit, and leaves the same snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 4, maxLength: 25 }), async (calls) => {
        const native = await mapServer(bundle, 'native');
        const wasm = await mapServer(bundle, 'wasm');
        for (const { instance } of [native, wasm]) {
          instance.call('join', ['rover-1', 0, 0, 0]);
          instance.call('joinUnplaced', ['rover-2']);
        }
        for (const item of calls) expect(outcome(wasm.instance, item)).toEqual(outcome(native.instance, item));
        expect(wasm.log).toEqual(native.log);
        expect(Buffer.from(wasm.instance.snapshot()).equals(Buffer.from(native.instance.snapshot()))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('restores byte-equal, and goes on in the other build as if it had never moved', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 4, maxLength: 12 }),
        fc.array(call, { minLength: 1, maxLength: 8 }),
        async (before, after) => {
          const stayed = await mapServer(bundle, 'native');
          stayed.instance.call('join', ['rover-1', 0, 0, 0]);
          for (const item of before) outcome(stayed.instance, item);
          const snapshot = stayed.instance.snapshot();
          const moved = await mapServer(bundle, 'wasm');
          moved.instance.restore(snapshot);
          expect(Buffer.from(moved.instance.snapshot()).equals(Buffer.from(snapshot))).toBe(true);
          stayed.log.length = 0;
          for (const item of after) expect(outcome(moved.instance, item)).toEqual(outcome(stayed.instance, item));
          expect(moved.log).toEqual(stayed.log);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('Object Detection', { timeout: 180_000 }, () => {
  it('finds the same in both builds, and keeps the light it has learnt when it moves', async () => {
    const bundle = await build('object-detection');
    const host = { vision: await loadVisionHost() };
    const native = await instantiateNative(bundle, host);
    const wasm = await (await compileWasm(bundle)).instantiate(host);
    const section = worldSchema.parse({
      sizeM: [12, 9],
      starts: [{ at: [1, 1] }],
      hazards: [{ class: 'fire' }, { class: 'survivor' }, { class: 'gas-cylinder' }, { class: 'chemical-drum' }],
    });
    const world = new World(resolveSite(section, { random: new SeededRandom(8), rovers: 1, roverRadiusM: 0.18 }));
    const renderer = new CameraRenderer(world);
    const random = new SeededRandom(2);
    const intrinsics = intrinsicsOf(320, 240, 90);
    let found = 0;
    for (let k = 0; k < 30; k += 1) {
      const view = cameraView(
        { x: 1 + 10 * random.next(), y: 1 + 7 * random.next(), theta: 6.28 * random.next() },
        CAMERA_MOUNT,
        intrinsics,
        320,
        240,
      );
      const picture = { stampSec: k, sequence: k, width: 320, height: 240, encoding: 'rgb8' as const, data: renderer.render(view, random) };
      const args = [toFrame(picture, intrinsics, CAMERA_MOUNT)];
      const detections = native.call('detect', args) as unknown[];
      expect(wasm.call('detect', args)).toEqual(detections);
      found += detections.length;
      if (k === 15) wasm.restore(native.snapshot());
    }
    expect(found).toBeGreaterThan(10);
    expect(Buffer.from(wasm.snapshot()).equals(Buffer.from(native.snapshot()))).toBe(true);
  });
});
