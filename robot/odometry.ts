// Wheel odometry: dead reckoning from accumulated wheel angles (odom → base_link, REP-105).
import { IDENTITY, type Pose2 } from '../shared/geometry/pose2.ts';
import { integrate, type Twist2, STOP } from '../shared/geometry/twist2.ts';
import { type DriveGeometry, toTwist } from '../shared/kinematics/differential-drive.ts';
import type { DriveInputs } from '../shared/ports/drive-io.ts';

/** Integrates encoder readings; drifts by nature. A disconnected drive leaves the pose where it is. */
export class WheelOdometry {
  readonly #geometry: DriveGeometry;
  #pose: Pose2 = IDENTITY;
  #twist: Twist2 = STOP;
  #distanceM = 0;
  #last: DriveInputs | null = null;

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

  update(inputs: DriveInputs): Pose2 {
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
      this.#pose = integrate(this.#pose, step, 1);
      this.#distanceM += Math.abs(step.linearMPerSec);
    }
    this.#twist = toTwist({ leftRadPerSec: inputs.leftVelocityRadPerSec, rightRadPerSec: inputs.rightVelocityRadPerSec }, this.#geometry);
    this.#last = inputs;
    return this.#pose;
  }
}
