// The car's battery, two lithium cells in series, as a PowerIo: volts from a divider on the converter's channel 2, charge from volts.
import type { Clock } from '../../shared/ports/clock.ts';
import type { PowerInputs, PowerIo } from '../../shared/ports/power-io.ts';
import type { I2cBus } from '../buses/i2c.ts';
import { lithiumChargeFraction } from '../sensors/lithium-battery.ts';
import { type AdcName, identifyAdc, readAdc } from './adc.ts';

export type BoardVersion = 1 | 2;

/** Reference of the converter [V] and ratio of the divider before it. */
const BOARDS: Readonly<Record<BoardVersion, { readonly referenceV: number; readonly divider: number }>> = {
  1: { referenceV: 3.3, divider: 3 },
  2: { referenceV: 5.2, divider: 2 },
};
const BATTERY_CHANNEL = 2;
/** In series. */
export const CELLS = 2;

/** Battery voltage for a conversion of 0 to 255: one count is reference/256. */
export function batteryVolts(board: BoardVersion, code: number): number {
  const { referenceV, divider } = BOARDS[board];
  return ((code * referenceV) / 256) * divider;
}

/** Motors pull the voltage down for a moment: charge follows its mean over about this long [s]. */
const SMOOTHING_SEC = 5;

export interface BatteryOptions {
  readonly bus: I2cBus;
  readonly clock: Clock;
  readonly board: BoardVersion;
  /** `auto`: found by probing. */
  readonly adc: AdcName | 'auto';
}

/** Never throws: without an answer, or while the chip is not identified, `connected` is false and the last values stay. Draws no current measurement. */
export class Battery implements PowerIo {
  readonly #options: BatteryOptions;
  #chip: AdcName | null;
  #smoothV: number | null = null;
  #last: PowerInputs;

  constructor(options: BatteryOptions) {
    this.#options = options;
    this.#chip = options.adc === 'auto' ? null : options.adc;
    this.#last = { connected: false, stampSec: options.clock.nowSec(), batteryFraction: 0, voltageV: 0, powerW: null };
  }

  /** The converter that was found; null before. */
  get chip(): AdcName | null {
    return this.#chip;
  }

  update(): PowerInputs {
    const { bus, clock, board } = this.#options;
    const nowSec = clock.nowSec();
    try {
      this.#chip ??= identifyAdc(bus);
      if (this.#chip === null) return (this.#last = { ...this.#last, connected: false });
      const voltageV = batteryVolts(board, readAdc(bus, this.#chip, BATTERY_CHANNEL));
      const elapsed = nowSec - this.#last.stampSec;
      this.#smoothV =
        this.#smoothV === null ? voltageV : this.#smoothV + (voltageV - this.#smoothV) * (1 - Math.exp(-elapsed / SMOOTHING_SEC));
      this.#last = {
        connected: true,
        stampSec: nowSec,
        batteryFraction: lithiumChargeFraction({ cells: CELLS }, this.#smoothV),
        voltageV,
        powerW: null,
      };
    } catch {
      this.#last = { ...this.#last, connected: false };
    }
    return this.#last;
  }
}
