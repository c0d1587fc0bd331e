import { beforeAll, describe, expect, it, vi } from 'vitest';
import { toFrame } from '../../robot/perception/frame.ts';
import { loadVisionHost, type VisionHost } from '../../shared/modules/host-impl/vision-opencv.ts';
import { ObjectDetector } from '../../shared/modules/object-detection/object-detection.ts';
import type { Detection, Frame } from '../../shared/modules/object-detection/records.ts';
import { type Appearance, DEFAULT_APPEARANCE } from '../../sim/camera/appearance.ts';
import { CameraRenderer } from '../../sim/camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../../sim/camera/camera-view.ts';
import { CAMERA_MOUNT } from '../../sim/camera/simulated-camera.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { type WorldSectionInput, worldSchema } from '../../sim/scenario/world-schema.ts';
import { World } from '../../sim/world/world.ts';

const host = vi.hoisted(() => ({ vision: null as VisionHost | null }));
vi.mock('../../shared/modules/host/vision.ts', () => ({
  findBlobs: (...args: Parameters<VisionHost['findBlobs']>) => host.vision?.findBlobs(...args) ?? [],
}));

const intrinsics = intrinsicsOf(320, 240, 90);

beforeAll(async () => {
  host.vision = await loadVisionHost();
});

/** A hall of 14 m × 10 m with what is asked for; the rover looks along +x from (1, 5). */
function hall(contents: Partial<WorldSectionInput>, appearance: Appearance = DEFAULT_APPEARANCE): CameraRenderer {
  const section = worldSchema.parse({ sizeM: [14, 10], starts: [{ at: [1, 5] }], ...contents });
  return new CameraRenderer(new World(resolveSite(section, { random: new SeededRandom(5), rovers: 1, roverRadiusM: 0.18 })), appearance);
}

function frameFrom(renderer: CameraRenderer, x: number, y: number, theta = 0): Frame {
  const pixels = renderer.render(cameraView({ x, y, theta }, CAMERA_MOUNT, intrinsics, 320, 240), new SeededRandom(`${x} ${y} ${theta}`));
  return toFrame({ stampSec: 0, sequence: 0, width: 320, height: 240, encoding: 'rgb8', data: pixels }, intrinsics, CAMERA_MOUNT);
}

const names = (detections: readonly Detection[]): string[] => detections.map(({ className }) => className);

const CLASSES = ['survivor', 'gas-cylinder', 'chemical-drum', 'fire'] as const;

describe.each(CLASSES)('a %s', (className) => {
  it('is found once and nothing else, at 1.3 to 6 m', () => {
    const renderer = hall({ hazards: [{ class: className, at: [8, 5], yawDeg: 160 }] });
    for (const away of [1.3, 2, 3, 4, 5, 6]) {
      for (const [aside, turn] of [
        [0, 0],
        [0.5, 0.3],
      ] as const) {
        const found = new ObjectDetector().detect(frameFrom(renderer, 8 - away, 5 + aside, -turn));
        expect(names(found), `${away} m, ${aside} m aside`).toEqual([className]);
      }
    }
  });

  it('is boxed from its floor contact to its top', () => {
    const renderer = hall({ hazards: [{ class: className, at: [8, 5], yawDeg: 160 }] });
    const [box] = new ObjectDetector().detect(frameFrom(renderer, 4.9, 5)); // the camera stands 3 m before the axis
    const radius = { survivor: 0.36, 'gas-cylinder': 0.13, 'chemical-drum': 0.29, fire: 0.3 }[className];
    const floorRow = 112 + (0.25 * 160) / (3 - radius);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeGreaterThan(floorRow - 3.5);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(floorRow + 2.5);
    expect((box?.x ?? 0) + (box?.width ?? 0) / 2).toBeCloseTo(160, -1);
  });

  it('is found under dim, warm and hazy light', () => {
    const dim: Appearance = { ...DEFAULT_APPEARANCE, ambient: 0.5, key: 0.1, tint: [1.08, 1, 0.9], fogPerM: 0.025, noise: 5 };
    const renderer = hall({ hazards: [{ class: className, at: [8, 5], yawDeg: 200 }] }, dim);
    const detector = new ObjectDetector();
    for (let k = 0; k < 10; k += 1) detector.detect(frameFrom(renderer, 2, 2 + k / 2, -1.5)); // it gets used to the light
    expect(names(detector.detect(frameFrom(renderer, 5.5, 5)))).toEqual([className]);
  });
});

describe('look-alikes', () => {
  it.each(['traffic-cone', 'extinguisher', 'waste-bin', 'plant', 'water-cooler', 'chair', 'barrel-wood', 'bucket'] as const)(
    '%s is no hazard',
    (kind) => {
      const renderer = hall({ props: [{ kind, at: [8, 5], yawDeg: 30 }] });
      for (const away of [1.2, 2, 3, 4.5, 6])
        expect(names(new ObjectDetector().detect(frameFrom(renderer, 8 - away, 5))), `${away} m`).toEqual([]);
    },
  );

  it('walls, boxes and floors of every material are no hazards, also in the light of a fire', () => {
    const materials = [
      'concrete',
      'plaster',
      'brick',
      'wood',
      'metal',
      'cardboard',
      'rubble',
      'fabric-green',
      'plastic-blue',
      'painted-steel',
    ] as const;
    const renderer = hall({
      obstructions: materials.map((material, index) => ({
        shape: 'box' as const,
        at: [4 + (index % 5) * 2, index < 5 ? 3 : 7],
        sizeM: [0.9, 0.9],
        heightM: 0.9,
        material,
      })),
      hazards: [{ class: 'fire', at: [12.5, 5] }],
    });
    const detector = new ObjectDetector();
    for (const [x, y, theta] of [
      [1, 5, 0],
      [2, 4, -0.5],
      [2, 6, 0.5],
      [13, 2, 2.2],
      [13, 8, -2.2],
      [7, 5, 1.57],
      [7, 5, -1.57],
    ] as const) {
      expect(names(detector.detect(frameFrom(renderer, x, y, theta))).filter((name) => name !== 'fire')).toEqual([]);
    }
  });
});

describe('several hazards', () => {
  it('are told apart in one frame', () => {
    const renderer = hall({
      hazards: CLASSES.map((className, index) => ({
        class: className,
        at: [5 + (index % 2), 3.2 + index * 1.2] as [number, number],
        yawDeg: 180,
      })),
      hazardSpacingM: 0.5,
    });
    expect(names(new ObjectDetector().detect(frameFrom(renderer, 1.5, 5))).toSorted()).toEqual([...CLASSES].toSorted());
  });
});

describe('frames that are none', () => {
  const frame: Frame = { width: 4, height: 3, pixels: new Uint8Array(36), focalPx: 2, centreX: 2, horizonRow: 1, cameraHeightM: 0.25 };
  it.each([
    ['too few bytes', { pixels: new Uint8Array(35) }, /35 bytes/],
    ['no width', { width: 0 }, /impossible size/],
    ['an absurd size', { width: 65_536, height: 65_536 }, /impossible size/],
    ['no focal length', { focalPx: 0 }, /geometry/],
    ['a horizon that is no number', { horizonRow: Number.NaN }, /geometry/],
  ])('are refused for %s, and do not count', (_, broken, message) => {
    const detector = new ObjectDetector();
    expect(() => detector.detect({ ...frame, ...broken })).toThrow(message);
    expect(detector.frames).toBe(0);
  });

  it('but are a picture, however small or wild, are searched', () => {
    const detector = new ObjectDetector();
    expect(detector.detect(frame)).toEqual([]);
    const random = new SeededRandom(3);
    const pixels = Uint8Array.from({ length: 320 * 240 * 3 }, () => random.integer(256));
    expect(detector.detect({ ...frame, width: 320, height: 240, pixels, focalPx: 160, horizonRow: 112 })).toEqual([]);
    expect(detector.frames).toBe(2);
  });
});
