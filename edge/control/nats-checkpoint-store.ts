// Checkpoints in the object store of a NATS JetStream cluster: any host of any machine can take over, and any node may die.
// One object an instance; every write names the revision that it follows (compare and swap), so that a fence admits no late one.
import { createHash } from 'node:crypto';
import { jetstream, JetStreamApiError, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { type ObjectInfo, type ObjectStore, Objm } from '@nats-io/obj';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { OutriderError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { type CheckpointStore, fencedError, type StoredCheckpoint } from './checkpoint-store.ts';

export interface NatsStoreOptions {
  /** `nats://host:4222`, several separated by commas; user and password as in `nats://user:password@host`. */
  readonly url: string;
  readonly site: string;
  readonly logger: Logger;
  /** Copies of each checkpoint; default 3 on a cluster, 1 on a single server. */
  readonly replicas?: number;
  /** How long a write or read may take, elections of the cluster included [s]; default 20. */
  readonly patienceSec?: number;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Default of {@link NatsStoreOptions.patienceSec}. */
export const NATS_PATIENCE_SEC = 20;
const RETRY_MS = 150;
/** One request; a node that died does not answer, and the next request goes to its successor. */
export const REQUEST_TIMEOUT_MS = 1500;
/** JetStream: the last sequence of the subject is another one. */
const WRONG_LAST_SEQUENCE = 10_071;
/** JetStream: more than one replica asked of a server that is not in a cluster. */
const REPLICAS_NOT_SUPPORTED = 10_074;

/** What is kept beside the bytes. `fence`: puts of a lower epoch are refused. `empty`: there is a fence and no checkpoint yet. */
interface Mark {
  readonly epoch: number;
  readonly fence: number;
  readonly empty: boolean;
}

export class NatsCheckpointStore implements CheckpointStore {
  readonly #connection: NatsConnection;
  readonly #objects: ObjectStore;
  readonly #manager: JetStreamManager;
  readonly #patienceMs: number;

  private constructor(connection: NatsConnection, objects: ObjectStore, manager: JetStreamManager, options: NatsStoreOptions) {
    this.#connection = connection;
    this.#objects = objects;
    this.#manager = manager;
    this.#patienceMs = (options.patienceSec ?? NATS_PATIENCE_SEC) * 1000;
  }

  /** Connects and makes the bucket if need be. Rejects with OUT_EDGE_STORE. */
  static async open(options: NatsStoreOptions): Promise<NatsCheckpointStore> {
    const connection = await connectNats(options.url, `checkpoints-${options.site}`);
    try {
      const objects = await openBucket(connection, `outrider-${options.site}-checkpoints`, options);
      const manager = await jetstreamManager(connection, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false });
      return new NatsCheckpointStore(connection, objects, manager, options);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async put(instance: string, epoch: number, bytes: Uint8Array): Promise<void> {
    await this.#change(instance, async (mark, revision) => {
      if (epoch < mark.fence) throw fencedError(instance, epoch, mark.fence);
      await this.#write(instance, { epoch, fence: epoch, empty: false }, bytes, revision);
    });
  }

  async latest(instance: string): Promise<StoredCheckpoint | null> {
    const found = await this.#patiently(instance, () => this.#read(instance));
    return found === null || found.mark.empty ? null : { epoch: found.mark.epoch, bytes: found.bytes };
  }

  async fence(instance: string, epoch: number): Promise<void> {
    await this.#change(instance, async (mark, revision) => {
      if (epoch < mark.fence) throw fencedError(instance, epoch, mark.fence);
      if (epoch === mark.fence && revision !== 0) return;
      const found = revision === 0 ? null : await this.#read(instance);
      // Somebody wrote in between: looked at again.
      if (found !== null && found.revision !== revision) throw new Superseded();
      await this.#write(instance, { ...mark, fence: epoch }, found?.bytes ?? new Uint8Array(0), revision);
    });
  }

  async remove(instance: string): Promise<void> {
    checkId(instance);
    await this.#patiently(instance, async () => {
      if ((await this.#info(instance)) !== null) await this.#objects.delete(instance);
    });
  }

  async list(): Promise<string[]> {
    const objects = await this.#patiently('the list', () => this.#objects.list());
    return objects
      .filter(({ deleted }) => !deleted)
      .map(({ name }) => name)
      .toSorted();
  }

  /** Name of the server that leads the replicas; null on a single server. */
  async leader(): Promise<string | null> {
    const { streamInfo } = await this.#patiently('the status', () => this.#objects.status());
    return streamInfo.cluster?.leader ?? null;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Reads what there is, decides, and does so again when somebody else wrote in between. */
  async #change(instance: string, decide: (mark: Mark, revision: number) => Promise<void>): Promise<void> {
    checkId(instance);
    await this.#patiently(instance, async () => {
      for (;;) {
        const info = await this.#objects.info(instance);
        try {
          await decide(markOf(info), info?.revision ?? 0);
          return;
        } catch (error) {
          if (!(error instanceof Superseded)) throw error;
        }
      }
    });
  }

  async #write(instance: string, mark: Mark, bytes: Uint8Array, revision: number): Promise<void> {
    const metadata = { epoch: `${mark.epoch}`, fence: `${mark.fence}`, empty: `${mark.empty}` };
    try {
      await this.#objects.putBlob({ name: instance, metadata }, bytes, { previousRevision: revision });
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) throw new Superseded();
      throw error;
    }
  }

  async #info(instance: string): Promise<ObjectInfo | null> {
    const info = await this.#objects.info(instance);
    return info === null || info.deleted ? null : info;
  }

  async #read(instance: string): Promise<{ readonly mark: Mark; readonly revision: number; readonly bytes: Uint8Array } | null> {
    checkId(instance);
    const info = await this.#info(instance);
    if (info === null) return null;
    return { mark: markOf(info), revision: info.revision, bytes: await readObject(this.#manager, info) };
  }

  #patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    return patiently(this.#connection, this.#patienceMs, what, work);
  }
}

class Superseded extends Error {}

function markOf(info: ObjectInfo | null): Mark {
  if (info === null || info.deleted) return { epoch: 0, fence: 0, empty: true };
  const { epoch = '0', fence = '0', empty = 'true' } = info.metadata ?? {};
  return { epoch: Number(epoch), fence: Number(fence), empty: empty === 'true' };
}

function checkId(instance: string): void {
  if (!ID.test(instance)) throw new OutriderError('OUT_PROTOCOL_TOPIC', `${JSON.stringify(instance)} is not an id`);
}

/** Connects for good: an outage is waited out. Rejects with OUT_EDGE_STORE when nobody answers the first time. */
export async function connectNats(url: string, name: string): Promise<NatsConnection> {
  const servers = url.split(',').map((server) => server.trim());
  const first = new URL(servers[0] ?? '');
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  try {
    return await connect({
      servers: servers.map((server) => new URL(server).host),
      name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      ...(user === '' ? {} : { user, pass }),
    });
  } catch (cause) {
    throw new OutriderError('OUT_EDGE_STORE', `${servers.map((server) => new URL(server).host).join(', ')}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** An object chunk by chunk from any replica, not by a consumer: a consumer may be placed on a node that is dead. Rejects when it is not whole. */
export async function readObject(manager: JetStreamManager, info: ObjectInfo): Promise<Uint8Array> {
  const stream = `OBJ_${info.bucket}`;
  const subject = `$O.${info.bucket}.C.${info.nuid}`;
  const digest = createHash('sha256');
  const parts: Uint8Array[] = [];
  let sequence = 1;
  for (let chunk = 0; chunk < info.chunks; chunk += 1) {
    const message = await manager.direct.getMessage(stream, { seq: sequence, next_by_subj: subject });
    if (message === null) break;
    sequence = message.seq + 1;
    digest.update(message.data);
    parts.push(message.data);
  }
  const given = `SHA-256=${digest.digest('base64url')}`;
  // Replaced while it was read (its chunks are purged), or a replica that is behind: to be read anew.
  if (parts.length < info.chunks || given !== info.digest.replace(/=+$/, '')) throw new Error(`${info.name} was not whole`);
  return new Uint8Array(Buffer.concat(parts));
}

/** While a cluster elects a leader it refuses or is silent: asked again until `patienceMs` end. Rejects with OUT_EDGE_STORE. */
export async function patiently<T>(connection: NatsConnection, patienceMs: number, what: string, work: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof OutriderError) throw error;
      if (connection.isClosed() || performance.now() >= untilMs) {
        throw new OutriderError('OUT_EDGE_STORE', `${what}: NATS says ${(error as Error).name} ${(error as Error).message}`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

export async function openBucket(connection: NatsConnection, bucket: string, options: NatsStoreOptions): Promise<ObjectStore> {
  const { replicas, logger, patienceSec = NATS_PATIENCE_SEC } = options;
  const objm = new Objm(jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }));
  const untilMs = performance.now() + patienceSec * 1000;
  let copies = replicas ?? 3;
  for (;;) {
    try {
      return await objm.create(bucket, { replicas: copies });
    } catch (cause) {
      if (cause instanceof JetStreamApiError && cause.code === REPLICAS_NOT_SUPPORTED && replicas === undefined && copies > 1) {
        logger.warn({ bucket }, 'the NATS server is not in a cluster: one copy of each checkpoint');
        copies = 1;
        continue;
      }
      if (performance.now() >= untilMs)
        throw new OutriderError('OUT_EDGE_STORE', `bucket ${bucket}: ${(cause as Error).message}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
