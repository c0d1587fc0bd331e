// A light rover of the chaos fleet: no body, but the real Offload Handler, the real Map Server and object detection, real sockets.
// It keeps a ledger of what was acknowledged and checks that the Map Server still has it.
import { randomBytes } from 'node:crypto';
import { grantHostFunctions } from '../../edge/host/host-functions/host-function-source.ts';
import { hostFunctionRegistry } from '../../edge/host/host-functions/registry.ts';
import { carriedBundles } from '../../robot/offload/carried-bundles.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { EDGE_FIRST, PlacementPolicy } from '../../robot/offload/placement-policy.ts';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../../shared/elastic/instantiate.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { MapServerHandle, TilePatch } from '../../shared/modules/map-server/handle.ts';
import type { ObjectDetectorHandle } from '../../shared/modules/object-detection/handle.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { benchFrame } from '../support/edge-bench-site.ts';
import { FaultyDataPlane, FaultyLink } from './faulty-link.ts';

export interface ChaosRoverOptions {
  readonly index: number;
  readonly site: string;
  readonly mission: string;
  readonly brokerPort: number;
  readonly mapServer: ModuleBundle;
  readonly detector: ModuleBundle;
  /** Map updates and detections per second, each. */
  readonly rateHz: number;
}

/** Tiles that a rover writes in turn: an update is checked before its tile comes round again. */
const TILES = 64;
const TILE_M = 3.2;
/** Places of the rovers' maps in the common frame: far enough apart that no two meet. */
const LANE_M = 4 * TILE_M;

export class ChaosRover {
  readonly id: string;
  readonly link = new FaultyLink();
  readonly #options: ChaosRoverOptions;
  readonly #clock: Clock = new SystemClock();
  readonly #pending = new Map<number, number>();
  /** Newest acknowledged revision of each tile. */
  readonly #ledger = new Map<number, TilePatch>();
  readonly #failures: string[] = [];
  #modules!: { readonly map: ElasticModule<MapServerHandle>; readonly detector: ElasticModule<ObjectDetectorHandle> };
  #bus!: MessageBus;
  #handler!: OffloadHandler;
  #timers: { stop(): void }[] = [];
  #count = 0;
  #calls = 0;
  #expected = '';
  readonly answered = { updates: 0, detections: 0, reports: 0, checks: 0 };
  /** Slowest answer [s], of all calls. */
  slowestSec = 0;

  constructor(options: ChaosRoverOptions) {
    this.#options = options;
    this.id = `rover-${options.index}`;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Where this rover's own object is, common frame [m]. */
  get place(): { readonly x: number; readonly y: number } {
    return { x: 1.6, y: this.#options.index * LANE_M + 1.6 };
  }

  async start(): Promise<void> {
    const { site, mission, brokerPort, mapServer, detector } = this.#options;
    const clock = this.#clock;
    const port = await this.link.relayTo('127.0.0.1', brokerPort);
    this.#bus = await connectMqttBus({ url: `mqtt://127.0.0.1:${port}`, clientId: memberClientId('rover', this.id), reconnectSec: 0.25 });
    this.#handler = new OffloadHandler({
      ...{ site, mission, rover: this.id, clock, bus: this.#bus, session: randomBytes(4).toString('hex') },
      dataPlane: new FaultyDataPlane(new TcpDataPlane(), this.link),
      bundles: carriedBundles([mapServer, detector]),
    });
    await this.#handler.start();
    this.#modules = { map: await this.#module<MapServerHandle>(mapServer), detector: await this.#module<ObjectDetectorHandle>(detector) };
    for (const module of Object.values(this.#modules)) {
      const policy = new PlacementPolicy(module, { ...EDGE_FIRST, retrySec: 0.5, maxRetrySec: 2 });
      const step = async (): Promise<void> => {
        const inputs = { nowSec: clock.nowSec(), raised: [], changes: [], siteReachable: this.#handler.reachable, cost: null };
        await policy.step(inputs).catch((error: Error) => this.#failures.push(`move: ${error.message}`));
      };
      this.#timers.push(clock.every(0.2, step));
    }
  }

  /** Joins the map, learns what the detector is to answer, and begins to work. */
  async work(): Promise<void> {
    const { index, rateHz } = this.#options;
    const { map, detector } = this.#modules;
    await map.handle.join(this.id, 0, index * LANE_M, 0);
    // All rovers share this machine's processor while their detectors are on board: a small frame.
    const frame = benchFrame(80, 90);
    this.#expected = JSON.stringify(await detector.handle.detect(frame));
    this.#timers.push(
      this.#clock.every(1 / rateHz, () => {
        void this.#update();
        void this.#detect(frame);
      }),
    );
  }

  /** Why the rover is not whole now, or null: connected, both modules at the edge, nothing unanswered that was asked before `beforeMs`. */
  ailment(beforeMs: number): string | null {
    if (!this.#bus.connected) return 'not connected to the broker';
    for (const module of Object.values(this.#modules)) {
      if (module.placement.kind !== 'edge') return `${module.name} is ${module.placement.kind}`;
    }
    const late = [...this.#pending.values()].filter((sentMs) => sentMs < beforeMs).length;
    return late === 0 ? null : `${late} calls are not answered`;
  }

  /** Offers everything that was acknowledged once more: what the Map Server has is not newer, so it must take none of it. */
  async check(): Promise<void> {
    const patches = [...this.#ledger.values()];
    if (patches.length === 0) return;
    const receipt = await this.#call('check', () => this.#modules.map.handle.update(this.id, this.#clock.nowSec(), patches));
    this.answered.checks += patches.length;
    if (receipt !== null && receipt.taken > 0) this.#failures.push(`${receipt.taken} acknowledged map updates were lost`);
  }

  pause(): void {
    for (const timer of this.#timers.splice(2)) timer.stop();
  }

  get unanswered(): number {
    return this.#pending.size;
  }

  async flush(): Promise<void> {
    await this.#call('flush', () => this.#modules.map.handle.flush(this.#clock.nowSec()));
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) timer.stop();
    for (const module of Object.values(this.#modules)) await module.close();
    await this.#handler.close();
    await this.#bus.close();
    await this.link.close();
  }

  async #update(): Promise<void> {
    const number = ++this.#count;
    const tileX = number % TILES;
    // Different with each number, so that an older one is not taken for it.
    const cells = Int8Array.from({ length: 4096 }, (_, cell) => ((cell * 7 + number * 13) % 100) - 50);
    const patch = { tileX, tileY: 0, revision: number, cells };
    const receipt = await this.#call('update', () => this.#modules.map.handle.update(this.id, this.#clock.nowSec(), [patch]));
    if (receipt === null) return;
    this.answered.updates += 1;
    const known = this.#ledger.get(tileX);
    if (known === undefined || known.revision < number) this.#ledger.set(tileX, patch);
  }

  async #detect(frame: ReturnType<typeof benchFrame>): Promise<void> {
    const detections = await this.#call('detect', () => this.#modules.detector.handle.detect(frame));
    if (detections === null) return;
    this.answered.detections += 1;
    if (JSON.stringify(detections) !== this.#expected) this.#failures.push(`a detection differs: ${JSON.stringify(detections)}`);
    const stampSec = this.#clock.nowSec();
    const { x } = this.place;
    const sighting = { className: 'barrel', score: 0.8, x, y: 1.6, covXX: 0.02, covXY: 0, covYY: 0.02, stampSec, rangeM: 1.5 };
    const look = { stampSec, x: x - 1.5, y: 1.6, theta: 0, halfFovRad: 0.5, maxRangeM: 3, sightings: [sighting] };
    const receipt = await this.#call('report', () => this.#modules.map.handle.report(this.id, stampSec, [look]));
    if (receipt !== null) this.answered.reports += 1;
  }

  async #call<T>(what: string, call: () => Promise<T>): Promise<T | null> {
    const number = ++this.#calls;
    const sentMs = performance.now();
    this.#pending.set(number, sentMs);
    try {
      return await call();
    } catch (error) {
      this.#failures.push(`${what}: ${(error as Error).message}`);
      return null;
    } finally {
      this.#pending.delete(number);
      this.slowestSec = Math.max(this.slowestSec, (performance.now() - sentMs) / 1000);
    }
  }

  async #module<H>(bundle: ModuleBundle): Promise<ElasticModule<H>> {
    const { site, mission } = this.#options;
    const { manifest } = bundle;
    const names = manifest.hostInterfaces.map(({ name }) => name);
    const context = { site, mission, instance: this.id, nowSec: () => this.#clock.nowSec(), emit: () => undefined };
    const module = new ElasticModule<H>({
      ...{ manifest, channelId: `${this.id}-${manifest.name}`, clock: this.#clock, site: this.#handler },
      createLocal: async () => instantiateOnboard(bundle, await grantHostFunctions(manifest, names, hostFunctionRegistry(), context)),
      reconnectSec: 1,
      lostAfterSec: 3,
    });
    await module.start();
    return module;
  }
}
