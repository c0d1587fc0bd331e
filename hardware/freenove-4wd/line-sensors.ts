// Three infrared reflex sensors under the car's front as a LineIo. Two of them share their lines with the UART of the header.
import type { Clock } from '../../shared/ports/clock.ts';
import type { LineInputs, LineIo } from '../../shared/ports/line-io.ts';
import type { GpioInput, Level } from '../buses/gpio.ts';

/** Never throws: a line that is gone makes `connected` false. A sensor that is unplugged cannot be told from a dark floor. */
export class LineSensors implements LineIo {
  readonly #lines: readonly GpioInput[];
  readonly #clock: Clock;
  readonly #darkLevel: Level;
  #last: LineInputs;

  /** `lines` from left to right. */
  constructor(lines: readonly GpioInput[], clock: Clock, darkLevel: Level = 1) {
    this.#lines = lines;
    this.#clock = clock;
    this.#darkLevel = darkLevel;
    this.#last = { connected: false, stampSec: clock.nowSec(), dark: lines.map(() => false) };
  }

  update(): LineInputs {
    try {
      const dark = this.#lines.map((line) => line.read() === this.#darkLevel);
      this.#last = { connected: true, stampSec: this.#clock.nowSec(), dark };
    } catch {
      this.#last = { ...this.#last, connected: false };
    }
    return this.#last;
  }
}
