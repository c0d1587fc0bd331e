import { describe, expect, it } from 'vitest';
import { bearingOf, floorDistance, pixelRay } from '../../robot/perception/camera-ray.ts';
import { toFrame } from '../../robot/perception/frame.ts';
import { lidarRange } from '../../robot/perception/lidar-range.ts';
import { observeFrame } from '../../robot/perception/observe-frame.ts';
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { Detection } from '../../shared/modules/object-detection/records.ts';
import type { CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';

const WIDTH = 320;
const intrinsics: CameraIntrinsics = { fx: 160, fy: 160, cx: 160, cy: 120 };
const mount: CameraMount = { xM: 0.1, yM: 0, zM: 0.25, pitchDownRad: 0.05 };
const level: CameraMount = { ...mount, pitchDownRad: 0 };

/** Where a point of the base frame (x forward, y left, z up) shows: the pinhole model written out. */
function project(x: number, y: number, z: number, camera: CameraMount): readonly [number, number] {
  const [c, s] = [Math.cos(camera.pitchDownRad), Math.sin(camera.pitchDownRad)];
  const forward = c * (x - camera.xM) - s * (z - camera.zM);
  const down = -s * (x - camera.xM) - c * (z - camera.zM);
  return [intrinsics.cx + (intrinsics.fx * -(y - camera.yM)) / forward, intrinsics.cy + (intrinsics.fy * down) / forward];
}

/** The box of an upright cylinder on the floor. */
function boxOf(className: string, x: number, y: number, radiusM: number, heightM: number, camera = mount): Detection {
  const range = Math.hypot(x - camera.xM, y);
  const [ex, ey] = [(x - camera.xM) / range, y / range];
  const [left] = project(x - ey * radiusM, y + ex * radiusM, 0.25, camera);
  const [right] = project(x + ey * radiusM, y - ex * radiusM, 0.25, camera);
  const [, bottom] = project(x - ex * radiusM, y - ey * radiusM, 0, camera);
  const [, top] = project(x, y, heightM, camera);
  return { className, score: 0.8, x: left, y: top, width: right - left, height: bottom - top };
}

/** A scan of upright cylinders, and of a round wall 9 m away, from the sensor at `pose`. */
function scanOf(pose: Pose2, discs: readonly { x: number; y: number; radiusM: number }[]): LidarScan {
  const rangesM = Float32Array.from({ length: 360 }, (_, index) => {
    const angle = pose.theta + (index * Math.PI) / 180;
    let nearest = 9;
    for (const disc of discs) {
      const along = Math.cos(angle) * (disc.x - pose.x) + Math.sin(angle) * (disc.y - pose.y);
      const across = Math.cos(angle) * (disc.y - pose.y) - Math.sin(angle) * (disc.x - pose.x);
      if (along > 0 && Math.abs(across) < disc.radiusM) nearest = Math.min(nearest, along - Math.sqrt(disc.radiusM ** 2 - across ** 2));
    }
    return nearest;
  });
  return { stampSec: 0, sequence: 0, angleMinRad: 0, angleIncrementRad: Math.PI / 180, rangeMinM: 0.05, rangeMaxM: 12, rangesM };
}

const observe = (detection: Detection, pose: Pose2, scan?: LidarScan) =>
  observeFrame({
    detections: [detection],
    stampSec: 3,
    frameWidth: WIDTH,
    intrinsics,
    mount,
    pose,
    ...(scan === undefined ? {} : { scan: { scan, pose } }),
  });

describe('rays of pixels', () => {
  it.each([mount, level])('meet the floor where the point is that was projected (pitch $pitchDownRad rad)', (camera) => {
    for (const [x, y] of [
      [1, 0],
      [2, 1],
      [4, -2.5],
      [0.6, 0.2],
    ] as const) {
      const [u, v] = project(x, y, 0, camera);
      const ray = pixelRay(u, v, intrinsics, camera);
      expect(floorDistance(ray, camera)).toBeCloseTo(Math.hypot(x - camera.xM, y), 9);
      expect(bearingOf(ray)).toBeCloseTo(Math.atan2(y, x - camera.xM), 9);
    }
  });

  it('never meet the floor on or above the horizon', () => {
    expect(floorDistance(pixelRay(160, 120, intrinsics, level), level)).toBeNull();
    expect(floorDistance(pixelRay(10, 30, intrinsics, mount), mount)).toBeNull();
  });

  it('agree with the horizon that the detector is told', () => {
    const frame = toFrame(
      { stampSec: 0, sequence: 0, width: 320, height: 240, encoding: 'rgb8', data: new Uint8Array(0) },
      intrinsics,
      mount,
    );
    expect(pixelRay(77, frame.horizonRow, intrinsics, mount).z).toBeCloseTo(0, 12);
  });

  it('refuses a frame that the detector cannot read', () => {
    const jpeg = { stampSec: 0, sequence: 0, width: 320, height: 240, encoding: 'jpeg' as const, data: new Uint8Array(0) };
    expect(() => toFrame(jpeg, intrinsics, mount)).toThrow(/rgb8/);
  });
});

describe('a sighting', () => {
  const pose: Pose2 = { x: 3, y: -2, theta: 0.7 };
  /** A place of the base frame in the map frame. */
  const onMap = (x: number, y: number): readonly [number, number] => [
    pose.x + Math.cos(pose.theta) * x - Math.sin(pose.theta) * y,
    pose.y + Math.sin(pose.theta) * x + Math.cos(pose.theta) * y,
  ];

  it.each([1, 2, 3, 4])('is placed by the floor contact alone at %d m', (x) => {
    const { sightings } = observe(boxOf('chemical-drum', x, 0.4, 0.29, 0.88), pose);
    const [mapX, mapY] = onMap(x, 0.4);
    expect(sightings[0]?.x).toBeCloseTo(mapX, 1);
    expect(sightings[0]?.y).toBeCloseTo(mapY, 1);
  });

  it('takes the range from the lidar where the floor contact is a few pixels off', () => {
    for (const [x, y] of [
      [2, -0.5],
      [3.5, 1],
      [5, 0],
      [6, 2],
    ] as const) {
      const [mapX, mapY] = onMap(x, y);
      const box = boxOf('gas-cylinder', x, y, 0.13, 1.25);
      const { sightings } = observe({ ...box, height: box.height + 1.2 }, pose, scanOf(pose, [{ x: mapX, y: mapY, radiusM: 0.13 }]));
      expect(Math.hypot((sightings[0]?.x ?? 0) - mapX, (sightings[0]?.y ?? 0) - mapY)).toBeLessThan(0.05);
    }
  });

  it('is not drawn to a wall behind or a pillar in front and beside', () => {
    const [mapX, mapY] = onMap(3, 0);
    const [pillarX, pillarY] = onMap(2.2, 0.35);
    const scan = scanOf(pose, [
      { x: mapX, y: mapY, radiusM: 0.29 },
      { x: pillarX, y: pillarY, radiusM: 0.1 },
    ]);
    const { sightings } = observe(boxOf('chemical-drum', 3, 0, 0.29, 0.88), pose, scan);
    expect(Math.hypot((sightings[0]?.x ?? 0) - mapX, (sightings[0]?.y ?? 0) - mapY)).toBeLessThan(0.05);
  });

  it('counts from the visible side where the picture’s edge cuts an object', () => {
    const [mapX, mapY] = onMap(2, 1.95); // the left edge is at 45°
    const box = boxOf('chemical-drum', 2, 1.95, 0.29, 0.88);
    expect(box.x).toBeLessThan(0);
    const visible = { ...box, x: 0, width: box.width + box.x };
    const { sightings } = observe(visible, pose, scanOf(pose, [{ x: mapX, y: mapY, radiusM: 0.29 }]));
    expect(Math.hypot((sightings[0]?.x ?? 0) - mapX, (sightings[0]?.y ?? 0) - mapY)).toBeLessThan(0.12);
  });

  it('is certain along the ray with the lidar, and across it without', () => {
    const straight: Pose2 = { x: -0.1, y: 0, theta: 0 };
    const box = boxOf('fire', 4, 0, 0.3, 0.85);
    const blind = observe(box, straight).sightings[0];
    const sharp = observe(box, straight, scanOf(straight, [{ x: 3.9, y: 0, radiusM: 0.3 }])).sightings[0];
    expect(blind?.covXX).toBeGreaterThan(20 * (blind?.covYY ?? 0));
    expect(sharp?.covXX).toBeLessThan(0.02);
    expect(sharp?.covXY).toBeCloseTo(0, 6);
  });

  it('carries the uncertainty of the pose', () => {
    const detections = [boxOf('fire', 4, 0, 0.3, 0.85)];
    const base = { detections, stampSec: 0, frameWidth: WIDTH, intrinsics, mount, pose: { x: 0, y: 0, theta: 0 } };
    const sure = observeFrame({ ...base, poseCovariance: { xx: 0, xy: 0, yy: 0, thetaTheta: 0 } }).sightings[0];
    const unsure = observeFrame({ ...base, poseCovariance: { xx: 0.04, xy: 0.01, yy: 0.09, thetaTheta: 0.01 } }).sightings[0];
    expect((unsure?.covXX ?? 0) - (sure?.covXX ?? 0)).toBeCloseTo(0.04, 6);
    expect((unsure?.covXY ?? 0) - (sure?.covXY ?? 0)).toBeCloseTo(0.01, 6);
    expect((unsure?.covYY ?? 0) - (sure?.covYY ?? 0)).toBeCloseTo(0.09 + 0.01 * (sure?.rangeM ?? 0) ** 2, 6);
  });

  it.each([
    ['survivor', 0.36, 0.92],
    ['chemical-drum', 0.29, 0.88],
    ['gas-cylinder', 0.13, 1.25],
  ])('is placed by the height of a %s where something hides its foot', (name, radiusM, heightM) => {
    const whole = boxOf(name, 3.1, 0.4, radiusM, heightM);
    const hidden = { ...whole, height: whole.height - 8 };
    const [bySight] = observe(hidden, { x: 0, y: 0, theta: 0 }).sightings;
    expect(Math.hypot((bySight?.x ?? 0) - 3.1, (bySight?.y ?? 0) - 0.4)).toBeLessThan(0.35);
    expect(Math.sqrt(bySight?.covXX ?? 0)).toBeGreaterThan(0.1);
  });

  it('is placed by its height where the picture ends above its foot', () => {
    const near = boxOf('survivor', 1, 0, 0.36, 0.92, { ...mount, pitchDownRad: -0.3 });
    const tilted = { ...mount, pitchDownRad: -0.3 };
    const cut = { ...near, height: 240 - near.y };
    const frame = { stampSec: 0, frameWidth: WIDTH, intrinsics, mount: tilted, pose: { x: 0, y: 0, theta: 0 } };
    const [seen] = observeFrame({ ...frame, detections: [cut], frameHeight: 240 }).sightings;
    expect(near.y + near.height).toBeGreaterThan(240);
    expect(seen?.x).toBeCloseTo(1, 0);
    expect(Math.abs((seen?.x ?? 0) - 1)).toBeLessThan(0.2);
  });

  it('of full confidence leaves room for doubt', () => {
    const [seen] = observe({ ...boxOf('fire', 3, 0, 0.3, 0.85), score: 1 }, { x: 0, y: 0, theta: 0 }).sightings;
    expect(seen?.score).toBeLessThan(0.95);
  });

  it('is left out where the distance cannot be told', () => {
    expect(observe({ className: 'fire', score: 1, x: 100, y: 20, width: 20, height: 60 }, pose).sightings).toEqual([]);
    expect(observe(boxOf('fire', 7, 0, 0.3, 0.85), pose).sightings).toEqual([]);
  });
});

describe('a frame', () => {
  it('says where the camera was and how wide it sees, also without detections', () => {
    const frame = observeFrame({
      detections: [],
      stampSec: 9,
      frameWidth: WIDTH,
      intrinsics,
      mount,
      pose: { x: 1, y: 1, theta: Math.PI / 2 },
    });
    expect(frame).toMatchObject({ stampSec: 9, maxRangeM: 6, sightings: [] });
    expect([frame.x, frame.y]).toEqual([1, 1.1].map((value) => expect.closeTo(value, 9) as number));
    expect(frame.halfFovRad).toBeCloseTo(Math.PI / 4, 9);
  });
});

describe('lidar points', () => {
  const query = { eye: { x: 0, y: 0 }, directionRad: 0, halfWidthRad: 0.05, radiusM: 0.2, expectedM: 3.2, nearestM: 1, farthestM: 5 };

  it('that are no measurement do not count', () => {
    const scan = scanOf({ x: 0, y: 0, theta: 0 }, []);
    scan.rangesM.fill(Number.POSITIVE_INFINITY);
    expect(lidarRange({ scan, pose: { x: 0, y: 0, theta: 0 } }, query)).toBeNull();
    scan.rangesM.fill(Number.NaN);
    expect(lidarRange({ scan, pose: { x: 0, y: 0, theta: 0 } }, query)).toBeNull();
  });

  it('are taken from where the sensor was, not from the eye', () => {
    const pose = { x: -0.5, y: 0.4, theta: -2 };
    expect(lidarRange({ scan: scanOf(pose, [{ x: 3, y: 0, radiusM: 0.2 }]), pose }, query)).toBeCloseTo(3, 1);
  });
});

describe('a far box that fits poorly', () => {
  const still: Pose2 = { x: 0, y: 0, theta: 0 };
  const farM = 6.8;
  const cylinder = { x: farM, y: 0, radiusM: 0.13 };
  // The side of a table runs away from the rover up to a corner in front of the cylinder.
  const table = Array.from({ length: 30 }, (_, k) => ({ x: 5.95 - 0.04 * k, y: 0.02 - 0.03 * k, radiusM: 0.05 }));
  /** Its lower edge is too low, as if the cylinder stood where the corner is. */
  const boxAt = (x: number, score: number): Detection => ({ ...boxOf('gas-cylinder', x, 0, 0.13, 1.25), score });

  it('is not placed where the lidar meets something wider', () => {
    const scan = scanOf(still, [cylinder, ...table]);
    expect(observe(boxAt(6, 0.7), still, scan).sightings).toEqual([]);
    expect(observe(boxAt(6, 0.95), still, scan).sightings[0]?.x).toBeLessThan(6.3);
  });

  it('is placed where the lidar meets a body of its size', () => {
    expect(observe(boxAt(farM, 0.7), still, scanOf(still, [cylinder])).sightings[0]?.x).toBeCloseTo(farM, 1);
  });
});

describe('a box too small for where its foot and the lidar put it', () => {
  const still: Pose2 = { x: 0, y: 0, theta: 0 };
  /** A drum whose lower edge is a pixel and a half too low, as if it stood where the lidar meets something. */
  const sunk = (x: number): Detection => {
    const box = boxOf('chemical-drum', x, 0, 0.29, 0.88);
    return { ...box, y: box.y + 1.5, score: 0.97 };
  };

  it('is of something farther off, which is not placed', () => {
    expect(observe(sunk(12), still, scanOf(still, [{ x: 7.5, y: 0, radiusM: 0.1 }])).sightings).toEqual([]);
  });

  it('counts where it fits, or where it is small in one direction only: a part that shows', () => {
    const scan = scanOf(still, [{ x: 6, y: 0, radiusM: 0.29 }]);
    const whole = boxOf('chemical-drum', 6, 0, 0.29, 0.88);
    const parts = [
      whole,
      { ...whole, width: whole.width * 0.4 },
      { ...whole, y: whole.y + whole.height * 0.4, height: whole.height * 0.6 },
    ];
    for (const box of parts) expect(observe({ ...box, x: 160 - box.width / 2 }, still, scan).sightings[0]?.x).toBeCloseTo(6, 1);
  });

  it('counts where the edge of the picture cuts it off', () => {
    const angle = 0.72;
    const whole = boxOf('chemical-drum', 4 * Math.cos(angle), 4 * Math.sin(angle), 0.29, 0.88);
    const cut = { ...whole, x: 0, width: whole.width * 0.3, y: whole.y + whole.height * 0.5, height: whole.height * 0.5 };
    expect(observe(cut, still).sightings).toHaveLength(1);
  });
});
