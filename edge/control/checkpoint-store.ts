// Where checkpoints of shared instances live, behind one small interface; the in-memory one serves headless runs and tests.
import { OutriderError } from '../../shared/errors.ts';

export interface StoredCheckpoint {
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

/**
 * Checkpoints by instance. `put` resolves only when the bytes will survive a crash; an instance tells its users that their
 * calls are durable only then. After `fence(instance, epoch)` no put of a lower epoch succeeds any more, and `latest` sees every
 * put that ever succeeded: so a replaced instance that still runs can lose nothing that it had acknowledged.
 */
export interface CheckpointStore {
  /** Rejects with OUT_EDGE_FENCED for a lower epoch than the fence, OUT_EDGE_STORE when it cannot be written. */
  put(instance: string, epoch: number, bytes: Uint8Array): Promise<void>;
  /** The newest checkpoint of the highest epoch, or null. */
  latest(instance: string): Promise<StoredCheckpoint | null>;
  fence(instance: string, epoch: number): Promise<void>;
  remove(instance: string): Promise<void>;
  list(): Promise<string[]>;
}

export function fencedError(instance: string, epoch: number, fence: number): OutriderError {
  return new OutriderError('OUT_EDGE_FENCED', `checkpoint of ${instance} under epoch ${epoch}: the site is at epoch ${fence}`);
}

/** Keeps checkpoints in memory, shared by all hosts of one process. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly #entries = new Map<string, { fence: number; latest: StoredCheckpoint | null }>();

  async put(instance: string, epoch: number, bytes: Uint8Array): Promise<void> {
    const entry = this.#entry(instance);
    if (epoch < entry.fence) throw fencedError(instance, epoch, entry.fence);
    entry.fence = epoch;
    entry.latest = { epoch, bytes: new Uint8Array(bytes) };
  }

  async latest(instance: string): Promise<StoredCheckpoint | null> {
    return this.#entries.get(instance)?.latest ?? null;
  }

  async fence(instance: string, epoch: number): Promise<void> {
    const entry = this.#entry(instance);
    if (epoch < entry.fence) throw fencedError(instance, epoch, entry.fence);
    entry.fence = epoch;
  }

  async remove(instance: string): Promise<void> {
    this.#entries.delete(instance);
  }

  async list(): Promise<string[]> {
    return [...this.#entries.keys()].toSorted();
  }

  #entry(instance: string): { fence: number; latest: StoredCheckpoint | null } {
    let entry = this.#entries.get(instance);
    if (entry === undefined) {
      entry = { fence: 0, latest: null };
      this.#entries.set(instance, entry);
    }
    return entry;
  }
}
