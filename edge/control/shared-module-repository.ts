// Bundles in the object store of a NATS cluster behind the ones on this machine's disk: a host of any machine can restart any module.
import { type ObjectStore } from '@nats-io/obj';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../../shared/ports/logger.ts';
import type { ModuleRepository } from './module-repository.ts';
import {
  connectNats,
  NATS_PATIENCE_SEC,
  type NatsStoreOptions,
  openBucket,
  patiently,
  readObject,
  REQUEST_TIMEOUT_MS,
} from './nats-checkpoint-store.ts';

export class SharedModuleRepository implements ModuleRepository {
  readonly #local: ModuleRepository;
  readonly #connection: NatsConnection;
  readonly #objects: ObjectStore;
  readonly #manager: JetStreamManager;
  readonly #logger: Logger;

  private constructor(
    local: ModuleRepository,
    connection: NatsConnection,
    objects: ObjectStore,
    manager: JetStreamManager,
    logger: Logger,
  ) {
    this.#local = local;
    this.#connection = connection;
    this.#objects = objects;
    this.#manager = manager;
    this.#logger = logger;
  }

  /** Rejects with OUT_EDGE_STORE. */
  static async open(local: ModuleRepository, options: NatsStoreOptions): Promise<SharedModuleRepository> {
    const connection = await connectNats(options.url, `bundles-${options.site}`);
    const objects = await openBucket(connection, `outrider-${options.site}-bundles`, options);
    const manager = await jetstreamManager(connection, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false });
    return new SharedModuleRepository(local, connection, objects, manager, options.logger);
  }

  async has(digest: string): Promise<boolean> {
    return (await this.#local.has(digest)) || (await this.#objects.info(digest).catch(() => null)) !== null;
  }

  /** What comes from the cluster is verified by who loads it: a bundle is addressed by its digest. */
  async get(digest: string): Promise<Uint8Array | null> {
    const held = await this.#local.get(digest);
    if (held !== null) return held;
    const bytes = await patiently(this.#connection, NATS_PATIENCE_SEC * 1000, digest, () => this.#read(digest)).catch((error: unknown) => {
      this.#logger.warn({ digest, error: (error as Error).message }, 'a bundle could not be read from the cluster');
      return null;
    });
    if (bytes !== null) await this.#local.put(digest, bytes);
    return bytes;
  }

  async #read(digest: string): Promise<Uint8Array | null> {
    const info = await this.#objects.info(digest);
    return info === null || info.deleted ? null : readObject(this.#manager, info);
  }

  async put(digest: string, bytes: Uint8Array): Promise<void> {
    await this.#local.put(digest, bytes);
    try {
      if ((await this.#objects.info(digest)) === null) await this.#objects.putBlob({ name: digest }, bytes);
    } catch (error) {
      // The module runs here all the same; hosts of other machines would have to be sent it again.
      this.#logger.warn({ digest, error: (error as Error).message }, 'a bundle could not be stored in the cluster');
    }
  }

  digests(): Promise<string[]> {
    return this.#local.digests();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
