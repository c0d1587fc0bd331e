// The two converters that a Freenove board may carry, as their data sheets describe them. Inputs are voltages at the pins.
import type { I2cDevice } from './fake-i2c.ts';

/** TI ADS7830 (SBAS302C): SD C2 C1 C0 PD1 PD0 x x; converts anew for each byte that is read. */
export class Ads7830Model implements I2cDevice {
  readonly pinsV: number[] = [0, 0, 0, 0, 0, 0, 0, 0];
  readonly commands: number[] = [];
  readonly #referenceV: number;
  #command = 0;

  constructor(referenceV: number) {
    this.#referenceV = referenceV;
  }

  write(bytes: Uint8Array): void {
    this.#command = bytes[0] as number;
    this.commands.push(this.#command);
  }

  read(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#convert());
  }

  #convert(): number {
    const select = (this.#command >> 4) & 7;
    // Table 2: the pairs go by C1 C0; C2 is the odd one of a pair, or the sign of a differential measurement.
    const [even, odd] = [2 * (select & 3), 2 * (select & 3) + 1];
    const pin = (at: number): number => this.pinsV[at] as number;
    const isOdd = (select & 4) !== 0;
    const volts = (this.#command & 0x80) !== 0 ? pin(isOdd ? odd : even) : isOdd ? pin(odd) - pin(even) : pin(even) - pin(odd);
    return clampCode(Math.floor((volts / this.#referenceV) * 256), 0, 255);
  }
}

/** NXP PCF8591 (rev. 7): control byte 0 AOE M1 M0 0 AI C1 C0; a read delivers the conversion before, and converts meanwhile. */
export class Pcf8591Model implements I2cDevice {
  readonly pinsV: number[] = [0, 0, 0, 0];
  readonly controls: number[] = [];
  readonly #referenceV: number;
  #control = 0;
  #channel = 0;
  /** Section 8.4: after power-on the first byte is 80h. */
  #result = 0x80;

  constructor(referenceV: number) {
    this.#referenceV = referenceV;
  }

  write(bytes: Uint8Array): void {
    this.#control = bytes[0] as number;
    this.#channel = this.#control & 3;
    this.controls.push(this.#control);
  }

  read(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => {
      const out = this.#result;
      this.#result = this.#convert();
      if ((this.#control & 0x04) !== 0) this.#channel = (this.#channel + 1) % 4;
      return out;
    });
  }

  #convert(): number {
    const pin = (at: number): number => Math.floor(((this.pinsV[at] as number) / this.#referenceV) * 256);
    const mode = (this.#control >> 4) & 3;
    if (mode === 0) return clampCode(pin(this.#channel), 0, 255);
    // Figure 5: three differential inputs against AIN3 (01), or pairs (11); two's complement.
    const against = mode === 1 ? 3 : this.#channel + 1;
    return clampCode(pin(this.#channel) - pin(against % 4), -128, 127) & 0xff;
  }
}

function clampCode(code: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, code));
}
