// An MPU-6050 by its register map (RM-MPU-6000A-00): sleeps after power-on, converts physical motion into registers by the ranges that were set.
import type { Random } from '../../../shared/ports/random.ts';
import type { I2cDevice } from './fake-i2c.ts';

export class Mpu6050Model implements I2cDevice {
  identity = 0x68;
  /** Motion in the chip's axes: acceleration [m/s²] and rate [rad/s], and the gyroscope's zero-rate output (PS §6.1: up to ±20 °/s). */
  acceleration: readonly number[] = [0, 0, 9.80665];
  rate: readonly number[] = [0, 0, 0];
  zeroRate: readonly number[] = [0, 0, 0];
  readonly #random: Random;
  #registers = new Uint8Array(128);
  #pointer = 0;

  constructor(random: Random) {
    this.#random = random;
    this.powerOn();
  }

  /** RM §3: all registers 0 but PWR_MGMT_1 (asleep). */
  powerOn(): void {
    this.#registers = new Uint8Array(128);
    this.#registers[0x6b] = 0x40;
  }

  register(address: number): number {
    return this.#registers[address] ?? 0;
  }

  write([pointer = 0, ...values]: Uint8Array): void {
    this.#pointer = pointer;
    for (const value of values) this.#registers[this.#pointer++] = value;
  }

  read(length: number): Uint8Array {
    if ((this.register(0x6b) & 0x40) === 0) this.#sample();
    this.#registers[0x75] = this.identity;
    return Uint8Array.from({ length }, () => this.register(this.#pointer++));
  }

  /** PS §6.1 and §6.2: sensitivities by full scale; noise of a few counts. */
  #sample(): void {
    const perDegree = [131, 65.5, 32.8, 16.4][(this.register(0x1b) >> 3) & 3] as number;
    const perG = [16_384, 8192, 4096, 2048][(this.register(0x1c) >> 3) & 3] as number;
    const words = [
      ...this.acceleration.map((value) => (value / 9.80665) * perG + 8 * this.#random.gaussian()),
      (25 - 36.53) * 340,
      ...this.rate.map(
        (value, axis) => ((value + (this.zeroRate[axis] as number)) * 180 * perDegree) / Math.PI + 3 * this.#random.gaussian(),
      ),
    ];
    const view = new DataView(this.#registers.buffer);
    words.forEach((word, index) => view.setInt16(0x3b + 2 * index, Math.max(-32_768, Math.min(32_767, Math.round(word))), false));
  }
}
