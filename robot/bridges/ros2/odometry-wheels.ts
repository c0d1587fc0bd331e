// Odometry as wheel angles: the agent reads encoders, a ROS body tells poses. The angles are those that wheels of the agreed geometry
// would have turned, so that the agent's own dead reckoning comes to the same way (the inverse of integrating an arc).
import { between, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { type DriveGeometry, toWheelSpeeds } from '../../../shared/kinematics/differential-drive.ts';

export interface OdometryWheelsOptions {
  readonly geometry: DriveGeometry;
  /** A faster move is a reset of the odometry [m/s]; half a metre is always allowed. */
  readonly maxSpeedMPerSec: number;
}

export class OdometryWheels {
  readonly #options: OdometryWheelsOptions;
  #last: { readonly pose: Pose2; readonly stampSec: number } | null = null;
  #leftRad = 0;
  #rightRad = 0;
  #resets = 0;

  constructor(options: OdometryWheelsOptions) {
    this.#options = options;
  }

  get leftRad(): number {
    return this.#leftRad;
  }

  get rightRad(): number {
    return this.#rightRad;
  }

  /** Times that the odometry began anew elsewhere. */
  get resets(): number {
    return this.#resets;
  }

  /** Moves on to the next pose. Older ones (messages may overtake each other) are left out; true if it was taken. */
  advance(pose: Pose2, stampSec: number): boolean {
    const last = this.#last;
    if (last !== null && stampSec <= last.stampSec && last.stampSec - stampSec < 1) return false;
    this.#last = { pose, stampSec };
    if (last === null) return true;
    const step = between(last.pose, pose);
    const chord = Math.hypot(step.x, step.y);
    const allowed = JUMP_M + this.#options.maxSpeedMPerSec * Math.max(0, stampSec - last.stampSec);
    if (stampSec < last.stampSec || chord > allowed) {
      this.#resets += 1;
      return true;
    }
    const half = step.theta / 2;
    const way = (Math.abs(half) < 1e-9 ? chord : (chord * half) / Math.sin(half)) * (isBackwards(step) ? -1 : 1);
    const turn = toWheelSpeeds({ linearMPerSec: way, angularRadPerSec: step.theta }, this.#options.geometry);
    this.#leftRad += turn.leftRadPerSec;
    this.#rightRad += turn.rightRadPerSec;
    return true;
  }

  /** Contact was lost: the next pose is a new beginning, not a way driven. */
  interrupt(): void {
    this.#last = null;
  }
}

const JUMP_M = 0.5;

/** Along an arc the chord points half-way between the headings. */
function isBackwards(step: Pose2): boolean {
  return step.x * Math.cos(step.theta / 2) + step.y * Math.sin(step.theta / 2) < 0;
}
