// A chip on the I2C bus that may not be there: set up when it answers, read, and set up again after it was lost.
import type { Clock } from '../../shared/ports/clock.ts';
import { type Logger, SILENT_LOGGER } from '../../shared/ports/logger.ts';

export interface ChipOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Writes the chip's configuration; throws when it does not answer, or is another chip. */
  readonly setUp: () => void;
  readonly logger?: Logger | undefined;
}

/** Between two attempts to set up a chip that does not answer [s]: an attempt costs the control loop bus time. */
const RETRY_SEC = 1;

export class Chip {
  readonly #options: ChipOptions;
  #ready = false;
  #triedSec = Number.NEGATIVE_INFINITY;
  #complained = '';

  constructor(options: ChipOptions) {
    this.#options = options;
  }

  /** What `read` gives, or null when the chip is not there; never throws. */
  read<T>(read: () => T): T | null {
    const { clock, setUp } = this.#options;
    try {
      if (!this.#ready) {
        const now = clock.nowSec();
        if (now - this.#triedSec < RETRY_SEC) return null;
        this.#triedSec = now;
        setUp();
        this.#ready = true;
      }
      const value = read();
      this.#complained = '';
      return value;
    } catch (error) {
      this.#ready = false;
      this.#complain(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Says each trouble once, until the chip answers again. */
  #complain(reason: string): void {
    if (reason === this.#complained) return;
    this.#complained = reason;
    const { name, logger = SILENT_LOGGER } = this.#options;
    logger.warn({ chip: name, reason }, 'a chip on the I2C bus does not answer; it is tried again');
  }
}
