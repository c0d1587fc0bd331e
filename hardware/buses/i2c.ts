// The narrow interface to an I2C bus that drivers use, and the one on i2c-bus behind it (Linux i2c-dev, /dev/i2c-N).
// The package is loaded on first use: a machine without it, or without the bus, gets one coded error that says what to do.
import type i2c from 'i2c-bus';
import { OutriderError } from '../../shared/errors.ts';

/**
 * Whole transactions with 7-bit addresses. Synchronous, since each lasts a millisecond or three at 100 kbit/s and the control loop has to know
 * that a motor command has gone out. Every method throws when the device does not acknowledge; drivers turn that into `connected: false`.
 */
export interface I2cBus {
  /** For logs and errors: `/dev/i2c-1`. */
  readonly description: string;
  /** START, address, all bytes, STOP. */
  write(address: number, bytes: Uint8Array): void;
  /** START, address, `command`, repeated START, `length` bytes, STOP: one transaction that no other process can split. 1 to 32 bytes. */
  writeRead(address: number, command: number, length: number): Uint8Array;
  close(): void;
}

/** Opens /dev/i2c-`busNumber`. Throws OUT_HARDWARE_PACKAGE without i2c-bus, OUT_HARDWARE_BUS when the device file is missing or not permitted. */
export async function openI2cBus(busNumber = 1): Promise<I2cBus> {
  const description = `/dev/i2c-${busNumber}`;
  const { access, constants } = await import('node:fs/promises');
  try {
    await access(description, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such device' : 'no permission to read and write';
    throw new OutriderError('OUT_HARDWARE_BUS', `${description}: ${why}`, { cause });
  }
  const bus = (await loadPackage()).openSync(busNumber);
  return {
    description,
    write: (address, bytes) => {
      const written = bus.i2cWriteSync(address, bytes.length, Buffer.from(bytes));
      if (written !== bytes.length) throw new Error(`${description}: ${written} of ${bytes.length} bytes written to ${hex(address)}`);
    },
    writeRead: (address, command, length) => {
      const buffer = Buffer.alloc(length);
      const read = bus.readI2cBlockSync(address, command, length, buffer);
      if (read !== length) throw new Error(`${description}: ${read} of ${length} bytes read from ${hex(address)}`);
      return buffer;
    },
    close: () => bus.closeSync(),
  };
}

/** An address as data sheets write it: 0x40. */
export function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

async function loadPackage(): Promise<typeof i2c> {
  try {
    return (await import('i2c-bus')).default;
  } catch (cause) {
    throw new OutriderError('OUT_HARDWARE_PACKAGE', `i2c-bus: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}
