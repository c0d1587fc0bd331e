// How wrong odometry may be: noise that grows with the way and the turn (Thrun, Burgard & Fox, Probabilistic Robotics, ch. 5.4).
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { add3, congruence3, diagonal3, type Matrix3 } from './symmetric3.ts';

/** Standard deviations of one odometry step; the parts add as standard deviations (they are systematic, not white). */
export interface OdometryNoise {
  /** Of the position, always present [m]. */
  readonly positionM: number;
  /** Of the position, per metre of way [m/m]. */
  readonly positionPerM: number;
  /** Of the position, per radian of turn [m/rad]. */
  readonly positionPerRad: number;
  /** Of the heading, always present [rad]. */
  readonly headingRad: number;
  /** Of the heading, per metre of way [rad/m]. */
  readonly headingPerM: number;
  /** Of the heading, per radian of turn [rad/rad]. */
  readonly headingPerRad: number;
}

/** Covariance of the step `delta`, in the frame of the pose that it starts from. */
export function stepCovariance(delta: Pose2, noise: OdometryNoise): Matrix3 {
  const way = Math.hypot(delta.x, delta.y);
  const turn = Math.abs(delta.theta);
  const position = noise.positionM + noise.positionPerM * way + noise.positionPerRad * turn;
  const heading = noise.headingRad + noise.headingPerM * way + noise.headingPerRad * turn;
  return diagonal3(position * position, position * position, heading * heading);
}

/** The pose after `delta` and its covariance, both in the parent frame of `pose`. */
export function predict(
  pose: Pose2,
  covariance: Matrix3,
  delta: Pose2,
  stepNoise: Matrix3,
): { readonly pose: Pose2; readonly covariance: Matrix3 } {
  const next = compose(pose, delta);
  const lever: Matrix3 = [1, 0, -(next.y - pose.y), 0, 1, next.x - pose.x, 0, 0, 1];
  return { pose: next, covariance: add3(congruence3(lever, covariance), rotateCovariance(stepNoise, pose.theta)) };
}

/** A covariance given in a frame that is turned by `theta`, expressed in the parent frame. */
export function rotateCovariance(covariance: Matrix3, theta: number): Matrix3 {
  const c = Math.cos(theta);
  const s = Math.sin(theta);
  return congruence3([c, -s, 0, s, c, 0, 0, 0, 1], covariance);
}
