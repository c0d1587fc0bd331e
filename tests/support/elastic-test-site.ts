// An edge site for tests of the elastic runtime: hosts in this process, crashes, cuts and a checkpoint store, on any clock.
import { OutriderError } from '../../shared/errors.ts';
import { InstanceShell } from '../../shared/elastic/instance-shell.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import type { PrepareOptions, PrepareResult, RemoteEndpoint, RemoteSite } from '../../shared/elastic/remote-site.ts';
import { createInProcessPair, type InProcessPair } from '../../shared/elastic/transports/in-process.ts';
import type { HeldState } from '../../shared/elastic/state-transfer.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Transport } from '../../shared/ports/transport.ts';

export interface TestSiteOptions {
  readonly clock: Clock;
  readonly manifest: ModuleManifest;
  readonly createInstance: () => ModuleInstance;
  readonly delaySec?: (frameBytes: number) => number;
  readonly checkpointEverySec?: number;
  readonly checkpointEveryCalls?: number;
  readonly holdBackSec?: (functionName: string) => number;
  /** How long preparing takes [s]. */
  readonly prepareSec?: number;
  /** Wraps the way between a fixed end and a shell; default: an in-process pair. */
  readonly connect?: (accept: (transport: Transport) => void) => Promise<Transport>;
}

interface Running {
  readonly instanceId: string;
  readonly hostId: string;
  readonly epoch: number;
  readonly shell: InstanceShell;
  readonly instance: ModuleInstance;
  readonly pairs: Set<InProcessPair>;
  alive: boolean;
}

/** One logical instance per site for shared modules; one per fixed end for per-rover ones. */
export class TestSite implements RemoteSite {
  readonly running: Running[] = [];
  readonly #options: TestSiteOptions;
  #count = 0;
  #hostTurn = 0;
  reachable = true;
  /** False: connections fail. */
  linkUp = true;
  refuse = false;
  /** True: what is not running is not brought back. */
  givesUp = false;
  stored: { readonly bytes: Uint8Array; readonly epoch: number } | null = null;
  storeFails = false;
  /** What modules left the hosts with. */
  readonly left = new Map<string, HeldState>();
  released: string[] = [];
  abandoned = 0;

  constructor(options: TestSiteOptions) {
    this.#options = options;
  }

  get sharedInstance(): Running | null {
    return this.running.findLast((candidate) => candidate.alive) ?? null;
  }

  async prepare(manifest: ModuleManifest, { epoch, preferHost, excludeHost }: PrepareOptions): Promise<PrepareResult> {
    const { clock, prepareSec = 0 } = this.#options;
    if (prepareSec > 0) await clock.sleep(prepareSec);
    if (this.refuse) return { kind: 'refused', reason: 'no room' };
    const report = { hostId: '', stepsMs: {}, bundleBytesSent: 0, warm: true };
    const existing = manifest.sharing === 'shared' ? this.sharedInstance : null;
    if (existing !== null) return { kind: 'redirect', endpoint: this.endpointOf(existing), report };
    let hostId = preferHost ?? '';
    if (hostId === '') {
      const hosts = ['host-a', 'host-b', 'host-c'].filter((host) => host !== excludeHost);
      hostId = hosts[this.#hostTurn % hosts.length] ?? 'host-a';
      this.#hostTurn += 1;
    }
    const running = this.start(hostId, epoch, null);
    return {
      kind: 'prepared',
      endpoint: this.endpointOf(running),
      abandon: async () => {
        this.abandoned += 1;
        await this.stop(running);
      },
      report: { ...report, hostId },
    };
  }

  locate(endpoint: RemoteEndpoint): Promise<RemoteEndpoint | 'unknown' | null> {
    const same = this.running.find(({ alive, instanceId }) => alive && instanceId === endpoint.instanceId);
    const found = this.#options.manifest.sharing === 'shared' ? this.sharedInstance : (same ?? null);
    if (found !== null) return Promise.resolve(this.endpointOf(found));
    return Promise.resolve(this.givesUp ? 'unknown' : null);
  }

  async release(endpoint: RemoteEndpoint): Promise<void> {
    this.released.push(endpoint.instanceId);
    if (this.#options.manifest.sharing === 'shared') {
      const running = this.running.find(({ instanceId }) => instanceId === endpoint.instanceId);
      if (running !== undefined && running.shell.stats.channels > 0) return;
    }
    const running = this.running.find(({ instanceId, epoch }) => instanceId === endpoint.instanceId && epoch === endpoint.epoch);
    if (running !== undefined) await this.stop(running);
  }

  /** Instantiates at a host: an embryo, or (with a checkpoint) a running instance. */
  start(hostId: string, epoch: number, checkpoint: Uint8Array | null): Running {
    const { manifest, clock, createInstance, checkpointEverySec, checkpointEveryCalls, holdBackSec } = this.#options;
    this.#count += 1;
    const instanceId = `instance-${this.#count}`;
    const instance = createInstance();
    const shell = new InstanceShell({
      manifest,
      instance,
      clock,
      instanceId,
      epoch,
      embryo: checkpoint === null,
      held: checkpoint === null ? this.#takeLeft(hostId) : null,
      onRetired: (_reason, left) => void (left !== null && this.left.set(hostId, left)),
      authorize: ({ token }) => token === 'secret',
      ...(manifest.sharing === 'shared' ? { storeCheckpoint: (bytes: Uint8Array) => this.#store(bytes, epoch) } : {}),
      ...(checkpointEverySec === undefined ? {} : { checkpointEverySec }),
      ...(checkpointEveryCalls === undefined ? {} : { checkpointEveryCalls }),
      ...(holdBackSec === undefined ? {} : { holdBackSec }),
      onFault: () => void this.stop(running),
    });
    if (checkpoint !== null) shell.restore(checkpoint);
    const running: Running = { instanceId, hostId, epoch, shell, instance, pairs: new Set(), alive: true };
    this.running.push(running);
    return running;
  }

  async stop(running: Running): Promise<void> {
    running.alive = false;
    await running.shell.close();
  }

  /** A host process dies: no word, no last frames. */
  crash(running: Running): void {
    running.alive = false;
    for (const pair of running.pairs) pair.cut();
    void running.shell.close();
  }

  cut(running: Running): void {
    for (const pair of running.pairs) pair.cut();
    running.pairs.clear();
  }

  endpointOf(running: Running): RemoteEndpoint {
    const { hostId, instanceId, epoch } = running;
    return {
      hostId,
      instanceId,
      epoch,
      token: 'secret',
      connect: () => {
        if (!running.alive || !this.linkUp) return Promise.reject(new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${instanceId} is gone`));
        if (this.#options.connect !== undefined) return this.#options.connect((transport) => running.shell.accept(transport));
        const { clock, delaySec } = this.#options;
        const pair = createInProcessPair({ clock, ...(delaySec === undefined ? {} : { delaySec }), description: instanceId });
        running.pairs.add(pair);
        running.shell.accept(pair.far);
        return Promise.resolve(pair.near);
      },
    };
  }

  #takeLeft(hostId: string): HeldState | null {
    const state = this.left.get(hostId) ?? null;
    this.left.delete(hostId);
    return state;
  }

  #store(bytes: Uint8Array, epoch: number): Promise<void> {
    if (this.storeFails) return Promise.reject(new Error('disk full'));
    if (this.stored !== null && this.stored.epoch > epoch) {
      return Promise.reject(new OutriderError('OUT_ELASTIC_RETIRED', `epoch ${epoch} is older than ${this.stored.epoch}`));
    }
    this.stored = { bytes, epoch };
    return Promise.resolve();
  }
}
