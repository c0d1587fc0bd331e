// A whole edge site on a virtual clock for tests: simulated network, real manager and hosts, a sandbox that runs no code.
import { createHash } from 'node:crypto';
import { MemoryCheckpointStore } from '../../edge/control/checkpoint-store.ts';
import type { ManagerOptions } from '../../edge/control/manager-options.ts';
import { type InstanceStart, type LoadedModule, NO_STATS, type Sandbox, type SandboxedInstance } from '../../edge/host/sandbox/sandbox.ts';
import { createEdgeSite, type EdgeSite } from '../../edge/site.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import type { PrepareResult } from '../../shared/elastic/remote-site.ts';
import { OutriderError } from '../../shared/errors.ts';
import type { DataPlane, Listener } from '../../shared/ports/data-plane.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { InProcessDataPlane } from '../../sim/network/in-process-data-plane.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

export const SITE = 'test';
export const MISSION = 'drill';

export function manifestOf(name: string, sharing: 'shared' | 'per-rover', extra: Partial<ModuleManifest> = {}): ModuleManifest {
  const file = { file: 'x', bytes: 1, sha256: '0'.repeat(64) };
  return {
    formatVersion: 1,
    name,
    version: '1.0.0',
    description: 'a module for tests',
    functions: [],
    hostInterfaces: [],
    state: null,
    sharing,
    memoryMaxBytes: 16 * 1024 * 1024,
    onboard: 'native',
    builds: { native: null, wasm: { ...file, engine: 'prebuilt' }, wit: file },
    ...extra,
  };
}

/** A bundle is its manifest and some padding, so that transfers have something to carry. */
export function bundleOf(manifest: ModuleManifest, padding = 600_000): { readonly digest: string; readonly bytes: Uint8Array } {
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(manifest)}\n`), Buffer.alloc(padding, 7)]);
  return { digest: createHash('sha256').update(bytes).digest('hex'), bytes };
}

export interface FakeInstance {
  readonly options: InstanceStart;
  closed: boolean;
}

/** Keeps what it was asked to start; a test plays the instance's part through the options' callbacks. */
export class FakeSandbox implements Sandbox {
  readonly started: FakeInstance[] = [];
  readonly #dataPlane: DataPlane;
  readonly #loaded = new Map<string, LoadedModule>();
  loads = 0;

  constructor(dataPlane: DataPlane) {
    this.#dataPlane = dataPlane;
  }

  cached(digest: string): LoadedModule | null {
    return this.#loaded.get(digest) ?? null;
  }

  async load(digest: string, bundle: Uint8Array): Promise<LoadedModule> {
    if (createHash('sha256').update(bundle).digest('hex') !== digest) throw new OutriderError('OUT_MODULE_TAMPERED', 'another digest');
    this.loads += 1;
    const text = Buffer.from(bundle).subarray(0, Buffer.from(bundle).indexOf('\n')).toString();
    const module = { digest, manifest: JSON.parse(text) as ModuleManifest };
    this.#loaded.set(digest, module);
    return module;
  }

  async start(_module: LoadedModule, options: InstanceStart): Promise<SandboxedInstance> {
    const listener: Listener = await this.#dataPlane.listen(options.instance, (transport) => {
      transport.onFrame = (frame) => void transport.send([frame]);
    });
    const instance: FakeInstance = { options, closed: false };
    this.started.push(instance);
    return {
      addresses: [listener.address],
      stats: { ...NO_STATS, connected: 1 },
      accept: (transport) => transport.close(),
      revoke: () => undefined,
      invoke: async () => new Uint8Array(0),
      freeze: async () => new TextEncoder().encode(`frozen ${options.instance} ${options.epoch}`),
      close: async () => {
        instance.closed = true;
        await listener.close();
      },
    };
  }

  async close(): Promise<void> {}
}

export interface TestSite {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly broker: InProcessBroker;
  readonly dataPlane: InProcessDataPlane;
  readonly checkpoints: MemoryCheckpointStore;
  readonly sandboxes: Map<string, FakeSandbox>;
  readonly site: EdgeSite;
  rover(
    id: string,
    bundles: readonly { digest: string; bytes: Uint8Array; manifest: ModuleManifest }[],
    credential?: string,
  ): Promise<OffloadHandler>;
  bus(clientId: string, node?: string): MessageBus;
  /** Runs the clock until `work` settles. */
  run<T>(work: Promise<T>): Promise<T>;
  pass(seconds: number): Promise<void>;
}

export async function testSite(
  options: {
    readonly hosts?: readonly string[];
    readonly memoryTotalBytes?: number;
    /** Busy share of a host; default 0.1. */
    readonly load?: (host: string) => number;
    readonly grants?: readonly string[];
    /** Fleets of a host; default any. */
    readonly tenants?: Readonly<Record<string, readonly string[]>>;
    readonly manager?: Partial<ManagerOptions>;
  } = {},
): Promise<TestSite> {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, new SeededRandom(1));
  const broker = new InProcessBroker(network);
  const dataPlane = new InProcessDataPlane(network);
  const checkpoints = new MemoryCheckpointStore();
  const sandboxes = new Map<string, FakeSandbox>();
  const hosts = (options.hosts ?? ['edge-1', 'edge-2']).map((host) => {
    const sandbox = new FakeSandbox(dataPlane.at(host));
    sandboxes.set(host, sandbox);
    const memoryTotalBytes = options.memoryTotalBytes ?? 1024 ** 3;
    const resources = { cores: 4, memoryTotalBytes, instancesMax: 32, accelerator: null, loadFraction: () => options.load?.(host) ?? 0.1 };
    const tenants = options.tenants?.[host];
    const own = tenants === undefined ? {} : { tenants };
    return { host, dataPlane: dataPlane.at(host), sandbox, resources, grants: options.grants ?? ['vision', 'map-view'], ...own };
  });
  let sessions = 0;
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntilSettled(work);
  const site = await run(
    createEdgeSite({
      site: SITE,
      clock,
      connectBus: async (clientId, { node, will }) => broker.connect(clientId, will === undefined ? { node } : { node, will }),
      hosts,
      siteKey: Buffer.alloc(32, 1),
      session: 's1',
      checkpoints,
      ...(options.manager === undefined ? {} : { manager: options.manager }),
    }),
  );
  return {
    ...{ clock, network, broker, dataPlane, checkpoints, sandboxes, site, run },
    bus: (clientId, node = clientId) => broker.connect(clientId, { node }),
    rover: async (id, bundles, credential) => {
      const handler = new OffloadHandler({
        ...{ site: SITE, mission: MISSION, rover: id, session: `t${++sessions}`, clock },
        bus: broker.connect(`rover-${id}`, { node: id }),
        dataPlane: dataPlane.at(id),
        bundles: {
          get: (manifest) => {
            const found = bundles.find((bundle) => bundle.manifest.name === manifest.name);
            if (found === undefined) throw new OutriderError('OUT_MODULE_BUNDLE', `${manifest.name} is not carried`);
            return { digest: found.digest, bytes: found.bytes.byteLength, encoded: () => found.bytes };
          },
        },
        ...(credential === undefined ? {} : { credential }),
      });
      await run(handler.start());
      return handler;
    },
    pass: (seconds) => run(clock.sleep(seconds)),
  };
}

export const detection = manifestOf('object-detection', 'per-rover');
export const mapServer = manifestOf('map-server', 'shared');
/** The bundles of both, as a rover carries them. */
export const carried = [detection, mapServer].map((manifest) => ({ manifest, ...bundleOf(manifest) }));

/** The place that was prepared; throws for a refusal or a redirect. */
export function prepared(result: PrepareResult): Extract<PrepareResult, { kind: 'prepared' }> {
  if (result.kind !== 'prepared') throw new Error(`expected a place, got ${JSON.stringify(result)}`);
  return result;
}

/** Plays the fixed end bringing the state: the embryo begins to run. */
export async function activate(site: TestSite, hostId: string): Promise<void> {
  site.sandboxes.get(hostId)?.started.at(-1)?.options.onActivated();
  await site.pass(0.1);
}
