// Texas Instruments INA3221 three-channel monitor (data sheet SBOS576B): one channel on the battery, the others for whoever wants them.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { PowerInputs, PowerIo } from '../../shared/ports/power-io.ts';
import { hex, type I2cBus } from '../buses/i2c.ts';
import { Chip } from './chip.ts';
import { type LithiumBattery, lithiumChargeFraction } from './lithium-battery.ts';

/** §8.6.1 register map: shunt and bus voltage of channel n are registers 2n − 1 and 2n. */
const CONFIGURATION = 0x00;
const MANUFACTURER_ID = 0xfe;
const TEXAS_INSTRUMENTS = 0x5449;
const DIE_ID = 0xff;
const INA3221_DIE = 0x3220;
/** §8.6.2.1: all channels on, mean of 16 samples, 1.1 ms each, continuous. */
const CONFIG_ALL_16_SAMPLES = 0x7000 | (0b010 << 9) | (0b100 << 6) | (0b100 << 3) | 0b111;
/** §8.6.2.2, §8.6.2.3: both in bits 15:3, two's complement; 40 µV and 8 mV. */
const SHUNT_LSB_V = 40e-6;
const BUS_LSB_V = 0.008;

export type Ina3221Channel = 1 | 2 | 3;

export interface Ina3221Options {
  readonly bus: I2cBus;
  readonly clock: Clock;
  readonly battery: LithiumBattery;
  /** 0x40 to 0x43 by the pin A0. */
  readonly address?: number;
  /** The channel that the battery is on. */
  readonly channel?: Ina3221Channel;
  /** Shunt resistor of that channel [Ω]. */
  readonly shuntOhm?: number;
  readonly logger?: Logger;
}

export class Ina3221 implements PowerIo {
  readonly #options: Ina3221Options;
  readonly #address: number;
  readonly #chip: Chip;
  #inputs: PowerInputs = { connected: false, stampSec: 0, batteryFraction: 0, voltageV: 0, powerW: 0 };

  constructor(options: Ina3221Options) {
    const { clock, logger, address = 0x41 } = options;
    this.#options = options;
    this.#address = address;
    this.#chip = new Chip({ name: `INA3221 at ${hex(address)}`, clock, logger, setUp: () => this.#setUp() });
  }

  update(): PowerInputs {
    const { clock, battery, channel = 1, shuntOhm = 0.1 } = this.#options;
    const volts = this.#chip.read(() => {
      // The reset value comes back with lost power (§8.6.2.1); it measures, but noisily.
      if (this.#word(CONFIGURATION) !== CONFIG_ALL_16_SAMPLES) this.#setUp();
      return { shuntV: this.#level(2 * channel - 1) * SHUNT_LSB_V, busV: this.#level(2 * channel) * BUS_LSB_V };
    });
    if (volts === null) return (this.#inputs = { ...this.#inputs, connected: false });
    const currentA = volts.shuntV / shuntOhm;
    const batteryFraction = lithiumChargeFraction(battery, volts.busV, currentA);
    return (this.#inputs = {
      connected: true,
      stampSec: clock.nowSec(),
      batteryFraction,
      voltageV: volts.busV,
      powerW: volts.busV * currentA,
    });
  }

  #setUp(): void {
    const maker = this.#word(MANUFACTURER_ID);
    const die = this.#word(DIE_ID);
    if (maker !== TEXAS_INSTRUMENTS || die !== INA3221_DIE)
      throw new Error(`manufacturer 0x${maker.toString(16)} and die 0x${die.toString(16)}: another chip has this address`);
    const { bus } = this.#options;
    bus.write(this.#address, Uint8Array.of(CONFIGURATION, CONFIG_ALL_16_SAMPLES >> 8, CONFIG_ALL_16_SAMPLES & 0xff));
  }

  /** Bits 15:3 of a register, with their sign. */
  #level(register: number): number {
    return (this.#word(register) << 16) >> 19;
  }

  #word(register: number): number {
    const [high = 0, low = 0] = this.#options.bus.writeRead(this.#address, register, 2);
    return (high << 8) | low;
  }
}
