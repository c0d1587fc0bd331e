// Wheel odometry: dead reckoning from accumulated wheel angles (odom → base_link, REP-105). Where there is a gyroscope, it says how far the rover
// turned: wheels that skid do not know ("gyrodometry", Borenstein and Feng 1996).
import { IDENTITY, type Pose2 } from '../shared/geometry/pose2.ts';
import { integrate, type Twist2, STOP } from '../shared/geometry/twist2.ts';
import { type DriveGeometry, toTwist } from '../shared/kinematics/differential-drive.ts';
import type { DriveInputs } from '../shared/ports/drive-io.ts';
import type { ImuInputs } from '../shared/ports/imu-io.ts';

/** Readings further apart than this say too little of what was in between [s]. */
const MAX_GYRO_GAP_SEC = 0.35;
/** With standing wheels, less than this is the gyroscope's own drift [rad/s]; more is a rover that somebody turns. */
const STANDING_RAD_PER_SEC = 0.05;

/** Integrates encoder readings; drifts by nature. A disconnected drive leaves the pose where it is. */
export class WheelOdometry {
  readonly #geometry: DriveGeometry;
  #pose: Pose2 = IDENTITY;
  #twist: Twist2 = STOP;
  #distanceM = 0;
  #last: DriveInputs | null = null;
  #imu: ImuInputs | null = null;

  constructor(geometry: DriveGeometry) {
    this.#geometry = geometry;
  }

  /** Pose in the odometry frame: metres and radians since the first reading. */
  get pose(): Pose2 {
    return this.#pose;
  }

  get twist(): Twist2 {
    return this.#twist;
  }

  /** Way driven, forwards and backwards [m]. */
  get distanceM(): number {
    return this.#distanceM;
  }

  /** One cycle's readings. A gyroscope that is missing, disconnected or stale (an old stamp) leaves the turn to the wheels. */
  update(inputs: DriveInputs, imu: ImuInputs | null = null): Pose2 {
    const gyro = this.#takeGyro(imu);
    if (!inputs.connected) {
      this.#twist = STOP;
      this.#last = null;
      return this.#pose;
    }
    if (this.#last !== null) {
      const turn = {
        leftRadPerSec: inputs.leftPositionRad - this.#last.leftPositionRad,
        rightRadPerSec: inputs.rightPositionRad - this.#last.rightPositionRad,
      };
      const step = toTwist(turn, this.#geometry);
      const standing = turn.leftRadPerSec === 0 && turn.rightRadPerSec === 0;
      const drifting = standing && gyro !== null && Math.abs(gyro.rateRadPerSec) < STANDING_RAD_PER_SEC;
      const turnRad = gyro === null ? step.angularRadPerSec : drifting ? 0 : gyro.turnRad;
      this.#pose = integrate(this.#pose, { ...step, angularRadPerSec: turnRad }, 1);
      this.#distanceM += Math.abs(step.linearMPerSec);
    }
    const byWheels = toTwist(
      { leftRadPerSec: inputs.leftVelocityRadPerSec, rightRadPerSec: inputs.rightVelocityRadPerSec },
      this.#geometry,
    );
    this.#twist = gyro === null ? byWheels : { ...byWheels, angularRadPerSec: gyro.rateRadPerSec };
    this.#last = inputs;
    return this.#pose;
  }

  /** The turn since the reading before, by the trapezoidal rule, and the rate now; null where the two do not tell. */
  #takeGyro(imu: ImuInputs | null): { readonly turnRad: number; readonly rateRadPerSec: number } | null {
    const before = this.#imu;
    this.#imu = imu?.connected === true ? imu : null;
    if (before === null || this.#imu === null) return null;
    const elapsed = this.#imu.stampSec - before.stampSec;
    if (!(elapsed > 0 && elapsed <= MAX_GYRO_GAP_SEC)) return null;
    const [, , rateRadPerSec] = this.#imu.angularVelocityRadPerSec;
    return { turnRad: ((rateRadPerSec + before.angularVelocityRadPerSec[2]) / 2) * elapsed, rateRadPerSec };
  }
}
