// The narrow interface to single GPIO lines that drivers use, and the one on onoff behind it (sysfs, BCM numbers of the 40-pin header).
import type { Gpio as OnoffLine } from 'onoff';
import { join } from 'node:path';
import { OutriderError } from '../../shared/errors.ts';
import { findHeaderChip, GPIO_ROOT, lineNumber } from './gpio-chip.ts';

export type Level = 0 | 1;

/** Throws when the line is gone; drivers turn that into `connected: false`. */
export interface GpioInput {
  read(): Level;
}

export interface GpioOutput {
  write(level: Level): void;
}

export interface GpioBank {
  /** Makes BCM `bcm` an input. */
  input(bcm: number): GpioInput;
  /** Makes BCM `bcm` an output that begins at `initial`. */
  output(bcm: number, initial: Level): GpioOutput;
  /** The sysfs file of an opened line's level, for a thread that cannot share this object; null where there is none. */
  valuePath(bcm: number): string | null;
  /** Gives all lines back as inputs. */
  close(): void;
}

/** Opens the header's lines. Throws OUT_HARDWARE_GPIO where there is no header, OUT_HARDWARE_PACKAGE without onoff. */
export async function openGpioBank(): Promise<GpioBank> {
  const chip = await findHeaderChip();
  const { Gpio } = await loadPackage();
  const lines: OnoffLine[] = [];
  const open = (bcm: number, direction: 'in' | 'high' | 'low'): OnoffLine => {
    try {
      const line = new Gpio(lineNumber(chip, bcm), direction);
      lines.push(line);
      return line;
    } catch (cause) {
      if (cause instanceof OutriderError) throw cause;
      const { message } = cause as Error;
      throw new OutriderError('OUT_HARDWARE_GPIO', `BCM ${bcm} (GPIO ${lineNumber(chip, bcm)} of ${chip.label}): ${message}`, { cause });
    }
  };
  return {
    input: (bcm) => {
      const line = open(bcm, 'in');
      return { read: () => line.readSync() };
    },
    output: (bcm, initial) => {
      const line = open(bcm, initial === 1 ? 'high' : 'low');
      return { write: (level) => line.writeSync(level) };
    },
    valuePath: (bcm) => join(GPIO_ROOT, `gpio${lineNumber(chip, bcm)}`, 'value'),
    close: () => {
      for (const line of lines.splice(0)) {
        line.setDirection('in');
        line.unexport();
      }
    },
  };
}

async function loadPackage(): Promise<{ readonly Gpio: typeof OnoffLine }> {
  try {
    return await import('onoff');
  } catch (cause) {
    throw new OutriderError('OUT_HARDWARE_PACKAGE', `onoff: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}
