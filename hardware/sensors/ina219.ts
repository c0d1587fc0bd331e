// Texas Instruments INA219 current and power monitor (data sheet SBOS448G) between battery and rover.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { PowerInputs, PowerIo } from '../../shared/ports/power-io.ts';
import { hex, type I2cBus } from '../buses/i2c.ts';
import { Chip } from './chip.ts';
import { type LithiumBattery, lithiumChargeFraction } from './lithium-battery.ts';

/** §8.6.1 register set. */
const CONFIGURATION = 0x00;
const BUS_VOLTAGE = 0x02;
const POWER = 0x03;
const CURRENT = 0x04;
const CALIBRATION = 0x05;
/** §8.6.2.1: 32 V range, ±320 mV shunt range, both converters averaging 32 samples (17 ms), continuous. */
const CONFIG_32V_320MV_32_SAMPLES = (1 << 13) | (3 << 11) | (0b1101 << 7) | (0b1101 << 3) | 0b111;
/** §8.6.3.2: bus voltage in bits 15:3, 4 mV; bit 0: the calculations overflowed. */
const BUS_LSB_V = 0.004;
const OVERFLOW = 0x01;
/** §8.5.1 equations 1 and 4. */
const CALIBRATION_CONSTANT = 0.04096;
const POWER_LSB_PER_CURRENT_LSB = 20;

export interface Ina219Options {
  readonly bus: I2cBus;
  readonly clock: Clock;
  readonly battery: LithiumBattery;
  /** 0x40 to 0x4F by the pins A0 and A1 (a Freenove car's PCA9685 has 0x40). */
  readonly address?: number;
  /** Shunt resistor [Ω]; 0.1 on the common breakout board. */
  readonly shuntOhm?: number;
  /** Largest current that is expected [A]: gives the resolution. */
  readonly maxCurrentA?: number;
  readonly logger?: Logger;
}

/** Calibration register and current resolution for a shunt and a range (§8.5.1: LSB = maximum / 2¹⁵, CAL = trunc(0.04096 / (LSB · R))). */
export function ina219Calibration(shuntOhm: number, maxCurrentA: number): { readonly calibration: number; readonly currentLsbA: number } {
  const currentLsbA = maxCurrentA / 2 ** 15;
  const calibration = Math.trunc(CALIBRATION_CONSTANT / (currentLsbA * shuntOhm)) & 0xfffe; // bit 0 is always 0
  return { calibration, currentLsbA: CALIBRATION_CONSTANT / (calibration * shuntOhm) };
}

export class Ina219 implements PowerIo {
  readonly #options: Ina219Options;
  readonly #address: number;
  readonly #calibration: number;
  readonly #currentLsbA: number;
  readonly #chip: Chip;
  #inputs: PowerInputs = { connected: false, stampSec: 0, batteryFraction: 0, voltageV: 0, powerW: 0 };

  constructor(options: Ina219Options) {
    const { clock, logger, address = 0x41, shuntOhm = 0.1, maxCurrentA = 3.2 } = options;
    this.#options = options;
    this.#address = address;
    ({ calibration: this.#calibration, currentLsbA: this.#currentLsbA } = ina219Calibration(shuntOhm, maxCurrentA));
    this.#chip = new Chip({ name: `INA219 at ${hex(address)}`, clock, logger, setUp: () => this.#setUp() });
  }

  update(): PowerInputs {
    const { clock, battery } = this.#options;
    const reading = this.#chip.read(() => this.#read());
    if (reading === null) return (this.#inputs = { ...this.#inputs, connected: false });
    const { voltageV, currentA, powerW } = reading;
    const batteryFraction = lithiumChargeFraction(battery, voltageV, currentA);
    return (this.#inputs = { connected: true, stampSec: clock.nowSec(), batteryFraction, voltageV, powerW });
  }

  #setUp(): void {
    this.#write(CONFIGURATION, CONFIG_32V_320MV_32_SAMPLES);
    this.#write(CALIBRATION, this.#calibration);
  }

  #read(): { readonly voltageV: number; readonly currentA: number; readonly powerW: number } {
    // The calibration is lost with the power (§8.5): then current and power read 0, which would look like a rover at rest.
    if (this.#word(CALIBRATION) !== this.#calibration) this.#setUp();
    const bus = this.#word(BUS_VOLTAGE);
    if ((bus & OVERFLOW) !== 0) throw new Error('current or power is out of range: raise maxCurrentA or use a smaller shunt');
    const current = (this.#word(CURRENT) << 16) >> 16;
    return {
      voltageV: (bus >> 3) * BUS_LSB_V,
      currentA: current * this.#currentLsbA,
      powerW: this.#word(POWER) * POWER_LSB_PER_CURRENT_LSB * this.#currentLsbA,
    };
  }

  #word(register: number): number {
    const [high = 0, low = 0] = this.#options.bus.writeRead(this.#address, register, 2);
    return (high << 8) | low;
  }

  #write(register: number, word: number): void {
    this.#options.bus.write(this.#address, Uint8Array.of(register, word >> 8, word & 0xff));
  }
}
