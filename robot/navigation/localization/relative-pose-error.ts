// How wrong a trajectory is over short and long stretches, free of any common frame (Kümmerle et al., On measuring the accuracy of
// SLAM algorithms, Autonomous Robots 2009).
import { between, type Pose2 } from '../../../shared/geometry/pose2.ts';

export interface PoseError {
  readonly mean_m: number;
  readonly mean_deg: number;
  readonly max_m: number;
  readonly max_deg: number;
  readonly count: number;
}

export interface RelativePoseError {
  /** From each scan to the next one, the tenth and the fiftieth after it. */
  readonly step_1: PoseError;
  readonly step_10: PoseError;
  readonly step_50: PoseError;
}

/** Compares the motion between scans in both trajectories, which list the same scans. Throws RangeError when they do not. */
export function evaluateRelativePoseError(estimated: readonly Pose2[], reference: readonly Pose2[]): RelativePoseError {
  if (estimated.length !== reference.length) {
    throw new RangeError(`${estimated.length} estimated poses against ${reference.length} reference poses`);
  }
  const over = (step: number): PoseError => {
    const errors: Pose2[] = [];
    for (let i = 0; i + step < estimated.length; i += 1) {
      const truth = between(reference[i] as Pose2, reference[i + step] as Pose2);
      errors.push(between(truth, between(estimated[i] as Pose2, estimated[i + step] as Pose2)));
    }
    return summarize(errors);
  };
  return { step_1: over(1), step_10: over(10), step_50: over(50) };
}

export interface Relation {
  /** Times of the two scans, as the log has them [s]. */
  readonly fromSec: number;
  readonly toSec: number;
  /** Pose at `toSec` in the frame of the pose at `fromSec`. */
  readonly relative: Pose2;
}

/** Reads lines `t1 t2 dx dy dz roll pitch yaw` [s, m, rad]; blank lines and `#` comments are passed over. Throws SyntaxError with the line. */
export function parseRelations(text: string): Relation[] {
  const relations: Relation[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [fromSec, toSec, x, y, , , , theta, ...rest] = line.trim().split(/\s+/).map(Number);
    if (theta === undefined || rest.length > 0 || ![fromSec, toSec, x, y, theta].every(Number.isFinite)) {
      throw new SyntaxError(`line ${index + 1}: a relation is eight numbers: t1 t2 dx dy dz roll pitch yaw`);
    }
    relations.push({ fromSec: fromSec as number, toSec: toSec as number, relative: { x: x as number, y: y as number, theta } });
  }
  return relations;
}

export interface RelationError extends PoseError {
  /** Relations whose times lie farther than the tolerance from any scan. */
  readonly unmatched: number;
}

/** Compares a trajectory, in order of time, with known relations; each time stands for the nearest scan within `toleranceSec`. */
export function evaluateRelations(
  trajectory: readonly { readonly timeSec: number; readonly pose: Pose2 }[],
  relations: readonly Relation[],
  toleranceSec = 0.1,
): RelationError {
  const times = Float64Array.from(trajectory, ({ timeSec }) => timeSec);
  const poseAt = (timeSec: number): Pose2 | null => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] as number) < timeSec) low = middle + 1;
      else high = middle;
    }
    const distanceTo = (i: number): number => Math.abs((times[i] ?? Infinity) - timeSec);
    const nearest = distanceTo(low - 1) < distanceTo(low) ? low - 1 : low;
    return distanceTo(nearest) <= toleranceSec ? (trajectory[nearest]?.pose ?? null) : null;
  };
  const errors: Pose2[] = [];
  for (const { fromSec, toSec, relative } of relations) {
    const from = poseAt(fromSec);
    const to = poseAt(toSec);
    if (from !== null && to !== null) errors.push(between(relative, between(from, to)));
  }
  return { ...summarize(errors), unmatched: relations.length - errors.length };
}

function summarize(errors: readonly Pose2[]): PoseError {
  let [sumM, sumDeg, maxM, maxDeg] = [0, 0, 0, 0];
  for (const { x, y, theta } of errors) {
    const metres = Math.hypot(x, y);
    const degrees = (Math.abs(theta) * 180) / Math.PI;
    sumM += metres;
    sumDeg += degrees;
    maxM = Math.max(maxM, metres);
    maxDeg = Math.max(maxDeg, degrees);
  }
  const count = errors.length;
  const n = Math.max(1, count);
  return { mean_m: sumM / n, mean_deg: sumDeg / n, max_m: maxM, max_deg: maxDeg, count };
}
