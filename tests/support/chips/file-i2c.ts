// An I2C bus with a PCA9685 on it that several processes share: the wire is a file to which each transaction is appended, with its time; whoever reads
// replays it through the chip's model. Appends of a line are atomic, and the monotonic clock is one for the whole machine.
import { appendFileSync, readFileSync, watch } from 'node:fs';
import type { I2cBus } from '../../../hardware/buses/i2c.ts';
import { Pca9685Model } from './pca9685-model.ts';

export interface StampedWrite {
  readonly pid: number;
  /** Of the machine's monotonic clock [ms]. */
  readonly atMs: number;
  readonly bytes: readonly number[];
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export class FileI2c implements I2cBus {
  readonly description: string;

  constructor(path: string) {
    this.description = path;
  }

  write(_address: number, bytes: Uint8Array): void {
    appendFileSync(this.description, `${JSON.stringify({ pid: process.pid, atMs: monotonicMs(), bytes: [...bytes] })}\n`);
  }

  writeRead(address: number, command: number, length: number): Uint8Array {
    this.write(address, Uint8Array.of(command));
    return this.chip().read(length);
  }

  writes(): StampedWrite[] {
    const lines = readFileSync(this.description, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as StampedWrite);
  }

  /** The chip as it is after all writes so far. */
  chip(): Pca9685Model {
    const chip = new Pca9685Model();
    for (const { bytes } of this.writes()) chip.write(Uint8Array.from(bytes));
    return chip;
  }

  /** Resolves with the first write that `wanted` says yes to, now or later. */
  async until(wanted: (write: StampedWrite) => boolean): Promise<StampedWrite> {
    const watcher = watch(this.description);
    try {
      return await new Promise((resolve) => {
        const look = (): void => {
          const found = this.writes().find(wanted);
          if (found !== undefined) resolve(found);
        };
        watcher.on('change', look);
        look();
      });
    } finally {
      watcher.close();
    }
  }

  close(): void {}
}
