// The header's lines with things wired to them. A line that nothing is wired to reads low.
import type { GpioBank, GpioInput, GpioOutput, Level } from '../../../hardware/buses/gpio.ts';

export class FakeGpio implements GpioBank {
  /** What drives an input. */
  readonly sources = new Map<number, GpioInput>();
  /** What an output drives, and the level that it has. */
  readonly levels = new Map<number, Level>();
  /** A header that is gone: every access fails as sysfs does. */
  broken = false;

  input(bcm: number): GpioInput {
    return {
      read: () => {
        this.#check();
        return this.sources.get(bcm)?.read() ?? 0;
      },
    };
  }

  output(bcm: number, initial: Level): GpioOutput {
    this.levels.set(bcm, initial);
    return {
      write: (level) => {
        this.#check();
        this.levels.set(bcm, level);
      },
    };
  }

  valuePath(): null {
    return null;
  }

  close(): void {}

  #check(): void {
    if (this.broken) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  }
}
