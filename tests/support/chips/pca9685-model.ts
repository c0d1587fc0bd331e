// A PCA9685 at the level of its registers (data sheet rev. 4, section 7.3): what a write does, and what its pins show then.
import type { I2cDevice } from './fake-i2c.ts';

const MODE1 = 0x00;
const PRE_SCALE = 0xfe;
const SLEEP = 0x10;
const AUTO_INCREMENT = 0x20;
const RESTART = 0x80;

export class Pca9685Model implements I2cDevice {
  /** Power-on values: MODE1 0x11 (SLEEP, ALLCALL), MODE2 0x04, every LEDn full off, PRE_SCALE 0x1e (tables 4–9). */
  readonly registers = new Uint8Array(256);
  #pointer = 0;

  constructor() {
    this.powerOn();
  }

  powerOn(): void {
    this.registers.fill(0);
    this.registers[MODE1] = 0x11;
    this.registers[0x01] = 0x04;
    for (let channel = 0; channel < 16; channel += 1) this.registers[9 + 4 * channel] = 0x10;
    this.registers[PRE_SCALE] = 0x1e;
  }

  write(bytes: Uint8Array): void {
    const [control, ...data] = bytes;
    this.#pointer = control as number;
    for (const byte of data) {
      this.#store(this.#pointer, byte);
      this.#advance();
    }
  }

  read(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) {
      // Section 7.3.4: ALL_LED registers are write only and read as zero.
      out[i] = this.#pointer >= 0xfa && this.#pointer <= 0xfd ? 0 : (this.registers[this.#pointer] as number);
      this.#advance();
    }
    return out;
  }

  /** Share of the period that a channel's pin is high, as section 7.3.3 says: OFF bit 12 beats ON bit 12 beats the counts. */
  duty(channel: number): number {
    const at = 6 + 4 * channel;
    const [onL, onH, offL, offH] = this.registers.subarray(at, at + 4) as unknown as [number, number, number, number];
    if (this.asleep || ((this.registers[MODE1] as number) & RESTART) !== 0 || (offH & 0x10) !== 0) return 0;
    if ((onH & 0x10) !== 0) return 1;
    const on = ((onH & 0x0f) << 8) | onL;
    const off = ((offH & 0x0f) << 8) | offL;
    return ((off - on + 4096) % 4096) / 4096;
  }

  /** High time of a channel in one period [µs]. */
  pulseUs(channel: number): number {
    return (this.duty(channel) * 4096 * ((this.registers[PRE_SCALE] as number) + 1)) / 25;
  }

  get rateHz(): number {
    return 25e6 / (4096 * ((this.registers[PRE_SCALE] as number) + 1));
  }

  get asleep(): boolean {
    return ((this.registers[MODE1] as number) & SLEEP) !== 0;
  }

  get isAnyActive(): boolean {
    return Array.from({ length: 16 }, (_, channel) => this.duty(channel)).some((duty) => duty > 0);
  }

  #store(register: number, byte: number): void {
    if (register === PRE_SCALE) {
      // Section 7.3.5: writes are blocked unless SLEEP is set; the hardware forces a minimum of 3.
      if (this.asleep) this.registers[PRE_SCALE] = Math.max(3, byte);
    } else if (register === MODE1) {
      // Section 7.3.1.1: sleeping amid running channels sets RESTART; writing 1 clears it, and until then the outputs stay off.
      const pending = (this.registers[MODE1] as number) & RESTART;
      const interrupted = !this.asleep && (byte & SLEEP) !== 0 && this.isAnyActive ? RESTART : 0;
      this.registers[MODE1] = (byte & ~RESTART) | interrupted | ((byte & RESTART) === 0 ? pending : 0);
    } else if (register >= 0xfa && register <= 0xfd) {
      for (let channel = 0; channel < 16; channel += 1)
        this.registers[6 + 4 * channel + (register - 0xfa)] = byte & ledMask(register - 0xfa);
    } else if (register >= 0x06 && register <= 0x45) {
      this.registers[register] = byte & ledMask((register - 6) % 4);
    } else if (register < 0x06) this.registers[register] = byte;
  }

  /** Section 7.3.1, AI: the pointer advances only with auto-increment, and rolls over from LED15_OFF_H to MODE1. */
  #advance(): void {
    if (((this.registers[MODE1] as number) & AUTO_INCREMENT) === 0) return;
    this.#pointer = this.#pointer === 0x45 ? 0 : (this.#pointer + 1) & 0xff;
  }
}

/** The upper three bits of the high bytes are not there. */
function ledMask(byteOfChannel: number): number {
  return byteOfChannel % 2 === 0 ? 0xff : 0x1f;
}
