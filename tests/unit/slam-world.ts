// A small world of line segments for SLAM tests: exact ranges, seeded noise, a rover with drifting odometry.
import { compose, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import type { Random } from '../../shared/ports/random.ts';

/** x1, y1, x2, y2 [m]. */
export type Segment = readonly [number, number, number, number];

/** The four sides of a box. */
export function box(left: number, bottom: number, right: number, top: number): Segment[] {
  return [
    [left, bottom, right, bottom],
    [right, bottom, right, top],
    [right, top, left, top],
    [left, top, left, bottom],
  ];
}

/** A room of 10 m × 7 m with two boxes and a pillar in it, so that no two places look alike. */
export const ROOM: readonly Segment[] = [
  ...box(-4, -3, 6, 4),
  ...box(2, 1, 3.2, 1.8),
  ...box(-2.5, -2, -2, -0.7),
  ...box(4.4, -1.6, 4.8, -1.2),
];

/** A square ring of corridors, 2 m wide and 16 m long on the outside, with niches that tell its sides apart. */
export const RING: readonly Segment[] = [
  ...box(-1, -1, 15, 15),
  ...box(1, 1, 13, 13),
  ...box(4, -1, 4.6, -0.6),
  ...box(9, 0.7, 9.5, 1),
  ...box(14.5, 5, 15, 6.2),
  ...box(12.6, 9, 13, 9.4),
  ...box(10, 14.3, 10.7, 15),
  ...box(4, 13, 4.3, 13.5),
  ...box(-1, 8, -0.5, 8.4),
  ...box(1, 4, 1.3, 5),
];

export interface ScannerOptions {
  readonly rays?: number;
  readonly fieldRad?: number;
  readonly rangeMaxM?: number;
  readonly noiseM?: number;
  readonly random?: Random;
}

export function scanFrom(world: readonly Segment[], pose: Pose2, stampSec: number, options: ScannerOptions = {}): LidarScan {
  const { rays = 360, fieldRad = 2 * Math.PI, rangeMaxM = 12, noiseM = 0, random } = options;
  const angleMinRad = -fieldRad / 2;
  const angleIncrementRad = fieldRad / rays;
  const rangesM = Float32Array.from({ length: rays }, (_, i) => {
    const range = cast(world, pose, pose.theta + angleMinRad + i * angleIncrementRad);
    const measured = range + (random === undefined ? 0 : noiseM * random.gaussian());
    return measured > rangeMaxM ? Number.POSITIVE_INFINITY : measured;
  });
  return { stampSec, sequence: Math.round(stampSec * 10), angleMinRad, angleIncrementRad, rangeMinM: 0.1, rangeMaxM, rangesM };
}

function cast(world: readonly Segment[], { x, y }: Pose2, angle: number): number {
  const dx = Math.cos(angle);
  const dy = Math.sin(angle);
  let nearest = Number.POSITIVE_INFINITY;
  for (const [x1, y1, x2, y2] of world) {
    const ex = x2 - x1;
    const ey = y2 - y1;
    const cross = dx * ey - dy * ex;
    if (Math.abs(cross) < 1e-12) continue;
    const along = ((x1 - x) * ey - (y1 - y) * ex) / cross;
    const on = ((x1 - x) * dy - (y1 - y) * dx) / cross;
    if (along > 1e-9 && on >= 0 && on <= 1 && along < nearest) nearest = along;
  }
  return nearest;
}

export interface DriftOptions {
  /** Standard deviations: of the way as a share of it, of the heading per metre and as a share of the turn. */
  readonly wayShare: number;
  readonly headingPerM: number;
  readonly turnShare: number;
}

/** True poses along a way of steps, and what drifting odometry makes of them. */
export function drive(start: Pose2, steps: readonly Pose2[], drift: DriftOptions, random: Random): { truth: Pose2[]; odometry: Pose2[] } {
  const truth = [start];
  const odometry: Pose2[] = [{ x: 0, y: 0, theta: 0 }];
  for (const step of steps) {
    const way = Math.hypot(step.x, step.y);
    truth.push(compose(lastOf(truth), step));
    odometry.push(
      compose(lastOf(odometry), {
        x: step.x * (1 + drift.wayShare * random.gaussian()),
        y: step.y + drift.wayShare * way * random.gaussian(),
        theta: step.theta + (drift.headingPerM * way + drift.turnShare * Math.abs(step.theta)) * random.gaussian(),
      }),
    );
  }
  return { truth, odometry };
}

/** Straight on for `metres`, in steps of 8 cm. */
export function straight(metres: number): Pose2[] {
  return Array.from({ length: Math.round(metres / 0.08) }, () => ({ x: 0.08, y: 0, theta: 0 }));
}

/** A turn on the spot, in steps of about 4°. */
export function turn(radians: number): Pose2[] {
  const count = Math.ceil(Math.abs(radians) / 0.07);
  return Array.from({ length: count }, () => ({ x: 0, y: 0, theta: radians / count }));
}

export function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new RangeError('an empty list has no last element');
  return last;
}
