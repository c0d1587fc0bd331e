// The car's drive: wheel speeds to the PCA9685, and what can be said about the wheels without encoders.
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { DriveInputs, DriveIo } from '../../shared/ports/drive-io.ts';
import { brakeMotors, maxSpeed, mixMotors, type MotorWirings, type SpeedCurve } from './motor-mixer.ts';
import type { Pca9685 } from './pca9685.ts';

export interface MotorDriveOptions {
  readonly chip: Pca9685;
  readonly clock: Clock;
  readonly wirings: MotorWirings;
  readonly curve: SpeedCurve;
  /** PWM rate of the chip [Hz]; shared with the servos. */
  readonly rateHz: number;
  /** What stands guard outside this process; without it the drive relies on its own timer. See hardware/watchdog. */
  readonly guard?: DriveGuard;
}

/** A watchdog as the drive sees it. */
export interface DriveGuard {
  /** False while the watchdog does not answer: then the drive does not move. */
  readonly armed: boolean;
  /** Called after every command that the chip took: a drive that cannot reach its chip falls silent, and the watchdog tries its own way there. */
  beat(): void;
}

/** The drive stops by itself this long after the last command [s] (contract of DriveIo). */
const COMMAND_TIMEOUT_SEC = 0.5;
/** A chip that does not answer is looked for again this often [s]. */
const RETRY_SEC = 0.1;
/** A chip that answers is asked this often whether it still is as it was started: a dip of its supply resets it [s]. */
const CHECK_SEC = 1;

/**
 * The kit has no encoders: positions and velocities in its inputs are those that were *commanded*, taken through the speed curve's limits and integrated
 * over time. They know nothing of slip, load, carpets or an empty battery; odometry from them is a guess that scan matching must correct.
 * No method throws: a chip that does not acknowledge, or a watchdog that does not answer, makes `connected` false; a chip is started anew, stopped,
 * when it is back.
 */
export class MotorDrive implements DriveIo {
  readonly #options: MotorDriveOptions;
  #connected = false;
  #left = newSide();
  #right = newSide();
  #stampSec: number;
  #nextTrySec: number;
  #nextCheckSec = 0;
  #timeout: Timer | null = null;
  #closed = false;

  constructor(options: MotorDriveOptions) {
    this.#options = options;
    this.#stampSec = options.clock.nowSec();
    this.#nextTrySec = this.#stampSec;
    this.#connect(this.#stampSec);
  }

  /** Whether nothing is commanded: the car stands, or is about to. */
  get standing(): boolean {
    return this.#left.speedRadPerSec === 0 && this.#right.speedRadPerSec === 0;
  }

  update(): DriveInputs {
    const nowSec = this.#options.clock.nowSec();
    this.#integrate(nowSec);
    if (!this.#connected) this.#connect(nowSec);
    else if (nowSec >= this.#nextCheckSec) this.#check(nowSec);
    return {
      connected: this.#connected && this.#options.guard?.armed !== false,
      stampSec: nowSec,
      leftPositionRad: this.#left.positionRad,
      rightPositionRad: this.#right.positionRad,
      leftVelocityRadPerSec: this.#left.speedRadPerSec,
      rightVelocityRadPerSec: this.#right.speedRadPerSec,
    };
  }

  setWheelSpeeds(leftRadPerSec: number, rightRadPerSec: number): void {
    const { clock, curve, wirings, guard } = this.#options;
    if (!this.#connected || this.#closed) return;
    if (guard?.armed === false) {
      this.stop();
      if (this.#connected) guard.beat();
      return;
    }
    const left = limit(leftRadPerSec, maxSpeed(curve));
    const right = limit(rightRadPerSec, maxSpeed(curve));
    this.#integrate(clock.nowSec());
    if (!this.#try((chip) => chip.set(mixMotors(wirings, curve, left, right)))) return;
    guard?.beat();
    this.#left.speedRadPerSec = left;
    this.#right.speedRadPerSec = right;
    this.#timeout?.stop();
    this.#timeout = clock.after(COMMAND_TIMEOUT_SEC, () => this.stop());
  }

  /** Brakes all four motors. */
  stop(): void {
    this.#timeout?.stop();
    this.#timeout = null;
    this.#integrate(this.#options.clock.nowSec());
    if (this.#connected) this.#try((chip) => chip.set(brakeMotors(this.#options.wirings)));
    this.#left.speedRadPerSec = 0;
    this.#right.speedRadPerSec = 0;
  }

  /** Stops for good, and switches every output off. */
  close(): void {
    this.stop();
    this.#closed = true;
    if (this.#connected) this.#try((chip) => chip.allStop());
  }

  #connect(nowSec: number): void {
    if (this.#closed || nowSec < this.#nextTrySec) return;
    this.#nextTrySec = nowSec + RETRY_SEC;
    const { rateHz, wirings } = this.#options;
    this.#connected = this.#try((chip) => {
      chip.start(rateHz);
      chip.set(brakeMotors(wirings));
    });
    this.#nextCheckSec = nowSec + CHECK_SEC;
  }

  #check(nowSec: number): void {
    this.#nextCheckSec = nowSec + CHECK_SEC;
    let started = false;
    if (!this.#try((chip) => (started = chip.isStarted(this.#options.rateHz)))) return;
    if (started) return;
    this.#standStill();
    this.#nextTrySec = nowSec;
    this.#connect(nowSec);
  }

  #try(action: (chip: Pca9685) => unknown): boolean {
    try {
      action(this.#options.chip);
      return true;
    } catch {
      this.#connected = false;
      this.#nextTrySec = this.#options.clock.nowSec() + RETRY_SEC;
      this.#standStill();
      return false;
    }
  }

  #standStill(): void {
    this.#left.speedRadPerSec = 0;
    this.#right.speedRadPerSec = 0;
  }

  #integrate(nowSec: number): void {
    const elapsed = Math.max(0, nowSec - this.#stampSec);
    this.#stampSec = nowSec;
    for (const side of [this.#left, this.#right]) side.positionRad += side.speedRadPerSec * elapsed;
  }
}

interface Side {
  positionRad: number;
  speedRadPerSec: number;
}

function newSide(): Side {
  return { positionRad: 0, speedRadPerSec: 0 };
}

/** A speed that is no number is a stop. */
function limit(value: number, most: number): number {
  return Number.isNaN(value) ? 0 : Math.max(-most, Math.min(most, value));
}
