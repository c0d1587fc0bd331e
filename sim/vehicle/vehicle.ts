// A differential-drive vehicle: motors with lag and limits, wheels that slip, encoders that cannot know it.
import { distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import { integrate, STOP, type Twist2 } from '../../shared/geometry/twist2.ts';
import { toTwist } from '../../shared/kinematics/differential-drive.ts';
import type { DriveInputs, DriveIo } from '../../shared/ports/drive-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { VehicleSpec } from './vehicle-spec.ts';

interface Wheel {
  /** True radius over nominal radius. */
  readonly scale: number;
  commandRadPerSec: number;
  speedRadPerSec: number;
  positionRad: number;
  burstLeftSec: number;
}

/** Whether a body of the vehicle's radius may be at a place; asked before each move. */
export type Admits = (x: number, y: number) => boolean;

/** A contact is over when the body has moved this far from it [m]: trembling against a wall is one collision. */
const CONTACT_CLEAR_M = 0.02;

export class Vehicle {
  readonly spec: VehicleSpec;
  readonly #random: Random;
  readonly #left: Wheel;
  readonly #right: Wheel;
  readonly #trueBaseM: number;
  #pose: Pose2;
  #twist: Twist2 = STOP;
  #accelerationMPerSec2 = 0;
  #lastCommandSec = Number.NEGATIVE_INFINITY;
  #nowSec = 0;
  /** Where the body touched something; null once it has moved away from there. */
  #contact: Pose2 | null = null;
  #collisions = 0;
  #distanceM = 0;

  constructor(spec: VehicleSpec, start: Pose2, random: Random) {
    this.spec = spec;
    this.#pose = start;
    this.#random = random.fork('motion');
    const built = random.fork('built');
    this.#left = newWheel(1 + spec.noise.wheelRadiusError * built.gaussian());
    this.#right = newWheel(1 + spec.noise.wheelRadiusError * built.gaussian());
    this.#trueBaseM = spec.geometry.wheelBaseM * (1 + spec.noise.wheelBaseError * built.gaussian());
  }

  /** The true pose in the world frame; never shown to the rover. */
  get pose(): Pose2 {
    return this.#pose;
  }

  /** The true motion of the body. */
  get twist(): Twist2 {
    return this.#twist;
  }

  /** The true forward acceleration [m/s²] of the last step. */
  get accelerationMPerSec2(): number {
    return this.#accelerationMPerSec2;
  }

  /** Times that the body ran into something: each contact counts once, until it is free again. */
  get collisions(): number {
    return this.#collisions;
  }

  /** True way driven [m]. */
  get distanceM(): number {
    return this.#distanceM;
  }

  /** Mean of the wheels' speed as a fraction of the greatest one, 0 to 1: what the motors' current follows. */
  get effort(): number {
    return (Math.abs(this.#left.speedRadPerSec) + Math.abs(this.#right.speedRadPerSec)) / (2 * this.spec.maxWheelSpeedRadPerSec);
  }

  command(leftRadPerSec: number, rightRadPerSec: number, nowSec: number): void {
    const limit = this.spec.maxWheelSpeedRadPerSec;
    this.#left.commandRadPerSec = clamp(finite(leftRadPerSec), -limit, limit);
    this.#right.commandRadPerSec = clamp(finite(rightRadPerSec), -limit, limit);
    this.#lastCommandSec = nowSec;
  }

  /** Brakes hard: both wheels are commanded to zero. */
  halt(): void {
    this.#left.commandRadPerSec = 0;
    this.#right.commandRadPerSec = 0;
  }

  /** Moves on to `nowSec`. Where `admits` says no, the body stays in place (it still turns) and the contact is counted. */
  step(dtSec: number, nowSec: number, admits: Admits): void {
    this.#nowSec = nowSec;
    if (nowSec - this.#lastCommandSec > this.spec.commandTimeoutSec) this.halt();
    const left = this.#turn(this.#left, dtSec);
    const right = this.#turn(this.#right, dtSec);
    const speedBefore = this.#twist.linearMPerSec;
    const twist = toTwist(
      { leftRadPerSec: left / dtSec, rightRadPerSec: right / dtSec },
      { wheelRadiusM: this.spec.geometry.wheelRadiusM, wheelBaseM: this.#trueBaseM },
    );
    const next = integrate(this.#pose, twist, dtSec);
    const moves = next.x !== this.#pose.x || next.y !== this.#pose.y;
    if (!moves || admits(next.x, next.y)) {
      this.#distanceM += Math.abs(twist.linearMPerSec) * dtSec;
      this.#pose = next;
      this.#twist = twist;
      if (this.#contact !== null && distance(this.#contact, next) > CONTACT_CLEAR_M) this.#contact = null;
    } else {
      if (this.#contact === null) this.#collisions += 1;
      this.#contact ??= this.#pose;
      this.#pose = { x: this.#pose.x, y: this.#pose.y, theta: next.theta };
      this.#twist = { linearMPerSec: 0, angularRadPerSec: twist.angularRadPerSec };
    }
    this.#accelerationMPerSec2 = (this.#twist.linearMPerSec - speedBefore) / dtSec;
  }

  /** The encoders: they see the wheels turn, not the slip. */
  readEncoders(): DriveInputs {
    const step = this.spec.noise.encoderStepRad;
    const quantize = (angle: number): number => (step === 0 ? angle : Math.round(angle / step) * step);
    return {
      connected: true,
      stampSec: this.#nowSec,
      leftPositionRad: quantize(this.#left.positionRad),
      rightPositionRad: quantize(this.#right.positionRad),
      leftVelocityRadPerSec: this.#left.speedRadPerSec,
      rightVelocityRadPerSec: this.#right.speedRadPerSec,
    };
  }

  /** Advances one wheel; returns the ground that it covers, as an angle of a wheel of nominal radius [rad]. */
  #turn(wheel: Wheel, dtSec: number): number {
    const { motorLagSec, maxWheelAccelerationRadPerSec2, noise } = this.spec;
    const wanted = (wheel.commandRadPerSec - wheel.speedRadPerSec) * (motorLagSec <= 0 ? 1 : 1 - Math.exp(-dtSec / motorLagSec));
    const limit = maxWheelAccelerationRadPerSec2 * dtSec;
    wheel.speedRadPerSec += clamp(wanted, -limit, limit);
    if (Math.abs(wheel.speedRadPerSec) < 1e-4 && wheel.commandRadPerSec === 0) wheel.speedRadPerSec = 0;
    const turned = wheel.speedRadPerSec * dtSec;
    wheel.positionRad += turned;
    if (turned === 0) return 0;
    if (wheel.burstLeftSec > 0) wheel.burstLeftSec -= dtSec;
    else if (noise.burstsPerSec > 0 && this.#random.next() < noise.burstsPerSec * dtSec) wheel.burstLeftSec = noise.burstSec;
    const slip = (noise.slip === 0 ? 0 : noise.slip * this.#random.gaussian()) + (wheel.burstLeftSec > 0 ? noise.burstSlip : 0);
    return turned * wheel.scale * (1 - slip);
  }
}

/** The rover's side of a vehicle. Unplugged while `connected()` is false. */
export class SimulatedDrive implements DriveIo {
  readonly #vehicle: Vehicle;
  readonly #nowSec: () => number;
  readonly #connected: () => boolean;
  #last: DriveInputs;

  constructor(vehicle: Vehicle, nowSec: () => number, connected: () => boolean = () => true) {
    this.#vehicle = vehicle;
    this.#nowSec = nowSec;
    this.#connected = connected;
    this.#last = vehicle.readEncoders();
  }

  update(): DriveInputs {
    if (!this.#connected()) return { ...this.#last, connected: false };
    this.#last = this.#vehicle.readEncoders();
    return this.#last;
  }

  setWheelSpeeds(leftRadPerSec: number, rightRadPerSec: number): void {
    if (this.#connected()) this.#vehicle.command(leftRadPerSec, rightRadPerSec, this.#nowSec());
  }

  stop(): void {
    if (this.#connected()) this.#vehicle.halt();
  }
}

function newWheel(scale: number): Wheel {
  return { scale, commandRadPerSec: 0, speedRadPerSec: 0, positionRad: 0, burstLeftSec: 0 };
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/** A NaN command must not poison the pose: it counts as a stop. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
