// The car's ultrasonic sensor on its pan servo as a RangeIo: one beam, swept.
import type { Clock } from '../../shared/ports/clock.ts';
import type { RangeInputs, RangeIo } from '../../shared/ports/range-io.ts';
import { echoRange, type EchoResult, speedOfSound } from './echo-timing.ts';
import type { Servo } from './servo.ts';

/** Measures echoes somewhere else, so that the control loop does not wait for sound. */
export interface Pinger {
  /** Starts a measurement; `onResult` is called once, at once or later, or never when the pinger has died. */
  ping(maxEchoUs: number, onResult: (result: EchoResult) => void): void;
  close(): void;
}

export interface UltrasonicOptions {
  readonly pinger: Pinger;
  readonly clock: Clock;
  /** The pan servo; without it the sensor looks ahead. */
  readonly servo: Servo | null;
  /** Angle of the servo that looks straight ahead [°], and the sign of left turns on it. */
  readonly aheadDeg: number;
  readonly leftSign: 1 | -1;
  readonly airTemperatureC: number;
}

/** User guide: 2 cm to 4 m within 15°, and more than 60 ms between two measurements, or the last echo is taken for the next one's. */
const RANGE_MIN_M = 0.02;
const RANGE_MAX_M = 4;
const FIELD_OF_VIEW_RAD = (15 * Math.PI) / 180;
const CYCLE_SEC = 0.06;
/** So many bad answers in a row are a sensor that is not there. */
const BAD_ANSWERS = 3;
/** A measurement is over by now, or the pinger is dead [s]. */
const ANSWER_SEC = 0.5;

/**
 * `update` starts a measurement whenever one is due and gives the newest that has come back, with the time and bearing of its ping.
 * Never throws: no echo is +Infinity, an invalid measurement NaN, three bad ones in a row or silence `connected: false`.
 */
export class UltrasonicSensor implements RangeIo {
  readonly #options: UltrasonicOptions;
  #latest: RangeInputs;
  #pingedSec: number | null = null;
  #waiting: symbol | null = null;
  #bad = BAD_ANSWERS;

  constructor(options: UltrasonicOptions) {
    this.#options = options;
    this.#latest = this.#inputs(false, options.clock.nowSec(), 0, Number.NaN);
  }

  aim(bearingRad: number): void {
    const { servo, aheadDeg, leftSign } = this.#options;
    if (Number.isFinite(bearingRad)) servo?.turnTo(aheadDeg + (leftSign * bearingRad * 180) / Math.PI);
  }

  update(): RangeInputs {
    const nowSec = this.#options.clock.nowSec();
    const sinceSec = this.#pingedSec === null ? Number.POSITIVE_INFINITY : nowSec - this.#pingedSec;
    if (this.#waiting !== null && sinceSec > ANSWER_SEC) {
      this.#waiting = null;
      this.#bad = BAD_ANSWERS;
      this.#latest = { ...this.#latest, connected: false, rangeM: Number.NaN };
    }
    if (this.#waiting === null && sinceSec >= CYCLE_SEC) this.#ping(nowSec);
    return this.#latest;
  }

  #ping(nowSec: number): void {
    const { pinger, airTemperatureC } = this.#options;
    const bearingRad = this.#bearing();
    const token = Symbol('ping');
    this.#pingedSec = nowSec;
    this.#waiting = token;
    pinger.ping((2 * RANGE_MAX_M * 1e6) / speedOfSound(airTemperatureC), (result) => {
      if (this.#waiting !== token) return; // too late
      this.#waiting = null;
      const isGood = result.kind === 'echo' || result.kind === 'no-echo';
      this.#bad = isGood ? 0 : this.#bad + 1;
      this.#latest = this.#inputs(this.#bad < BAD_ANSWERS, nowSec, bearingRad, this.#range(result));
    });
  }

  #range(result: EchoResult): number {
    if (result.kind === 'no-echo') return Number.POSITIVE_INFINITY;
    if (result.kind !== 'echo') return Number.NaN;
    const rangeM = echoRange(result.echoUs, this.#options.airTemperatureC);
    return rangeM < RANGE_MIN_M ? Number.NaN : rangeM > RANGE_MAX_M ? Number.POSITIVE_INFINITY : rangeM;
  }

  #bearing(): number {
    const { servo, aheadDeg, leftSign } = this.#options;
    return servo === null ? 0 : (leftSign * (servo.angleDeg - aheadDeg) * Math.PI) / 180;
  }

  #inputs(connected: boolean, stampSec: number, bearingRad: number, rangeM: number): RangeInputs {
    return { connected, stampSec, bearingRad, fieldOfViewRad: FIELD_OF_VIEW_RAD, rangeMinM: RANGE_MIN_M, rangeMaxM: RANGE_MAX_M, rangeM };
  }
}
