// Points a swept sensor and says when the rover must stand still for it: all around the front before new ground, ahead and aside on the way.
import { between, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';

export interface SweepPilotOptions {
  /** A stop for a full sweep after this way [m] or turn [rad]. */
  readonly everyM: number;
  readonly everyRad: number;
  /** Reach of a full sweep to either side, and of the look ahead while driving [rad]; steps of each. */
  readonly sweepRad: number;
  readonly sweepStepRad: number;
  readonly watchRad: number;
  readonly watchStepRad: number;
  /** No sweep takes longer: a servo that is stuck must not hold the rover for ever [s]. */
  readonly timeoutSec: number;
}

const DEGREE = Math.PI / 180;

export const DEFAULT_SWEEP: SweepPilotOptions = {
  everyM: 0.5,
  everyRad: 1.4,
  sweepRad: 90 * DEGREE,
  sweepStepRad: 7.5 * DEGREE,
  watchRad: 75 * DEGREE,
  watchStepRad: 25 * DEGREE,
  timeoutSec: 6,
};

/** A bearing counts as reached within this [rad]. */
const REACHED_RAD = 2.5 * DEGREE;
/** Below this the rover stands [m/s, rad/s]. */
const STANDING = 0.02;
/** A place was swept already when the rover has moved less since [m, rad]. */
const SAME_PLACE_M = 0.1;
const SAME_PLACE_RAD = 0.3;

export class SweepPilot {
  readonly #options: SweepPilotOptions;
  /** Where the last full sweep was; null before the first. */
  #swept: Pose2 | null = null;
  #sweep: { readonly sinceSec: number; target: number; readonly direction: 1 | -1 } | null = null;
  #watch = 0;
  #watchDirection: 1 | -1 = 1;

  constructor(options: SweepPilotOptions = DEFAULT_SWEEP) {
    this.#options = options;
  }

  /** Whether the rover stands, or is to stand, for a sweep. */
  get sweeping(): boolean {
    return this.#sweep !== null;
  }

  /**
   * Decides after a ping: where to look next, and whether the rover may go. `odometry` is the base's pose in the odometry frame, `looking` says
   * that the rover has come to where it wants to look from.
   */
  step(ping: RangeInputs, odometry: Pose2, twist: Twist2, looking: boolean): { readonly bearingRad: number; readonly hold: boolean } {
    const { sweepRad, sweepStepRad, timeoutSec } = this.#options;
    const stands = Math.abs(twist.linearMPerSec) < STANDING && Math.abs(twist.angularRadPerSec) < STANDING * 2;
    if (this.#sweep === null && this.#isDue(odometry, looking)) {
      const direction = ping.bearingRad > 0 ? -1 : 1;
      this.#sweep = { sinceSec: ping.stampSec, target: -direction * sweepRad, direction };
    }
    const sweep = this.#sweep;
    if (sweep === null) return { bearingRad: this.#nextWatch(ping.bearingRad), hold: false };
    const late = ping.stampSec - sweep.sinceSec > timeoutSec;
    if (stands && (Math.abs(ping.bearingRad - sweep.target) < REACHED_RAD || late)) sweep.target += sweep.direction * sweepStepRad;
    if (Math.abs(sweep.target) > sweepRad + 1e-6 || late) {
      this.#sweep = null;
      this.#swept = odometry;
    }
    return { bearingRad: Math.max(-sweepRad, Math.min(sweepRad, sweep.target)), hold: true };
  }

  /** What is left of a wish while the sensor looks around. */
  limit(command: Twist2, hold: boolean): Twist2 {
    return hold ? STOP : command;
  }

  #isDue(odometry: Pose2, looking: boolean): boolean {
    if (this.#swept === null) return true;
    const { x, y, theta } = between(this.#swept, odometry);
    const way = Math.hypot(x, y);
    const turn = Math.abs(theta);
    if (looking && (way > SAME_PLACE_M || turn > SAME_PLACE_RAD)) return true;
    return way >= this.#options.everyM || turn >= this.#options.everyRad;
  }

  /** To and fro over the sector ahead. */
  #nextWatch(bearingRad: number): number {
    const { watchRad, watchStepRad } = this.#options;
    if (Math.abs(bearingRad - this.#watch) < REACHED_RAD) {
      this.#watch += this.#watchDirection * watchStepRad;
      if (Math.abs(this.#watch) >= watchRad - 1e-6) this.#watchDirection = this.#watch > 0 ? -1 : 1;
    }
    this.#watch = Math.max(-watchRad, Math.min(watchRad, this.#watch));
    return this.#watch;
  }
}
