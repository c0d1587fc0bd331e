// InvenSense MPU-6050 inertial measurement unit (register map RM-MPU-6000A-00 r4.2, product specification PS-MPU-6000A-00 r3.4).
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImuInputs, ImuIo } from '../../shared/ports/imu-io.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { hex, type I2cBus } from '../buses/i2c.ts';
import { Chip } from './chip.ts';

/** RM §3 register map. */
const CONFIG = 0x1a;
const GYRO_CONFIG = 0x1b;
const ACCEL_CONFIG = 0x1c;
const ACCEL_XOUT_H = 0x3b;
const PWR_MGMT_1 = 0x6b;
const WHO_AM_I = 0x75;
/** RM §4.32: upper six bits of the address, whatever AD0 says; 0x70 is the MPU-6500, which has the same registers for what is used here. */
const IDENTITIES = [0x68, 0x70];
/** RM §4.28: out of sleep, clocked by the gyroscope's PLL. */
const AWAKE_PLL_X = 0x01;
/** RM §4.3: 44 Hz low-pass, half of a control loop's jitter away from a motor's hum. */
const DLPF_44_HZ = 0x03;
/** RM §4.4, §4.5: full scale in bits 4:3; ±500 °/s with 65.5 LSB/(°/s), ±4 g with 8192 LSB/g (PS §6.1, §6.2). */
const GYRO_500_DEG_PER_SEC = 0x01 << 3;
const ACCEL_4_G = 0x01 << 3;
const RAD_PER_SEC_PER_LSB = Math.PI / 180 / 65.5;
const M_PER_SEC2_PER_LSB = 9.80665 / 8192;
/** Acceleration, temperature and rates in one burst: one sample for all (RM §4.17). */
const BURST_BYTES = 14;
/** So many equal bursts in a row: the chip lost power and sleeps (its reset state), or hangs. Noise alone moves several bits. */
const FROZEN_READINGS = 10;
/** Readings at rest whose mean is the zero-rate output, and how far they may spread: more is motion [rad/s]. */
const REST_READINGS = 20;
const REST_SPREAD_RAD_PER_SEC = 0.05;

type Vector = readonly [number, number, number];
export type SensorAxis = 'x' | 'y' | 'z' | '-x' | '-y' | '-z';

export interface Mpu6050Options {
  readonly bus: I2cBus;
  readonly clock: Clock;
  /** 0x68, or 0x69 with AD0 high. */
  readonly address?: number;
  /** Which axis of the chip points along the rover's x (forward), y (left) and z (up). */
  readonly axes?: readonly [SensorAxis, SensorAxis, SensorAxis];
  /** Whether the rover surely stands still: then the gyroscope's zero is learnt. Default: never, and its zero is taken as given (up to 20 °/s off). */
  readonly atRest?: () => boolean;
  readonly logger?: Logger;
}

const NOTHING: Vector = [0, 0, 0];

export class Mpu6050 implements ImuIo {
  readonly #options: Mpu6050Options;
  readonly #address: number;
  readonly #chip: Chip;
  #inputs: ImuInputs = { connected: false, stampSec: 0, accelerationMPerSec2: NOTHING, angularVelocityRadPerSec: NOTHING };
  #last = '';
  #equal = 0;
  #rest: Vector[] = [];
  #zero: Vector = NOTHING;

  constructor(options: Mpu6050Options) {
    const { clock, logger, address = 0x68 } = options;
    this.#options = options;
    this.#address = address;
    this.#chip = new Chip({ name: `MPU-6050 at ${hex(address)}`, clock, logger, setUp: () => this.#setUp() });
  }

  update(): ImuInputs {
    const reading = this.#chip.read(() => this.#read());
    this.#inputs =
      reading === null
        ? { ...this.#inputs, connected: false }
        : {
            connected: true,
            stampSec: this.#options.clock.nowSec(),
            accelerationMPerSec2: reading.acceleration,
            angularVelocityRadPerSec: this.#withoutZero(reading.rate),
          };
    return this.#inputs;
  }

  #setUp(): void {
    const { bus } = this.#options;
    const identity = bus.writeRead(this.#address, WHO_AM_I, 1)[0] ?? 0;
    if (!IDENTITIES.includes(identity)) throw new Error(`WHO_AM_I is ${hex(identity)}: another chip has this address`);
    bus.write(this.#address, Uint8Array.of(PWR_MGMT_1, AWAKE_PLL_X));
    bus.write(this.#address, Uint8Array.of(CONFIG, DLPF_44_HZ));
    bus.write(this.#address, Uint8Array.of(GYRO_CONFIG, GYRO_500_DEG_PER_SEC));
    bus.write(this.#address, Uint8Array.of(ACCEL_CONFIG, ACCEL_4_G));
    this.#equal = 0;
    this.#rest = [];
  }

  #read(): { readonly acceleration: Vector; readonly rate: Vector } {
    const bytes = this.#options.bus.writeRead(this.#address, ACCEL_XOUT_H, BURST_BYTES);
    const text = bytes.join();
    this.#equal = text === this.#last ? this.#equal + 1 : 0;
    this.#last = text;
    if (this.#equal >= FROZEN_READINGS) throw new Error('its readings stand still');
    return { acceleration: this.#vector(bytes, 0, M_PER_SEC2_PER_LSB), rate: this.#vector(bytes, 8, RAD_PER_SEC_PER_LSB) };
  }

  /** Three big-endian words as a vector in the rover's axes. */
  #vector(bytes: Uint8Array, offset: number, scale: number): Vector {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { axes = ['x', 'y', 'z'] } = this.#options;
    const along = (axis: SensorAxis): number => {
      const value = view.getInt16(offset + 2 * 'xyz'.indexOf(axis.slice(-1)), false) * scale;
      return axis.startsWith('-') ? -value : value;
    };
    return [along(axes[0]), along(axes[1]), along(axes[2])];
  }

  #withoutZero(rate: Vector): Vector {
    if (this.#options.atRest?.() === true) this.#learn(rate);
    else this.#rest = [];
    return [rate[0] - this.#zero[0], rate[1] - this.#zero[1], rate[2] - this.#zero[2]];
  }

  /** The mean of the readings at rest, if they spread no more than noise does. */
  #learn(rate: Vector): void {
    this.#rest.push(rate);
    if (this.#rest.length < REST_READINGS) return;
    const means = [0, 1, 2].map((axis) => {
      const values = this.#rest.map((vector) => vector[axis] as number);
      const spread = Math.max(...values) - Math.min(...values);
      return spread > REST_SPREAD_RAD_PER_SEC ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const [x, y, z] = means;
    if (typeof x === 'number' && typeof y === 'number' && typeof z === 'number') this.#zero = [x, y, z];
    this.#rest = [];
  }
}
