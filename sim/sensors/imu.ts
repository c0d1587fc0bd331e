// An inertial measurement unit: white noise and a constant bias per run (class of the MPU-6050).
import type { ImuInputs, ImuIo } from '../../shared/ports/imu-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { Vehicle } from '../vehicle/vehicle.ts';

export interface ImuSpec {
  /** Standard deviations of the noise per reading and of the bias per run. */
  readonly gyroNoiseRadPerSec: number;
  readonly gyroBiasRadPerSec: number;
  readonly accelerationNoiseMPerSec2: number;
  readonly accelerationBiasMPerSec2: number;
}

export const DEFAULT_IMU: ImuSpec = {
  gyroNoiseRadPerSec: 0.004,
  gyroBiasRadPerSec: 0.003,
  accelerationNoiseMPerSec2: 0.04,
  accelerationBiasMPerSec2: 0.05,
};

const GRAVITY_M_PER_SEC2 = 9.80665;

export class SimulatedImu implements ImuIo {
  readonly #spec: ImuSpec;
  readonly #vehicle: Vehicle;
  readonly #random: Random;
  readonly #nowSec: () => number;
  readonly #bias: readonly number[];
  #connected = true;

  constructor(spec: ImuSpec, vehicle: Vehicle, random: Random, nowSec: () => number) {
    this.#spec = spec;
    this.#vehicle = vehicle;
    this.#random = random.fork('noise');
    this.#nowSec = nowSec;
    const built = random.fork('bias');
    this.#bias = Array.from({ length: 6 }, () => built.gaussian());
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
  }

  update(): ImuInputs {
    const { twist, accelerationMPerSec2 } = this.#vehicle;
    const acceleration = (truth: number, axis: number): number =>
      truth +
      this.#spec.accelerationBiasMPerSec2 * (this.#bias[axis] as number) +
      this.#spec.accelerationNoiseMPerSec2 * this.#random.gaussian();
    const rate = (truth: number, axis: number): number =>
      truth + this.#spec.gyroBiasRadPerSec * (this.#bias[3 + axis] as number) + this.#spec.gyroNoiseRadPerSec * this.#random.gaussian();
    return {
      connected: this.#connected,
      stampSec: this.#nowSec(),
      accelerationMPerSec2: [
        acceleration(accelerationMPerSec2, 0),
        acceleration(twist.linearMPerSec * twist.angularRadPerSec, 1),
        acceleration(GRAVITY_M_PER_SEC2, 2),
      ],
      angularVelocityRadPerSec: [rate(0, 0), rate(0, 1), rate(twist.angularRadPerSec, 2)],
    };
  }
}
