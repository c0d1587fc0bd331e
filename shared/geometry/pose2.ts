// Planar poses and rigid transforms, SE(2): metres and radians, x forward, y left (REP-103).
import { normalizeAngle } from './angle.ts';

/** A point in the plane [m]. */
export interface Point2 {
  readonly x: number;
  readonly y: number;
}

/** A position [m] and heading [rad]; read as a transform, it maps child coordinates into the parent frame. */
export interface Pose2 {
  readonly x: number;
  readonly y: number;
  readonly theta: number;
}

export const IDENTITY: Pose2 = { x: 0, y: 0, theta: 0 };

/** `a ∘ b`: the pose of `b`, given in the frame of `a`, expressed in the parent frame of `a`. */
export function compose(a: Pose2, b: Pose2): Pose2 {
  const c = Math.cos(a.theta);
  const s = Math.sin(a.theta);
  return { x: a.x + c * b.x - s * b.y, y: a.y + s * b.x + c * b.y, theta: normalizeAngle(a.theta + b.theta) };
}

/** The transform that undoes `p`: `compose(p, inverse(p))` is the identity. */
export function inverse(p: Pose2): Pose2 {
  const c = Math.cos(p.theta);
  const s = Math.sin(p.theta);
  return { x: -c * p.x - s * p.y, y: s * p.x - c * p.y, theta: normalizeAngle(-p.theta) };
}

/** The pose of `to` in the frame of `from`, both given in one parent frame. */
export function between(from: Pose2, to: Pose2): Pose2 {
  return compose(inverse(from), to);
}

/** Maps a point [m] from the child frame of `p` into its parent frame. */
export function transformPoint(p: Pose2, point: Point2): Point2 {
  const c = Math.cos(p.theta);
  const s = Math.sin(p.theta);
  return { x: p.x + c * point.x - s * point.y, y: p.y + s * point.x + c * point.y };
}

/** Euclidean distance [m] between two points or poses; headings do not count. */
export function distance(a: Point2, b: Point2): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
