// The distance to an upright object's axis from the lidar points that lie on its near side.
import type { Point2, Pose2 } from '../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';

/** A scan and where its sensor was [map frame]. */
export interface PlacedScan {
  readonly scan: LidarScan;
  readonly pose: Pose2;
}

export interface LidarQuery {
  /** Eye point and direction of sight [rad], map frame. */
  readonly eye: Point2;
  readonly directionRad: number;
  /** Half of the angle in which the object was seen, without its edges [rad]: nothing that the lidar sees stands before it there. */
  readonly halfWidthRad: number;
  /** Radius of the object [m]. */
  readonly radiusM: number;
  /** Distance to the axis by other means, and what is possible at all [m]. */
  readonly expectedM: number;
  readonly nearestM: number;
  readonly farthestM: number;
  /** Whether a body wider than the object is not taken for it; default: it may stand against a wall. */
  readonly alone?: boolean;
}

/** Points of one body agree on its axis within this [m]. */
const CLUSTER_M = 0.25;
/** Neighbouring beams that differ by less [m] lie on one surface; one that goes on for so far [m] beside the object is another's. */
const SURFACE_STEP_M = 0.22;
const BESIDE_M = 0.2;

/** Distance from the eye to the object's axis by the lidar [m], or null where no point fits. */
export function lidarRange({ scan, pose }: PlacedScan, query: LidarQuery): number | null {
  const { eye, directionRad, halfWidthRad, radiusM, expectedM, nearestM, farthestM, alone = false } = query;
  const widest = Math.tan(Math.max(halfWidthRad, scan.angleIncrementRad * 0.75));
  const c = Math.cos(directionRad);
  const s = Math.sin(directionRad);
  const isMeasured = (range: number): boolean => range >= scan.rangeMinM && range <= scan.rangeMaxM;
  /** Where a beam ends, seen from the eye: ahead and to the left of the direction of sight [m]. */
  const endOf = (index: number): { readonly along: number; readonly across: number } => {
    const range = scan.rangesM[index] ?? Number.NaN;
    const angle = pose.theta + scan.angleMinRad + index * scan.angleIncrementRad;
    const dx = pose.x + range * Math.cos(angle) - eye.x;
    const dy = pose.y + range * Math.sin(angle) - eye.y;
    return { along: c * dx + s * dy, across: c * dy - s * dx };
  };
  /** Whether the surface that a beam meets goes on to one side of the object. */
  const goesOn = (from: number, step: 1 | -1): boolean => {
    const count = scan.rangesM.length;
    const beam = (steps: number): number => (from + steps * step + count) % count;
    for (let steps = 1; steps < count; steps += 1) {
      const range = scan.rangesM[beam(steps)] ?? Number.NaN;
      const before = scan.rangesM[beam(steps - 1)] ?? Number.NaN;
      if (!isMeasured(range) || Math.abs(range - before) > SURFACE_STEP_M) return false;
      if (Math.abs(endOf(beam(steps)).across) > radiusM + BESIDE_M) return true;
    }
    return false;
  };
  const distances: number[] = [];
  for (const [index, range] of scan.rangesM.entries()) {
    if (!isMeasured(range)) continue;
    const { along, across } = endOf(index);
    if (along <= 0 || Math.abs(across) > Math.min(widest * along, radiusM)) continue;
    const distance = along + Math.sqrt(radiusM * radiusM - across * across);
    if (distance < nearestM || distance > farthestM) continue;
    if (alone && (goesOn(index, 1) || goesOn(index, -1))) continue;
    distances.push(distance);
  }
  // Beside the object's own points there may be some of an edge in front of it, or of what is behind: those that fit best count.
  const best = distances.toSorted((a, b) => Math.abs(a - expectedM) - Math.abs(b - expectedM))[0];
  if (best === undefined) return null;
  const body = distances.filter((distance) => Math.abs(distance - best) <= CLUSTER_M).toSorted((a, b) => a - b);
  return body[body.length >> 1] ?? best;
}
