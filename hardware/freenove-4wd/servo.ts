// Hobby servos on channels 8 to 15 of the PCA9685: angle to pulse, and where a servo that is told nothing back probably is.
import type { Clock } from '../../shared/ports/clock.ts';
import { type Pca9685, PCA9685_STEPS, periodUs } from './pca9685.ts';

export interface ServoWiring {
  /** 0 to 7, as printed on the board. */
  readonly servo: number;
  /** Servo 0 of the kit turns the other way round. */
  readonly inverted: boolean;
  /** Added to every angle [°]; from calibration. */
  readonly zeroDeg: number;
  readonly minDeg: number;
  readonly maxDeg: number;
  /** How fast it turns [rad/s]; servos report nothing, so their angle is reckoned from this. */
  readonly slewRadPerSec: number;
}

const FIRST_SERVO_CHANNEL = 8;

/** Pulse for an angle from 0 to 180° [µs]: 500 µs at −10°, 1 µs per 0.09°; an inverted servo counts down from 2500 µs. */
export function servoPulseUs(angleDeg: number, inverted: boolean): number {
  const way = (angleDeg + 10) / 0.09;
  return inverted ? 2500 - way : 500 + way;
}

/** Never throws: a servo that cannot be reached stays where it is. */
export class Servo {
  readonly #chip: Pca9685;
  readonly #clock: Clock;
  readonly #wiring: ServoWiring;
  readonly #rateHz: number;
  #targetDeg = 90;
  #angleDeg = 90;
  #reckonedSec: number;

  constructor(chip: Pca9685, clock: Clock, wiring: ServoWiring, rateHz: number) {
    this.#chip = chip;
    this.#clock = clock;
    this.#wiring = wiring;
    this.#rateHz = rateHz;
    this.#reckonedSec = clock.nowSec();
  }

  /** Where the servo probably is now [°], on its way to the last angle that it was sent to. */
  get angleDeg(): number {
    const nowSec = this.#clock.nowSec();
    const reachDeg = ((nowSec - this.#reckonedSec) * this.#wiring.slewRadPerSec * 180) / Math.PI;
    this.#reckonedSec = nowSec;
    const left = this.#targetDeg - this.#angleDeg;
    this.#angleDeg += Math.abs(left) <= reachDeg ? left : Math.sign(left) * reachDeg;
    return this.#angleDeg;
  }

  /** Sends it to an angle [°], limited to its range; false when the chip did not take it. An angle that is no number is refused. */
  turnTo(angleDeg: number): boolean {
    if (Number.isNaN(angleDeg)) return false;
    const { servo, inverted, zeroDeg, minDeg, maxDeg } = this.#wiring;
    const target = Math.min(maxDeg, Math.max(minDeg, angleDeg));
    const counts = Math.round((servoPulseUs(target + zeroDeg, inverted) * PCA9685_STEPS) / periodUs(this.#rateHz));
    void this.angleDeg; // reckons up to now, towards the old target
    try {
      this.#chip.set(new Map([[FIRST_SERVO_CHANNEL + servo, counts]]));
    } catch {
      return false;
    }
    this.#targetDeg = target;
    return true;
  }
}
