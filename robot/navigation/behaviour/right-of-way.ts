// Who goes first: among rovers whose ways meet, the lower id; a rover without a goal yields to all.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { OtherRover } from './navigator-types.ts';

export interface RightOfWayOptions {
  /** Centres nearer than this are in each other's way [m]. */
  readonly clearanceM: number;
  /** Ways are compared this far ahead [m]. */
  readonly horizonM: number;
  /** Rovers further away do not matter [m]. */
  readonly noticeM: number;
  /** Ways that meet within this difference of arrival times are in conflict [s]. */
  readonly sameTimeSec: number;
  /** A rover that has not moved for this long counts as standing [s]. */
  readonly standingSec: number;
}

export type RightOfWay =
  | { readonly kind: 'go' }
  /** Stop until the other has passed. */
  | { readonly kind: 'wait'; readonly other: OtherRover }
  /** The rover stands where the other means to go: make room. */
  | { readonly kind: 'make-room'; readonly other: OtherRover };

type Way = readonly (readonly [number, number])[];

/** Nominal speed for comparing arrival times [m/s]. */
const NOMINAL_M_PER_SEC = 0.7;
const SAMPLE_M = 0.2;

/** Whether `self` must yield to `other` where their ways meet. */
export function yieldsTo(self: { readonly id: string; readonly hasGoal: boolean }, other: OtherRover): boolean {
  const otherHasGoal = other.goal !== null;
  if (self.hasGoal !== otherHasGoal) return otherHasGoal;
  return other.id < self.id;
}

/** Decides for one rover against all others; the most demanding answer counts. */
export function decideRightOfWay(
  self: { readonly id: string; readonly hasGoal: boolean; readonly pose: Pose2; readonly way: Way },
  others: readonly OtherRover[],
  options: RightOfWayOptions,
): RightOfWay {
  let answer: RightOfWay = { kind: 'go' };
  const mine = sample(self.pose, self.way, options.horizonM);
  for (const other of others) {
    if (Math.hypot(other.pose.x - self.pose.x, other.pose.y - self.pose.y) > options.noticeM) continue;
    if (!yieldsTo(self, other)) continue;
    const theirs = sample(other.pose, other.path, options.horizonM);
    if (theirs.length > 1 && standsIn(self.pose, theirs, options.clearanceM)) return { kind: 'make-room', other };
    if (mine.length > 1 && theirs.length > 1 && waysMeet(mine, theirs, options)) answer = { kind: 'wait', other };
  }
  return answer;
}

/** Whether the rover is in the other's way ahead; where the other is now does not count. */
function standsIn(pose: Pose2, way: Way, clearanceM: number): boolean {
  const [x0, y0] = way[0] as readonly [number, number];
  const now = Math.hypot(x0 - pose.x, y0 - pose.y);
  return way.some(([x, y], i) => {
    const distance = Math.hypot(x - pose.x, y - pose.y);
    return i > 0 && distance < clearanceM && distance < now - 0.05;
  });
}

function waysMeet(mine: Way, theirs: Way, options: RightOfWayOptions): boolean {
  const apart = (options.sameTimeSec * NOMINAL_M_PER_SEC) / SAMPLE_M;
  const now = Math.hypot(
    (mine[0] as readonly [number, number])[0] - (theirs[0] as readonly [number, number])[0],
    (mine[0] as readonly [number, number])[1] - (theirs[0] as readonly [number, number])[1],
  );
  for (let i = 1; i < mine.length; i += 1) {
    for (let j = Math.max(0, Math.ceil(i - apart)); j < Math.min(theirs.length, i + apart); j += 1) {
      const distance = Math.hypot(
        (mine[i] as readonly [number, number])[0] - (theirs[j] as readonly [number, number])[0],
        (mine[i] as readonly [number, number])[1] - (theirs[j] as readonly [number, number])[1],
      );
      if (distance < options.clearanceM && distance < now) return true;
    }
  }
  return false;
}

/** Points every SAMPLE_M along a way from the pose on, up to `lengthM`. */
function sample(pose: Pose2, way: Way, lengthM: number): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [[pose.x, pose.y]];
  let [x, y] = [pose.x, pose.y];
  let left = SAMPLE_M;
  let total = 0;
  for (const [nx, ny] of way) {
    let length = Math.hypot(nx - x, ny - y);
    while (length >= left && total < lengthM) {
      const t = left / length;
      x += (nx - x) * t;
      y += (ny - y) * t;
      length -= left;
      total += SAMPLE_M;
      left = SAMPLE_M;
      points.push([x, y]);
    }
    left -= length;
    [x, y] = [nx, ny];
    if (total >= lengthM) break;
  }
  return points;
}
