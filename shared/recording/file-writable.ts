// A file as the MCAP writer wants one.
import type { FileHandle } from 'node:fs/promises';
import type { IWritable } from '@mcap/core';

export class FileWritable implements IWritable {
  readonly #file: FileHandle;
  #position = 0n;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  position(): bigint {
    return this.#position;
  }

  async write(buffer: Uint8Array): Promise<void> {
    await this.#file.write(buffer);
    this.#position += BigInt(buffer.byteLength);
  }
}
