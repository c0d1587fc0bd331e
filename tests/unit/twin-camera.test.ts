// The twin's camera has the calibrated lens: hazards in its pictures are found where they stand only by one who takes the lens into account.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { toFrame } from '../../robot/perception/frame.ts';
import { observeFrame } from '../../robot/perception/observe-frame.ts';
import { loadVisionHost, type VisionHost } from '../../shared/modules/host-impl/vision-opencv.ts';
import { ObjectDetector } from '../../shared/modules/object-detection/object-detection.ts';
import { CameraRenderer } from '../../sim/camera/camera-renderer.ts';
import { LensWarp } from '../../sim/camera/lens-warp.ts';
import { SimulatedCamera } from '../../sim/camera/simulated-camera.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import { loadTwin } from '../../sim/vehicle/twin.ts';
import { World } from '../../sim/world/world.ts';

const host = vi.hoisted(() => ({ vision: null as VisionHost | null }));
vi.mock('../../shared/modules/host/vision.ts', () => ({
  findBlobs: (...args: Parameters<VisionHost['findBlobs']>) => host.vision?.findBlobs(...args) ?? [],
}));

/** A wide-angle lens, strongly barrelled, as calibration would write it. */
const YAML = `
body: freenove-4wd
freenove: { geometry: { wheelRadiusM: 0.03, wheelBaseM: 0.21 } }
camera:
  width: 480
  height: 360
  framesPerSec: 4
  intrinsics: { fx: 215, fy: 213, cx: 244, cy: 178, distortion: { k1: -0.24, k2: 0.05, p1: 0.0005, p2: -0.0004, k3: -0.004 } }
  mount: { xM: 0.1, zM: 0.22, pitchDownRad: 0.04 }
`;
const ROVER = { x: 2, y: 4, theta: 0 };

async function twin() {
  const folder = await mkdtemp(join(tmpdir(), 'outrider-twin-'));
  try {
    await writeFile(join(folder, 'rover.yaml'), YAML);
    return await loadTwin(join(folder, 'rover.yaml'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function cameraBefore(at: readonly [number, number]): Promise<SimulatedCamera> {
  const { camera } = await twin();
  if (camera === undefined) throw new Error('the twin has no camera');
  const section = worldSchema.parse({ sizeM: [14, 8], starts: [{ at: [2, 4] }], hazards: [{ class: 'chemical-drum', at }] });
  const world = new World(resolveSite(section, { random: new SeededRandom(1), rovers: 1, roverRadiusM: 0.18 }));
  return new SimulatedCamera({
    spec: camera,
    renderer: () => new CameraRenderer(world),
    random: new SeededRandom(2),
    nowSec: () => 0,
    pose: () => ROVER,
    bodies: () => ({ rovers: [], movers: [] }),
  });
}

beforeAll(async () => {
  host.vision = await loadVisionHost();
});

describe("the twin's camera", () => {
  it('is the one of the file', async () => {
    const camera = await cameraBefore([6, 4]);
    expect(camera.intrinsics).toMatchObject({ fx: 215, cx: 244, distortion: { k1: -0.24 } });
    expect(camera.mount).toEqual({ xM: 0.1, yM: 0, zM: 0.22, pitchDownRad: 0.04 });
    expect(camera.update().frame).toMatchObject({ width: 480, height: 360, encoding: 'rgb8' });
    expect(camera.update().frame?.data.length).toBe(480 * 360 * 3);
  });

  it.each([
    ['ahead', [5, 4]],
    ['towards the left edge', [4.2, 6.2]],
    ['towards the right edge', [4.2, 1.7]],
  ] as const)('lets a drum %s be placed within 15 cm through the lens', async (_, at) => {
    const camera = await cameraBefore(at);
    const { frame } = camera.update();
    if (frame === null) throw new Error('no frame');
    const detections = new ObjectDetector().detect(toFrame(frame, camera.intrinsics, camera.mount));
    expect(detections.map(({ className }) => className)).toEqual(['chemical-drum']);
    const { mount, intrinsics } = camera;
    const place = (lens: typeof intrinsics) =>
      observeFrame({ detections, stampSec: 0, frameWidth: 480, frameHeight: 360, intrinsics: lens, mount, pose: ROVER }).sightings[0];
    const seen = place(intrinsics);
    const off = (sighting: typeof seen): number => Math.hypot((sighting?.x ?? 99) - at[0], (sighting?.y ?? 99) - at[1]);
    expect(off(seen)).toBeLessThan(0.15);
    const { distortion: _lens, ...pinhole } = intrinsics;
    if (at[1] !== 4) expect(off(place(pinhole))).toBeGreaterThan(0.3);
  });

  it('is the pinhole where the lens bends nothing', () => {
    const straight = { fx: 200, fy: 200, cx: 30, cy: 20, distortion: { k1: 0, k2: 0, p1: 0, p2: 0, k3: 0 } };
    const warp = new LensWarp(straight, 60, 40);
    const wide = Uint8Array.from({ length: warp.width * warp.height * 3 }, (_, i) => (i * 31) & 255);
    const out = warp.apply(wide);
    const [left, top] = [warp.pinhole.cx - 30, warp.pinhole.cy - 20];
    for (const [u, v] of [
      [0, 0],
      [59, 39],
      [17, 23],
    ] as const)
      expect(out[(v * 60 + u) * 3]).toBe(wide[((v + top) * warp.width + u + left) * 3]);
  });
});
