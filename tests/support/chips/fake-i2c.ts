// An I2C bus with chip models on it. A device that is unplugged does not acknowledge: i2c-dev says EREMOTEIO, and so does this.
import type { I2cBus } from '../../../hardware/buses/i2c.ts';

export interface I2cDevice {
  /** One write transaction, without the address byte. */
  write(bytes: Uint8Array): void;
  /** The data phase of a read. */
  read(length: number): Uint8Array;
}

/** One transaction as a logic analyser would show it. */
export interface Transaction {
  readonly address: number;
  readonly bytes: readonly number[];
}

export class FakeI2c implements I2cBus {
  readonly description = 'fake I2C';
  readonly devices = new Map<number, I2cDevice>();
  /** Writes that were acknowledged, in order. */
  readonly writes: Transaction[] = [];
  readonly #unplugged = new Set<number>();

  setPlugged(address: number, plugged: boolean): void {
    if (plugged) this.#unplugged.delete(address);
    else this.#unplugged.add(address);
  }

  write(address: number, bytes: Uint8Array): void {
    this.#device(address).write(bytes);
    this.writes.push({ address, bytes: [...bytes] });
  }

  writeRead(address: number, command: number, length: number): Uint8Array {
    if (!Number.isInteger(length) || length < 1 || length > 32) throw new RangeError(`an I2C block has 1 to 32 bytes, not ${length}`);
    const device = this.#device(address);
    device.write(Uint8Array.of(command));
    return device.read(length);
  }

  close(): void {}

  #device(address: number): I2cDevice {
    const device = this.devices.get(address);
    if (device === undefined || this.#unplugged.has(address))
      throw Object.assign(new Error('EREMOTEIO: remote I/O error, write'), { code: 'EREMOTEIO' });
    return device;
  }
}
