// Checkpoints on a disk that the hosts of a machine share. Crash-safe: temporary file, fsync, rename, fsync of the directory.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OutriderError } from '../../shared/errors.ts';
import { type CheckpointStore, fencedError, type StoredCheckpoint } from './checkpoint-store.ts';

/** `<epoch>-<number>.checkpoint`, zero-padded so that names sort like their numbers. */
const FILE = /^(\d{12})-(\d{12})\.checkpoint$/;
const FENCE = /^fence-(\d{12})$/;
const MAGIC = Buffer.from('ORCP1\n');
const DIGEST_BYTES = 32;
/** Older checkpoints kept beside the newest one, in case it turns out to be unreadable. */
const KEPT = 2;

const pad = (value: number): string => value.toString().padStart(12, '0');

export class FileCheckpointStore implements CheckpointStore {
  readonly #root: string;
  readonly #numbers = new Map<string, number>();

  constructor(root: string) {
    this.#root = root;
  }

  async put(instance: string, epoch: number, bytes: Uint8Array): Promise<void> {
    const directory = await this.#directory(instance);
    await this.#checkFence(instance, directory, epoch);
    const digest = createHash('sha256').update(bytes).digest();
    const number = await this.#nextNumber(instance, directory);
    await this.#writeDurably(directory, `${pad(epoch)}-${pad(number)}.checkpoint`, [MAGIC, digest, bytes]);
    // The order makes fencing safe without a lock: a fence that this look does not find was set after the file was in place,
    // so who set it will read this file.
    await this.#checkFence(instance, directory, epoch);
    await this.#prune(directory);
  }

  async latest(instance: string): Promise<StoredCheckpoint | null> {
    const directory = this.#path(instance);
    for (const name of (await this.#checkpoints(directory)).toReversed()) {
      const epoch = Number(FILE.exec(name)?.[1]);
      const bytes = await this.#read(join(directory, name));
      if (bytes !== null) return { epoch, bytes };
    }
    return null;
  }

  async fence(instance: string, epoch: number): Promise<void> {
    const directory = await this.#directory(instance);
    await this.#checkFence(instance, directory, epoch);
    await this.#writeDurably(directory, `fence-${pad(epoch)}`, []);
  }

  async remove(instance: string): Promise<void> {
    this.#numbers.delete(instance);
    await rm(this.#path(instance), { recursive: true, force: true });
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();
  }

  #path(instance: string): string {
    // Ids cannot hold separators or dots; a programming error elsewhere must not become a path.
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(instance)) throw new OutriderError('OUT_PROTOCOL_TOPIC', `${JSON.stringify(instance)} is not an id`);
    return join(this.#root, instance);
  }

  async #directory(instance: string): Promise<string> {
    const directory = this.#path(instance);
    await mkdir(directory, { recursive: true });
    return directory;
  }

  async #checkFence(instance: string, directory: string, epoch: number): Promise<void> {
    const fence = Math.max(0, ...(await names(directory)).map((name) => Number(FENCE.exec(name)?.[1] ?? 0)));
    if (epoch < fence) throw fencedError(instance, epoch, fence);
  }

  async #nextNumber(instance: string, directory: string): Promise<number> {
    let last = this.#numbers.get(instance);
    if (last === undefined) last = Math.max(0, ...(await this.#checkpoints(directory)).map((name) => Number(FILE.exec(name)?.[2])));
    this.#numbers.set(instance, last + 1);
    return last + 1;
  }

  async #checkpoints(directory: string): Promise<string[]> {
    return (await names(directory)).filter((name) => FILE.test(name)).toSorted();
  }

  async #writeDurably(directory: string, name: string, parts: readonly Uint8Array[]): Promise<void> {
    const temporary = join(directory, `.${name}.${randomUUID()}`);
    try {
      const file = await open(temporary, 'wx');
      try {
        for (const part of parts) await file.writeFile(part);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(directory, name));
      const folder = await open(directory);
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (cause) {
      await rm(temporary, { force: true });
      throw new OutriderError('OUT_EDGE_STORE', `${join(directory, name)}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Null when the file is not whole (a crash of the disk, not of a process: renames are atomic). */
  async #read(path: string): Promise<Uint8Array | null> {
    const content = await readFile(path).catch(() => null);
    if (content === null || !content.subarray(0, MAGIC.length).equals(MAGIC)) return null;
    const digest = content.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES);
    const bytes = content.subarray(MAGIC.length + DIGEST_BYTES);
    return createHash('sha256').update(bytes).digest().equals(digest) ? bytes : null;
  }

  async #prune(directory: string): Promise<void> {
    const old = (await this.#checkpoints(directory)).slice(0, -KEPT);
    await Promise.all(old.map((name) => rm(join(directory, name), { force: true })));
  }
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
