// The fixed end of an elastic module: one handle for its callers, wherever the instance runs and while it moves.
import { OutriderError } from '../errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Tracer } from '../ports/tracer.ts';
import type { CallOptions } from './call-options.ts';
import type { LocalRunner } from './local-runner.ts';
import { ModuleCore } from './module-core.ts';
import type { ModuleEvents, ModuleStats, MoveReport, Placement } from './module-events.ts';
import { createHandle } from './module-handle.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { offload, recall } from './moves.ts';
import { onLost, upgrade } from './recovery.ts';
import type { MoveAdvice, RemoteSite } from './remote-site.ts';

export interface ElasticModuleOptions {
  readonly manifest: ModuleManifest;
  /** `[A-Za-z0-9_-]{1,64}`, unique among the fixed ends of an instance and stable over reconnects: `<rover>-<module>`. */
  readonly channelId: string;
  readonly clock: Clock;
  /** Null: this module stays on board. */
  readonly site: RemoteSite | null;
  /**
   * Makes an on-board instance; called at the start and kept warm while the module is at the edge. Real work in it (compilation)
   * is to be marked with `clock.hold` by whoever implements it.
   */
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
  /** Each offload begins a trace; default: nothing is traced. */
  readonly tracer?: Tracer;
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
  readonly handle: H;
  readonly name: string;
  readonly #core: ModuleCore;
  readonly #indexes: ReadonlyMap<string, number>;
  #upgrades: Timer | null = null;
  #stopAdvice: (() => void) | null = null;
  #started = false;

  constructor(options: ElasticModuleOptions) {
    const { manifest } = options;
    this.name = manifest.name;
    this.#core = new ModuleCore(options);
    this.#core.onLost = (edge, error) => onLost(this.#core, edge, error);
    this.#indexes = new Map(manifest.functions.map(({ name }, index) => [name, index]));
    this.handle = createHandle<H>(manifest, (index, args, callOptions) => this.#core.engine.call(index, args, callOptions));
  }

  get placement(): Placement {
    return this.#core.placement;
  }

  get stats(): ModuleStats {
    const { engine, moves } = this.#core;
    const { onboard, edge, failed, stale, lost, onboardMs, edgeMs, bytesIn, bytesOut } = engine.stats;
    return {
      calls: { onboard, edge, failed, stale, lost, pending: engine.pending },
      latencyMs: { onboard: onboardMs.summary(), edge: edgeMs.summary() },
      bytes: { out: bytesOut, in: bytesIn },
      moves,
      outbox: engine.outbox,
    };
  }

  /** Instantiates the module on board. Calls made before wait for it. */
  async start(): Promise<void> {
    const core = this.#core;
    if (this.#started || core.closed) throw new OutriderError('OUT_ELASTIC_CLOSED', `${this.name} was started or closed before`);
    this.#started = true;
    await core.inTurn(async () => {
      const local = await core.ensureLocal();
      if (core.closed) return;
      core.place('onboard');
      core.engine.runLocally(local, 0);
    });
    this.#stopAdvice = core.options.site?.onAdvice?.((advice) => this.#follow(advice)) ?? null;
    this.#upgrades = core.options.clock.every(core.options.upgradeEverySec ?? 5, () => {
      if (core.edge?.endpoint.connectBetter !== undefined) void core.inTurn(() => upgrade(core));
    });
  }

  /** Calls by name; what the handle's functions do. */
  call(functionName: string, args: readonly unknown[], options?: CallOptions): Promise<unknown> {
    const index = this.#indexes.get(functionName);
    if (index === undefined) throw new OutriderError('OUT_MODULE_VALUE', `${this.name} has no elastic function ${functionName}`);
    return this.#core.engine.call(index, args, options);
  }

  /** Moves to the edge, or (with `preferHost` or `excludeHost`) to another host. The report tells what came of it; the module runs on in any case. */
  offload(options: MoveOptions = {}): Promise<MoveReport> {
    return this.#move(() => offload(this.#core, options));
  }

  /** Comes back on board. */
  recall(options: MoveOptions = {}): Promise<MoveReport> {
    return this.#move(() => recall(this.#core, options));
  }

  /** Moves from the present host to another one. */
  handoff(options: MoveOptions = {}): Promise<MoveReport> {
    return this.#move(() => {
      const current = this.#core.edge?.endpoint.hostId;
      return offload(this.#core, current === undefined ? options : { excludeHost: current, ...options });
    });
  }

  /** Listens; returns the way to stop. */
  on<E extends keyof ModuleEvents>(event: E, listener: (value: ModuleEvents[E]) => void): () => void {
    return this.#core.on(event, listener);
  }

  /** Rejects what is pending with OUT_ELASTIC_CLOSED and releases the instance. */
  async close(): Promise<void> {
    const core = this.#core;
    if (core.closed) return;
    core.closed = true;
    core.closing.abort();
    this.#upgrades?.stop();
    this.#stopAdvice?.();
    core.engine.close(new OutriderError('OUT_ELASTIC_CLOSED', `${this.name} was closed`));
    await core.inTurn(async () => {
      const { edge } = core;
      core.edge = null;
      await core.departure;
      if (edge !== null) {
        await edge.session.bye();
        await core.options.site?.release(edge.endpoint).catch(() => undefined);
      }
      await core.closeLocal();
    });
  }

  #follow({ instanceId, epoch, leaveHost, preferHost, reason }: MoveAdvice): void {
    const { edge } = this.#core;
    const mine = edge?.endpoint.instanceId === instanceId && edge.endpoint.epoch === epoch && edge.endpoint.hostId === leaveHost;
    if (!mine || this.placement.kind !== 'edge' || this.#core.closed) return;
    // A move that does not happen leaves the module where it is; the site advises again.
    void this.offload({ reason, excludeHost: leaveHost, ...(preferHost === null ? {} : { preferHost }) }).catch(() => undefined);
  }

  #move(work: () => Promise<MoveReport>): Promise<MoveReport> {
    const core = this.#core;
    const closed = (): OutriderError => new OutriderError('OUT_ELASTIC_CLOSED', `${this.name} is closed or was not started`);
    if (core.closed || !this.#started) return Promise.reject(closed());
    return core.inTurn(() => (core.closed ? Promise.reject(closed()) : work()));
  }
}
