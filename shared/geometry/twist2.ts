// Planar velocity of a vehicle's body frame and its exact integration over a time step.
import { compose, type Pose2 } from './pose2.ts';

/** Forward speed [m/s] and yaw rate [rad/s] of a differential-drive body (REP-103). */
export interface Twist2 {
  readonly linearMPerSec: number;
  readonly angularRadPerSec: number;
}

export const STOP: Twist2 = { linearMPerSec: 0, angularRadPerSec: 0 };

/** The pose that `pose` reaches when the body moves with a constant `twist` for `seconds` (an exact circular arc). */
export function integrate(pose: Pose2, twist: Twist2, seconds: number): Pose2 {
  const dTheta = twist.angularRadPerSec * seconds;
  const ds = twist.linearMPerSec * seconds;
  const half = dTheta / 2;
  const chord = Math.abs(half) < 1e-9 ? ds : (ds * Math.sin(half)) / half;
  return compose(pose, { x: chord * Math.cos(half), y: chord * Math.sin(half), theta: dTheta });
}
