// The NXP PCA9685: 16 channels of 12-bit PWM over I2C (data sheet rev. 4, section 7.3). Motors and servos of the car hang on it.
// It keeps its last duty for ever when nobody writes: see hardware/watchdog.
import type { I2cBus } from '../buses/i2c.ts';

export const PCA9685_ADDRESS = 0x40;
/** Counts of one PWM period. */
export const PCA9685_STEPS = 4096;

/** Registers (table 4). */
export const PCA9685 = { mode1: 0x00, mode2: 0x01, led0OnL: 0x06, allLedOnL: 0xfa, allLedOffH: 0xfd, preScale: 0xfe } as const;
/** Bits of MODE1 (table 5). */
export const MODE1 = { allCall: 0x01, sleep: 0x10, autoIncrement: 0x20, restart: 0x80 } as const;
/** MODE2 (table 6): totem-pole outputs that change on STOP, so that all channels of one write change together. */
const MODE2_TOTEM_POLE = 0x04;
/** Bit 4 of LEDn_OFF_H: the output is off, whatever else the channel's registers say (section 7.3.3). */
const FULL_OFF = 0x10;
/** The oscillator needs so long after SLEEP is cleared (section 7.3.1.1). */
const OSCILLATOR_START_US = 500;
const OSCILLATOR_HZ = 25e6;

/** Counter at which a channel goes low again, 0 to 4095, having gone high at 0. 0 is off for good. */
export type Duty = number;

/** PRE_SCALE for an update rate [Hz]: round(25 MHz / (4096 · rate)) − 1 (section 7.3.5); 121 for 50 Hz. Throws RangeError outside 24 … 1526 Hz. */
export function prescaleFor(rateHz: number): number {
  const value = Math.round(OSCILLATOR_HZ / (PCA9685_STEPS * rateHz)) - 1;
  if (!(value >= 3 && value <= 255)) throw new RangeError(`the PCA9685 makes 24 to 1526 Hz, not ${rateHz}`);
  return value;
}

/** Length of one PWM period at that rate, as the chip makes it [µs]. */
export function periodUs(rateHz: number): number {
  return ((prescaleFor(rateHz) + 1) * PCA9685_STEPS * 1e6) / OSCILLATOR_HZ;
}

/** Every method throws when the chip does not acknowledge. */
export class Pca9685 {
  readonly #bus: I2cBus;
  readonly #address: number;

  constructor(bus: I2cBus, address: number = PCA9685_ADDRESS) {
    this.#bus = bus;
    this.#address = address;
  }

  /**
   * All outputs off, then the rate: PRE_SCALE takes a value only while SLEEP is set (section 7.3.5). Off by ALL_LED_OFF_H is the
   * "orderly shutdown" of section 7.3.1.1, after which no RESTART is pending when the chip wakes.
   */
  start(rateHz: number): void {
    this.allStop();
    this.#write(PCA9685.mode1, MODE1.sleep | MODE1.autoIncrement);
    this.#write(PCA9685.preScale, prescaleFor(rateHz));
    this.#write(PCA9685.mode2, MODE2_TOTEM_POLE);
    this.#write(PCA9685.mode1, MODE1.autoIncrement);
    waitUs(OSCILLATOR_START_US);
  }

  /** Whether the chip still has what `start` wrote; not after a loss of its supply. */
  isStarted(rateHz: number): boolean {
    const mode1 = this.#read(PCA9685.mode1);
    return (mode1 & (MODE1.sleep | MODE1.autoIncrement)) === MODE1.autoIncrement && this.#read(PCA9685.preScale) === prescaleFor(rateHz);
  }

  /** Sets channels; neighbours go out in one write each, and change together at its STOP. */
  set(duties: ReadonlyMap<number, Duty>): void {
    const channels = [...duties.keys()].sort((a, b) => a - b);
    for (let from = 0; from < channels.length;) {
      let to = from + 1;
      while (to < channels.length && channels[to] === (channels[to - 1] as number) + 1) to += 1;
      const run = channels.slice(from, to);
      this.#write(PCA9685.led0OnL + 4 * (run[0] as number), ...run.flatMap((channel) => dutyBytes(duties.get(channel) as Duty)));
      from = to;
    }
  }

  /**
   * Everything off by one write of two bytes that depends on no state of the chip (ALL_LED_OFF_H, sections 7.3.3 and 7.3.4).
   * Motors coast to a stop, servos let go.
   */
  allStop(): void {
    this.#write(PCA9685.allLedOffH, FULL_OFF);
  }

  #write(register: number, ...bytes: number[]): void {
    this.#bus.write(this.#address, Uint8Array.of(register, ...bytes));
  }

  #read(register: number): number {
    return this.#bus.writeRead(this.#address, register, 1)[0] as number;
  }
}

/** LEDn_ON_L, ON_H, OFF_L, OFF_H. */
function dutyBytes(duty: Duty): number[] {
  if (duty <= 0) return [0, 0, 0, FULL_OFF];
  const off = Math.min(PCA9685_STEPS - 1, Math.round(duty));
  return [0, 0, off & 0xff, off >> 8];
}

/** Shorter than any timer: half a millisecond, once at the start. */
function waitUs(us: number): void {
  const until = performance.now() + us / 1000;
  while (performance.now() < until);
}
