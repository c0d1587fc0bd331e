// INA219 (SBOS448G) and INA3221 (SBOS576B) by their register maps: volts across the shunt and on the bus become words, as the set-up says.
import type { I2cDevice } from './fake-i2c.ts';

/** Chips whose registers are 16 bits wide, high byte first, behind a pointer. */
abstract class WordDevice implements I2cDevice {
  protected readonly words = new Map<number, number>();
  #pointer = 0;

  word(register: number): number {
    return this.words.get(register) ?? 0;
  }

  write(bytes: Uint8Array): void {
    const [register = 0, high, low] = bytes;
    this.#pointer = register;
    if (high !== undefined && low !== undefined) this.take(register, (high << 8) | low);
  }

  read(length: number): Uint8Array {
    this.measure();
    const word = this.word(this.#pointer);
    return Uint8Array.from({ length }, (_, index) => (index === 0 ? word >> 8 : word & 0xff));
  }

  protected take(register: number, word: number): void {
    this.words.set(register, word);
  }

  protected abstract measure(): void;
}

export class Ina219Model extends WordDevice {
  busV = 0;
  currentA = 0;
  readonly shuntOhm: number;

  constructor(shuntOhm = 0.1) {
    super();
    this.shuntOhm = shuntOhm;
    this.powerOn();
  }

  /** §8.6.2: configuration 0x399F, calibration 0. */
  powerOn(): void {
    this.words.clear();
    this.words.set(0, 0x399f);
  }

  protected override take(register: number, word: number): void {
    if (register === 0 || register === 5) super.take(register, register === 5 ? word & 0xfffe : word); // §8.6.4.1: CAL bit 0 stays 0
  }

  protected measure(): void {
    const rangeV = [0.04, 0.08, 0.16, 0.32][(this.word(0) >> 11) & 3] as number;
    const shunt = Math.round(Math.max(-rangeV, Math.min(rangeV, this.currentA * this.shuntOhm)) / 10e-6); // §8.6.3.1: 10 µV
    const bus = Math.round(this.busV / 0.004); // §8.6.3.2: 4 mV in bits 15:3
    const current = Math.trunc((shunt * this.word(5)) / 4096); // §8.5.1 equation 2
    const power = Math.trunc((Math.abs(current) * bus) / 5000); // equation 3
    const overflows = Math.abs(current) > 32_767;
    this.words.set(1, shunt & 0xffff);
    this.words.set(2, (bus << 3) | 0b10 | (overflows ? 1 : 0));
    this.words.set(3, power & 0xffff);
    this.words.set(4, current & 0xffff);
  }
}

export class Ina3221Model extends WordDevice {
  /** Of channels 1 to 3. */
  readonly busV = [0, 0, 0];
  readonly shuntV = [0, 0, 0];

  constructor() {
    super();
    this.powerOn();
  }

  /** §8.6.1: configuration 0x7127; the identities are fixed. */
  powerOn(): void {
    this.words.clear();
    this.words.set(0, 0x7127);
    this.words.set(0xfe, 0x5449);
    this.words.set(0xff, 0x3220);
  }

  setIdentity(maker: number, die: number): void {
    this.words.set(0xfe, maker);
    this.words.set(0xff, die);
  }

  protected override take(register: number, word: number): void {
    if (register === 0) super.take(register, word);
  }

  protected measure(): void {
    for (const channel of [0, 1, 2]) {
      if ((this.word(0) & (0x4000 >> channel)) === 0) continue; // a channel that is switched off keeps its last words
      this.words.set(2 * channel + 1, (Math.round((this.shuntV[channel] as number) / 40e-6) << 3) & 0xffff);
      this.words.set(2 * channel + 2, (Math.round((this.busV[channel] as number) / 0.008) << 3) & 0xffff);
    }
  }
}
