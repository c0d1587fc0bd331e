// The car's active buzzer: on or off.
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { GpioOutput } from '../buses/gpio.ts';

export class Buzzer {
  readonly #line: GpioOutput;
  readonly #clock: Clock;
  #timer: Timer | null = null;

  constructor(line: GpioOutput, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  /** Sounds for `seconds`; a further call sounds anew from then. Never throws. */
  beep(seconds: number): void {
    this.#timer?.stop();
    this.#timer = null;
    if (this.#write(1)) this.#timer = this.#clock.after(seconds, () => this.silence());
  }

  silence(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#write(0);
  }

  #write(level: 0 | 1): boolean {
    try {
      this.#line.write(level);
      return true;
    } catch {
      return false;
    }
  }
}
