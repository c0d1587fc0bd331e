// The fixed end of an elastic module: one handle for its callers, wherever the instance runs and while it moves.
import { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { LocalRunner } from './local-runner.ts';
import type { ModuleEvents, ModuleStats, MoveReport, Placement } from './module-events.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import type { RemoteSite } from './remote-site.ts';

export interface ElasticModuleOptions {
  readonly manifest: ModuleManifest;
  /** `[A-Za-z0-9_-]{1,64}`, unique among the fixed ends of an instance and stable over reconnects: `<rover>-<module>`. */
  readonly channelId: string;
  readonly clock: Clock;
  /** Null: this module stays on board. */
  readonly site: RemoteSite | null;
  /** Makes an on-board instance; called at the start and kept warm while the module is at the edge. */
  readonly createLocal: () => Promise<ModuleInstance | LocalRunner>;
  /** Extra time [s] to hold an on-board result back: the device model of a simulated rover. */
  readonly holdBackSec?: (functionName: string) => number;
  /** Functions whose calls are `latest`: a newer call replaces a waiting one (which rejects with OUT_ELASTIC_STALE), and none is made again. */
  readonly latest?: readonly string[];
  /** Deadline of calls that bring none [ms]. Default: none. */
  readonly defaultDeadlineMs?: number;
  /** How long to try the same endpoint after a lost connection, before it is located anew or the module comes back on board [s]. Default 2. */
  readonly reconnectSec?: number;
  /** Heartbeat while at the edge [s], and how long silence means a lost connection [s]. Defaults 1 and 4. */
  readonly heartbeatSec?: number;
  readonly lostAfterSec?: number;
  /** Bounds on what waits for the edge or may have to be made again. */
  readonly outboxMaxCalls?: number;
  readonly outboxMaxBytes?: number;
  /** How often to look for a better transport while on a worse one [s]. Default 5. */
  readonly upgradeEverySec?: number;
}

export interface MoveOptions {
  readonly reason?: string;
  readonly preferHost?: string;
  readonly excludeHost?: string;
  readonly signal?: AbortSignal;
}

/** `H` is the module's generated handle interface. */
export class ElasticModule<H> {
  /** `await module.handle.detect(frame)`: the same line wherever the module runs. */
  readonly handle: H = {} as H;
  readonly name: string;

  constructor(options: ElasticModuleOptions) {
    this.name = options.manifest.name;
  }

  get placement(): Placement {
    return { kind: 'onboard', hostId: null, epoch: 0 };
  }

  get stats(): ModuleStats {
    return {
      calls: { onboard: 0, edge: 0, failed: 0, stale: 0, lost: 0, pending: 0 },
      latencyMs: { onboard: null, edge: null },
      bytes: { out: 0, in: 0 },
      moves: 0,
      outbox: { calls: 0, bytes: 0 },
    };
  }

  /** Instantiates the module on board. */
  start(): Promise<void> {
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Calls by name; what the handle's functions do. */
  call(functionName: string, args: readonly unknown[]): Promise<unknown> {
    void functionName;
    void args;
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Moves to the edge (from another host: a handoff). Failures are told in the report's outcome; the module runs on where it was. */
  offload(options?: MoveOptions): Promise<MoveReport> {
    void options;
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Comes back on board. */
  recall(options?: MoveOptions): Promise<MoveReport> {
    void options;
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Moves from the present host to another one. */
  handoff(options?: MoveOptions): Promise<MoveReport> {
    void options;
    return Promise.reject(new OutriderError('OUT_INTERNAL', 'not there yet'));
  }

  /** Listens; returns the way to stop. */
  on<E extends keyof ModuleEvents>(event: E, listener: (value: ModuleEvents[E]) => void): () => void {
    void event;
    void listener;
    return () => {};
  }

  /** Rejects what is pending with OUT_ELASTIC_CLOSED and releases the instance. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
