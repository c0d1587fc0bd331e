// Recovery behaviours by Nav2's names, each bounded in time, each ending in a named result.
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import { angleDifference } from '../../../shared/geometry/angle.ts';
import { distance, type Pose2 } from '../../../shared/geometry/pose2.ts';

export type RecoveryName = 'clear_costmap' | 'back_up' | 'spin' | 'wait';

export interface RecoveryOptions {
  readonly backUpM: number;
  readonly backUpMPerSec: number;
  readonly spinRad: number;
  readonly spinRadPerSec: number;
  readonly waitSec: number;
  /** No behaviour takes longer than this [s]. */
  readonly timeoutSec: number;
}

export type RecoveryOutcome = 'running' | 'succeeded' | 'blocked' | 'timed-out';

export interface RecoveryStep {
  readonly command: Twist2;
  readonly outcome: RecoveryOutcome;
}

/** One run of one behaviour. */
export class Recovery {
  readonly name: RecoveryName;
  readonly #options: RecoveryOptions;
  readonly #startSec: number;
  readonly #start: Pose2;
  #lastTheta: number;
  #turned = 0;
  #standingSinceSec: number;

  constructor(name: RecoveryName, options: RecoveryOptions, nowSec: number, pose: Pose2) {
    this.name = name;
    this.#options = options;
    this.#startSec = nowSec;
    this.#start = pose;
    this.#lastTheta = pose.theta;
    this.#standingSinceSec = nowSec;
  }

  /** `moving`: whether the rover really moves, so that a behaviour that the monitor forbids ends as `blocked`. */
  step(nowSec: number, pose: Pose2, moving: boolean): RecoveryStep {
    const elapsed = nowSec - this.#startSec;
    if (moving) this.#standingSinceSec = nowSec;
    this.#turned += angleDifference(pose.theta, this.#lastTheta);
    this.#lastTheta = pose.theta;
    const done = (outcome: RecoveryOutcome): RecoveryStep => ({ command: STOP, outcome });
    const { backUpM, backUpMPerSec, spinRad, spinRadPerSec, waitSec, timeoutSec } = this.#options;
    switch (this.name) {
      case 'clear_costmap':
        return done('succeeded'); // the Navigator clears; there is nothing to drive
      case 'wait':
        return elapsed >= waitSec ? done('succeeded') : { command: STOP, outcome: 'running' };
      case 'back_up':
        if (distance(pose, this.#start) >= backUpM) return done('succeeded');
        break;
      case 'spin':
        if (Math.abs(this.#turned) >= spinRad) return done('succeeded');
        break;
    }
    if (nowSec - this.#standingSinceSec > 1) return done('blocked');
    if (elapsed > timeoutSec) return done('timed-out');
    const command =
      this.name === 'back_up'
        ? { linearMPerSec: -backUpMPerSec, angularRadPerSec: 0 }
        : { linearMPerSec: 0, angularRadPerSec: spinRadPerSec };
    return { command, outcome: 'running' };
  }
}
