// Bundles by the SHA-256 of their content: what a site has seen once is not sent again.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OutriderError } from '../../shared/errors.ts';

/** Holds encoded bundles. The caller has verified that `bytes` really have the bundle digest `digest`. */
export interface ModuleRepository {
  has(digest: string): Promise<boolean>;
  get(digest: string): Promise<Uint8Array | null>;
  put(digest: string, bytes: Uint8Array): Promise<void>;
  digests(): Promise<string[]>;
}

export interface RepositoryQuota {
  /** The bundles used longest ago go first [bytes]. */
  readonly maxBytes: number;
}

export class MemoryModuleRepository implements ModuleRepository {
  readonly #maxBytes: number;
  readonly #bundles = new Map<string, Uint8Array>();

  constructor(quota: RepositoryQuota = { maxBytes: 512 * 1024 * 1024 }) {
    this.#maxBytes = quota.maxBytes;
  }

  async has(digest: string): Promise<boolean> {
    return this.#bundles.has(digest);
  }

  async get(digest: string): Promise<Uint8Array | null> {
    const bytes = this.#bundles.get(digest);
    if (bytes === undefined) return null;
    this.#bundles.delete(digest);
    this.#bundles.set(digest, bytes);
    return bytes;
  }

  async put(digest: string, bytes: Uint8Array): Promise<void> {
    checkQuota(bytes, this.#maxBytes);
    this.#bundles.set(digest, new Uint8Array(bytes));
    let total = 0;
    for (const held of this.#bundles.values()) total += held.byteLength;
    for (const [oldest, held] of this.#bundles) {
      if (total <= this.#maxBytes) break;
      this.#bundles.delete(oldest);
      total -= held.byteLength;
    }
  }

  async digests(): Promise<string[]> {
    return [...this.#bundles.keys()].toSorted();
  }
}

const FILE = /^([0-9a-f]{64})\.bundle$/;

/** Bundles as files `<digest>.bundle` in a folder that the hosts of a machine share. A file whose content was changed is dropped. */
export class FileModuleRepository implements ModuleRepository {
  readonly #root: string;
  readonly #maxBytes: number;

  constructor(root: string, quota: RepositoryQuota = { maxBytes: 2 * 1024 * 1024 * 1024 }) {
    this.#root = root;
    this.#maxBytes = quota.maxBytes;
  }

  async has(digest: string): Promise<boolean> {
    return (await stat(this.#path(digest)).catch(() => null)) !== null;
  }

  async get(digest: string): Promise<Uint8Array | null> {
    const path = this.#path(digest);
    const content = await readFile(path).catch(() => null);
    if (content === null) return null;
    const bytes = content.subarray(32);
    if (!createHash('sha256').update(bytes).digest().equals(content.subarray(0, 32))) {
      await rm(path, { force: true });
      return null;
    }
    await utimes(path, new Date(), new Date()).catch(() => undefined);
    return bytes;
  }

  async put(digest: string, bytes: Uint8Array): Promise<void> {
    checkQuota(bytes, this.#maxBytes);
    const path = this.#path(digest);
    const temporary = `${path}.${randomUUID()}`;
    try {
      await mkdir(this.#root, { recursive: true });
      await writeFile(temporary, Buffer.concat([createHash('sha256').update(bytes).digest(), bytes]), { flush: true });
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true });
      throw new OutriderError('OUT_EDGE_STORE', `${path}: ${(cause as Error).message}`, { cause });
    }
    await this.#evict(digest);
  }

  async digests(): Promise<string[]> {
    const found = await readdir(this.#root).catch(() => []);
    return found.flatMap((name) => FILE.exec(name)?.[1] ?? []).toSorted();
  }

  #path(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new OutriderError('OUT_MODULE_BUNDLE', `${JSON.stringify(digest)} is not a digest`);
    return join(this.#root, `${digest}.bundle`);
  }

  async #evict(keep: string): Promise<void> {
    const files = await Promise.all(
      (await this.digests()).map(async (digest) => ({ digest, info: await stat(this.#path(digest)).catch(() => null) })),
    );
    let total = files.reduce((sum, { info }) => sum + (info?.size ?? 0), 0);
    for (const { digest, info } of files.toSorted((a, b) => (a.info?.mtimeMs ?? 0) - (b.info?.mtimeMs ?? 0))) {
      if (total <= this.#maxBytes) break;
      if (digest === keep || info === null) continue;
      await rm(this.#path(digest), { force: true });
      total -= info.size;
    }
  }
}

function checkQuota(bytes: Uint8Array, maxBytes: number): void {
  if (bytes.byteLength > maxBytes) {
    throw new OutriderError('OUT_EDGE_LIMIT', `a bundle of ${bytes.byteLength} bytes; the repository holds at most ${maxBytes}`);
  }
}
