// Regulated pure pursuit (Macenski, Singh, Martin & Ginés 2023): speed yields to curvature, nearness of obstacles and the goal.
import { angleDifference } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import type { PathTracker } from './path-tracker.ts';

export interface PursuitOptions {
  readonly maxLinearMPerSec: number;
  readonly maxAngularRadPerSec: number;
  readonly maxDecelerationMPerSec2: number;
  readonly maxAngularAccelerationRadPerSec2: number;
  /** The carrot runs this far ahead in time [s], between the two distances [m]. */
  readonly lookaheadSec: number;
  readonly minLookaheadM: number;
  readonly maxLookaheadM: number;
  /** Curves tighter than this slow the rover down in proportion [m]. */
  readonly regulatedRadiusM: number;
  /** Clearance below which the rover slows down in proportion [m]. */
  readonly proximityM: number;
  /** Regulation never goes below this speed [m/s]. */
  readonly minRegulatedMPerSec: number;
  /** A carrot further off the nose than this makes the rover turn on the spot first [rad]. */
  readonly rotateFromRad: number;
  /** Turning on the spot ends below this [rad]. */
  readonly rotateUntilRad: number;
  readonly positionToleranceM: number;
  readonly headingToleranceRad: number;
}

export interface PursuitState {
  readonly command: Twist2;
  /** The end of the path, and the final heading where one is asked for, are reached. */
  readonly arrived: boolean;
}

export class RegulatedPurePursuit {
  readonly #options: PursuitOptions;
  #rotating = false;
  #atEnd = false;

  constructor(options: PursuitOptions) {
    this.#options = options;
  }

  /** Starts a new path. `keepTurning`: the path replaces one to the same goal. */
  reset(keepTurning = false): void {
    this.#atEnd = false;
    if (!keepTurning) this.#rotating = false;
  }

  /** `clearanceM`: free distance from the footprint to the nearest obstacle; `headingRad`: heading wanted at the end, or null. */
  step(pose: Pose2, speedMPerSec: number, path: PathTracker, clearanceM: number, headingRad: number | null): PursuitState {
    const options = this.#options;
    const end = path.end;
    const remaining = Math.max(path.remainingM, 0);
    const toEnd = Math.hypot(end.x - pose.x, end.y - pose.y);
    if (toEnd <= options.positionToleranceM && remaining <= options.positionToleranceM * 2) this.#atEnd = true;
    if (this.#atEnd) {
      if (headingRad === null) return { command: STOP, arrived: true };
      const error = angleDifference(headingRad, pose.theta);
      if (Math.abs(error) <= options.headingToleranceRad) return { command: STOP, arrived: true };
      return { command: this.turn(error), arrived: false };
    }
    const lookahead = Math.min(options.maxLookaheadM, Math.max(options.minLookaheadM, Math.abs(speedMPerSec) * options.lookaheadSec));
    const carrot = path.pointAhead(lookahead);
    const dx = carrot.x - pose.x;
    const dy = carrot.y - pose.y;
    const bearing = angleDifference(Math.atan2(dy, dx), pose.theta);
    if (Math.abs(bearing) > (this.#rotating ? options.rotateUntilRad : options.rotateFromRad)) {
      this.#rotating = true;
      return { command: this.turn(bearing), arrived: false };
    }
    this.#rotating = false;
    const distance = Math.max(Math.hypot(dx, dy), 1e-3);
    const curvature = (2 * Math.sin(bearing)) / distance;
    const linear = this.#regulate(curvature, clearanceM, Math.max(remaining, toEnd));
    return { command: { linearMPerSec: linear, angularRadPerSec: linear * curvature }, arrived: false };
  }

  /** A turn on the spot that can still stop at the angle. */
  turn(errorRad: number): Twist2 {
    const { maxAngularRadPerSec, maxAngularAccelerationRadPerSec2 } = this.#options;
    const size = Math.min(
      maxAngularRadPerSec,
      Math.sqrt(1.2 * maxAngularAccelerationRadPerSec2 * Math.abs(errorRad)),
      4 * Math.abs(errorRad),
    );
    return { linearMPerSec: 0, angularRadPerSec: Math.sign(errorRad) * size };
  }

  #regulate(curvature: number, clearanceM: number, remainingM: number): number {
    const options = this.#options;
    let linear = options.maxLinearMPerSec;
    const radius = 1 / Math.max(Math.abs(curvature), 1e-6);
    if (radius < options.regulatedRadiusM) linear *= radius / options.regulatedRadiusM;
    if (clearanceM < options.proximityM) {
      linear = Math.min(linear, (options.maxLinearMPerSec * Math.max(clearanceM, 0)) / options.proximityM);
    }
    linear = Math.max(linear, Math.min(options.minRegulatedMPerSec, options.maxLinearMPerSec));
    linear = Math.min(linear, Math.max(Math.sqrt(1.4 * options.maxDecelerationMPerSec2 * remainingM) * 0.8, 0.08));
    return Math.min(linear, options.maxAngularRadPerSec / Math.max(Math.abs(curvature), 1e-6));
  }
}
