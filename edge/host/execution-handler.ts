// The Execution Handler: runs module instances in the host's sandbox and knows the state of each.
import { OutriderError } from '../../shared/errors.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import type { Listener } from '../../shared/ports/data-plane.ts';
import type { Timer } from '../../shared/ports/clock.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import type { HostCommand, HostedInstance } from '../../shared/protocol/host.ts';
import { verifyToken } from '../tokens.ts';
import { EffectPublisher } from './effect-publisher.ts';
import type { HostPorts } from './host-ports.ts';
import { networkInstance } from './incremental/network-instance.ts';
import { WeightStore } from './incremental/weight-store.ts';
import { LeftBehind } from './left-behind.ts';
import { type InstanceStats, type LoadedModule, NO_STATS, type SandboxedInstance } from './sandbox/sandbox.ts';

/** What the manager says about an instance that is to run here. */
export type Placed = Pick<
  Extract<HostCommand, { kind: 'reserve' }>,
  'instance' | 'epoch' | 'module' | 'mission' | 'rover' | 'requestedBy' | 'tenant' | 'memoryMaxBytes' | 'key'
>;

interface Entry {
  readonly placed: Placed;
  /** Null: a network that a rover shares, no module. */
  readonly manifest: ModuleManifest | null;
  readonly effects: EffectPublisher;
  state: HostedInstance['state'];
  sandboxed: SandboxedInstance | null;
  /** The way in over the broker. */
  overBroker: Listener | null;
  timer: Timer | null;
  /** Since when no fixed end is connected [s]; null while one is. */
  lonelySinceSec: number | null;
  error: string | null;
}

export interface InstanceInfo extends HostedInstance {
  readonly stats: InstanceStats;
  readonly effects: { readonly published: number; readonly dropped: number };
  readonly error: string | null;
}

/** An embryo whose state does not come is given up. */
const EMBRYO_VALID_SEC = 30;
/** Ended instances are listed so long, so that the manager sees how they ended. */
const ENDED_LISTED_SEC = 10;

export class ExecutionHandler {
  readonly #ports: HostPorts;
  readonly #entries = new Map<string, Entry>();
  readonly #left: LeftBehind;
  readonly #changed: () => void;
  /** Of all rovers that share networks with this host. */
  readonly #weights = new WeightStore();
  #revoked: readonly string[] = [];

  constructor(ports: HostPorts, changed: () => void) {
    this.#ports = ports;
    this.#left = new LeftBehind(ports.clock);
    this.#changed = changed;
  }

  list(): InstanceInfo[] {
    return [...this.#entries.values()].map((entry) => this.#info(entry)).toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  }

  get(instance: string): InstanceInfo | null {
    const entry = this.#entries.get(instance);
    return entry === undefined ? null : this.#info(entry);
  }

  /** Memory promised to instances that run or are about to [bytes]. */
  promisedBytes(): number {
    let bytes = 0;
    for (const { placed, state } of this.#entries.values()) if (state !== 'retired' && state !== 'failed') bytes += placed.memoryMaxBytes;
    return bytes;
  }

  /** An instance without state, for a fixed end that will bring it. */
  async startEmbryo(placed: Placed, module: LoadedModule): Promise<readonly string[]> {
    const entry = await this.#start(placed, module, null);
    if (entry.state === 'preparing') entry.state = 'embryo';
    entry.timer = this.#ports.clock.after(EMBRYO_VALID_SEC, () => {
      if (entry.state === 'embryo') void this.#end(entry, 'retired', null);
    });
    this.#changed();
    return addressesOf(entry);
  }

  /** A rover's network, shared over this connection for as long as it lasts. Throws OUT_EDGE_NO_HOST, OUT_EDGE_FENCED. */
  serveNetwork(placed: Placed, transport: Transport): void {
    const { networks, grants, clock } = this.#ports;
    if (networks === undefined || !grants.includes('nn'))
      throw new OutriderError('OUT_EDGE_NO_HOST', 'this host computes no networks of rovers');
    // A rover whose connection broke comes back before this end has noticed.
    const before = this.#entries.get(placed.instance);
    if (before?.manifest === null && before.placed.epoch < placed.epoch) void before.sandboxed?.close();
    const entry = this.#enter(placed, null);
    const { holdBackSec } = networks;
    entry.state = 'running';
    entry.sandboxed = networkInstance(transport, {
      clock,
      open: networks.open,
      store: this.#weights,
      ...(holdBackSec === undefined ? {} : { holdBackSec: (share) => holdBackSec(`${placed.module.name}.detect`, share) }),
      onError: (error) => this.#ports.logger.warn({ instance: placed.instance, error: error.message }, 'a shared network was cut off'),
      onClosed: () => void this.#end(entry, 'retired', null),
    });
    this.#changed();
  }

  /** A shared instance from its last checkpoint, under a higher epoch that fences what may still run of it elsewhere. */
  async restart(placed: Placed): Promise<readonly string[]> {
    const { instance, epoch, module } = placed;
    const { clock, checkpoints, repository, sandbox } = this.#ports;
    const running = this.#entries.get(instance);
    if (running !== undefined && running.placed.epoch < epoch) await this.#end(running, 'retired', null);
    await clock.hold(checkpoints.fence(instance, epoch));
    const checkpoint = await clock.hold(checkpoints.latest(instance));
    if (checkpoint === null) throw new OutriderError('OUT_EDGE_STORE', `there is no checkpoint of ${instance}`);
    const bundle = await clock.hold(repository.get(module.digest));
    if (bundle === null)
      throw new OutriderError('OUT_MODULE_BUNDLE', `the bundle ${module.digest} of ${module.name} is not in the repository`);
    const loaded = await clock.hold(sandbox.load(module.digest, bundle));
    const entry = await this.#start(placed, loaded, checkpoint.bytes);
    if (entry.state === 'preparing') entry.state = 'running';
    this.#changed();
    return addressesOf(entry);
  }

  /** Ends an incarnation; with `store` its state is in the store afterwards, with `discard` nothing is. An unknown one is no error. */
  async stop(instance: string, epoch: number, checkpoint: 'store' | 'leave' | 'discard'): Promise<void> {
    const entry = this.#entries.get(instance);
    if (entry === undefined || entry.placed.epoch !== epoch) return;
    if (checkpoint === 'store' && entry.sandboxed !== null && entry.state === 'running') {
      const bytes = await entry.sandboxed.freeze();
      await this.#ports.clock.hold(this.#ports.checkpoints.put(instance, epoch, bytes));
    }
    const discard = checkpoint === 'discard' && entry.placed.rover === null && entry.state !== 'retired';
    await this.#end(entry, 'retired', null);
    // One that goes on elsewhere still tells its users so, for a while: they follow at once. One that failed stays listed with its error.
    if (checkpoint !== 'store' && entry.state !== 'failed') await this.#drop(entry);
    if (discard) await this.#ports.checkpoints.remove(instance).catch(() => undefined);
    this.#changed();
  }

  /** The newest stored checkpoint of a shared instance. Throws OUT_EDGE_UNKNOWN when there is none. */
  async checkpoint(instance: string): Promise<Uint8Array> {
    const stored = await this.#ports.checkpoints.latest(instance);
    if (stored === null) throw new OutriderError('OUT_EDGE_UNKNOWN', `there is no checkpoint of ${instance}`);
    return stored.bytes;
  }

  /** What an instance offers. Throws OUT_EDGE_UNKNOWN. */
  manifest(instance: string): ModuleManifest {
    const entry = this.#entries.get(instance);
    if (entry?.manifest == null) throw new OutriderError('OUT_EDGE_UNKNOWN', `there is no module instance ${instance} here`);
    return entry.manifest;
  }

  /** Which rover a token lets use the instance, or null. */
  tokenOwner(instance: string, token: string): string | null {
    const entry = this.#entries.get(instance);
    const rover = entry === undefined ? null : verifyToken(entry.placed.key, token);
    return rover === null || this.#revoked.includes(rover) ? null : rover;
  }

  isWelcome(rover: string): boolean {
    return !this.#revoked.includes(rover);
  }

  /** One call by the host's operator: in its turn, at most once. Throws what the call throws, OUT_EDGE_UNKNOWN, OUT_ELASTIC_RETIRED. */
  async invoke(instance: string, functionName: string, args: Uint8Array): Promise<Uint8Array> {
    const entry = this.#entries.get(instance);
    if (entry?.sandboxed == null) throw new OutriderError('OUT_EDGE_UNKNOWN', `there is no instance ${instance} here`);
    return entry.sandboxed.invoke(functionName, args);
  }

  /** The site knows a higher epoch: ours was replaced. */
  fence(instance: string, epoch: number): void {
    const entry = this.#entries.get(instance);
    if (entry !== undefined && entry.placed.epoch < epoch && isAlive(entry)) void this.#end(entry, 'retired', null);
  }

  /** The site has revoked these rovers: what is theirs alone ends, and shared instances turn them away. */
  revoke(rovers: readonly string[]): void {
    this.#revoked = rovers;
    for (const entry of this.#entries.values()) {
      if (!isAlive(entry)) continue;
      if (entry.placed.rover !== null && rovers.includes(entry.placed.rover))
        void this.#end(entry, 'failed', revokedError(entry.placed.rover));
      else entry.sandboxed?.revoke(rovers);
    }
  }

  /** Called about every second: ends per-rover instances whose rover has not come for `orphanSec`. */
  reap(orphanSec: number): void {
    const now = this.#ports.clock.nowSec();
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'running' || entry.placed.rover === null) continue;
      if ((entry.sandboxed?.stats.connected ?? 0) > 0) entry.lonelySinceSec = null;
      else entry.lonelySinceSec ??= now;
      if (entry.lonelySinceSec !== null && now - entry.lonelySinceSec > orphanSec) void this.#end(entry, 'retired', null);
    }
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) {
      entry.timer?.stop();
      entry.effects.end();
      await entry.overBroker?.close();
      await entry.sandboxed?.close();
    }
    this.#entries.clear();
  }

  /** A new entry; one that still runs is not replaced. */
  #enter(placed: Placed, manifest: ModuleManifest | null): Entry {
    const { instance, epoch, mission } = placed;
    const { site, bus, clock, logger, limits } = this.#ports;
    const before = this.#entries.get(instance);
    if (before !== undefined && isAlive(before))
      throw new OutriderError('OUT_EDGE_FENCED', `${instance} runs here already, epoch ${before.placed.epoch}`);
    before?.timer?.stop();
    const effects = new EffectPublisher({ site, mission, epoch, instance, bus, clock, logger, limits });
    const parts = { sandboxed: null, overBroker: null, timer: null, lonelySinceSec: null, error: null };
    const entry: Entry = { placed, manifest, effects, state: 'preparing', ...parts };
    this.#entries.set(instance, entry);
    return entry;
  }

  async #start(placed: Placed, module: LoadedModule, checkpoint: Uint8Array | null): Promise<Entry> {
    const { instance, epoch, key, mission, rover } = placed;
    const { clock, limits, grants, checkpoints, sandbox } = this.#ports;
    const entry = this.#enter(placed, module.manifest);
    const { effects } = entry;
    // Asking the broker for the way in takes as long as starting the instance.
    const listening = this.#ports.overBroker?.listen(`${instance}-${epoch}`.slice(-64), (transport) =>
      entry.sandboxed === null ? transport.close() : entry.sandboxed.accept(transport),
    );
    listening?.catch(() => undefined);
    try {
      entry.sandboxed = await sandbox.start(module, {
        instance,
        epoch,
        key,
        mission,
        rover,
        checkpoint,
        held: checkpoint === null ? this.#left.take(placed) : null,
        revoked: this.#revoked,
        limits,
        grants,
        storeCheckpoint: rover === null ? (bytes) => clock.hold(checkpoints.put(instance, epoch, bytes)) : null,
        onActivated: () => this.#activated(entry),
        onRetired: (_reason, left) => {
          if (left !== null) this.#left.add(placed, left);
          void this.#end(entry, 'retired', null);
        },
        onFailed: (error) => void this.#end(entry, 'failed', error),
        onEffect: (effect) => effects.take(effect),
      });
      entry.overBroker = (await listening) ?? null;
      return entry;
    } catch (error) {
      await entry.sandboxed?.close();
      await listening?.then(
        (listener) => listener.close(),
        () => undefined,
      );
      if (this.#entries.get(instance) === entry) this.#entries.delete(instance);
      throw error;
    }
  }

  #activated(entry: Entry): void {
    if (!isAlive(entry)) return;
    entry.state = 'running';
    entry.timer?.stop();
    this.#changed();
  }

  async #end(entry: Entry, state: 'retired' | 'failed', error: Error | null): Promise<void> {
    if (!isAlive(entry)) return;
    entry.state = state;
    entry.error = error?.message ?? null;
    entry.effects.end();
    entry.timer?.stop();
    const { instance, epoch } = entry.placed;
    if (error !== null) this.#ports.logger.warn({ instance, epoch, error: error.message }, 'instance ended');
    this.#changed();
    // A moved instance answers its fixed ends for a while that it has moved; a failed one has nothing more to say.
    if (state === 'failed') await entry.sandboxed?.close();
    entry.timer = this.#ports.clock.after(ENDED_LISTED_SEC, () => {
      void this.#drop(entry).then(this.#changed);
    });
  }

  async #drop(entry: Entry): Promise<void> {
    const { instance } = entry.placed;
    entry.timer?.stop();
    if (this.#entries.get(instance) === entry) this.#entries.delete(instance);
    await entry.overBroker?.close();
    await entry.sandboxed?.close();
  }

  #info(entry: Entry): InstanceInfo {
    const { placed, state, sandboxed, effects, error } = entry;
    const { instance, module, mission, rover, requestedBy, tenant, epoch, memoryMaxBytes } = placed;
    const stats = sandboxed?.stats ?? NO_STATS;
    return {
      instance,
      module,
      mission,
      rover,
      requestedBy,
      tenant,
      epoch,
      memoryMaxBytes,
      state,
      stats,
      error,
      addresses: [...addressesOf(entry)],
      calls: stats.calls,
      connected: stats.connected,
      effects: {
        published: effects.published,
        dropped: effects.dropped,
      },
    };
  }
}

/** Direct ways first. */
const addressesOf = ({ sandboxed, overBroker }: Entry): readonly string[] => [
  ...(sandboxed?.addresses ?? []),
  ...(overBroker === null ? [] : [overBroker.address]),
];

const isAlive = (entry: Entry): boolean => entry.state !== 'retired' && entry.state !== 'failed';

const revokedError = (rover: string): OutriderError => new OutriderError('OUT_SITE_REVOKED', `${rover} was revoked`);
