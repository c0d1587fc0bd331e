// Object Detection whose network is shared with an edge host while its weights go up: to placement policies and telemetry a module like
// any other. The rover always has the whole network, so every frame is answered, whatever becomes of the host (IONN, Jeong et al., SoCC 2018).
import { CallStats } from '../../../shared/elastic/call-stats.ts';
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';
import { ModuleEmitter } from '../../../shared/elastic/module-emitter.ts';
import type { ModuleStats, MoveKind, MoveReport, Placement } from '../../../shared/elastic/module-events.ts';
import type { MoveAdvice, PrepareOptions } from '../../../shared/elastic/remote-site.ts';
import { OutriderError } from '../../../shared/errors.ts';
import type { LayerRange } from '../../../shared/incremental/frames.ts';
import type { NeuralDetection } from '../../../shared/modules/neural-detection/records.ts';
import { layerWork } from '../../../shared/onnx/layer-work.ts';
import { type LayerTimes, toLayerProfile } from '../../../shared/onnx/measure-layers.ts';
import type { OpenNetwork } from '../../../shared/onnx/ort-session.ts';
import { planUploads, type UploadPlan } from '../../../shared/partition/plan-uploads.ts';
import type { CameraFrame } from '../../../shared/ports/camera-io.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Logger } from '../../../shared/ports/logger.ts';
import type { RoverState } from '../../../shared/protocol/rover.ts';
import type { OffloadHandler, ShareResult } from '../offload-handler.ts';
import type { DetectorNetwork } from './detector-network.ts';
import { SharedNetwork, type SharedAnswer, type SharedNetworkEvent } from './shared-network.ts';

export interface SharedDetectorOptions {
  /** The module whose work this is: hosts and dashboards know it by this name. */
  readonly manifest: ModuleManifest;
  readonly rover: string;
  readonly site: Pick<OffloadHandler, 'share' | 'release' | 'onAdvice'>;
  readonly clock: Clock;
  readonly open: OpenNetwork;
  /** Finds and cuts the network. */
  readonly load: () => Promise<DetectorNetwork>;
  /** Times of its layers on board, as far as these matter to each other. */
  readonly timesOf: (network: DetectorNetwork) => Promise<LayerTimes>;
  /** Layers that never leave the rover: with 1 or more, no raw frame does. */
  readonly minLayersOnboard: number;
  /** K of the paper. */
  readonly k: number;
  /** Extra time [s] to hold an on-board result back, by the share of the network: the device model of a simulated rover. */
  readonly holdBackSec?: (share: number) => number;
  readonly logger: Logger;
}

export type Sharing = NonNullable<RoverState['modules'][number]['shared']>;

type Place = Extract<ShareResult, { kind: 'shared' }>;
type MoveOptions = Partial<Pick<PrepareOptions, 'reason' | 'preferHost' | 'excludeHost'>>;

/** A host that has not answered yet is taken for so many times as quick as the rover; its first answers say how quick it is. */
const EXPECTED_SPEEDUP = 8;
/** Weight of the newest answer. */
const LEARNING_RATE = 0.3;
/** A host that has not taken the graph by then is given up [s]. */
const PLAN_WITHIN_SEC = 20;

interface Started {
  readonly network: DetectorNetwork;
  readonly shared: SharedNetwork;
  /** Known some time after the start: measuring takes longer than a rover should stand. */
  readonly times: Promise<LayerTimes>;
  readonly work: readonly number[];
  /** What the whole network takes on board [ms], as long as no frame has been answered there. */
  readonly onboardMs: number;
}

export class SharedDetector {
  readonly name: string;
  readonly #options: SharedDetectorOptions;
  readonly #emitter = new ModuleEmitter();
  readonly #stats = new CallStats();
  readonly #abort = new AbortController();
  /** Time of a host's work as a share of the rover's, by host. */
  readonly #hostShare = new Map<string, number>();
  #started: Started | null = null;
  #times: LayerTimes | null = null;
  #place: Place | null = null;
  #placement: Placement = { kind: 'onboard', hostId: null, epoch: 0 };
  #epoch = 0;
  #moves = 0;
  #pending = 0;
  #plans: readonly UploadPlan[] = [];
  #sharing: Sharing | null = null;
  #settled: ((error: Error | null) => void) | null = null;
  #stopAdvice: (() => void) | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SharedDetectorOptions) {
    this.#options = options;
    this.name = options.manifest.name;
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** How the network is shared; null on board. */
  get sharing(): Sharing | null {
    return this.#sharing;
  }

  get stats(): ModuleStats {
    const { onboard, edge, failed, stale, lost, onboardMs, edgeMs, bytesIn, bytesOut } = this.#stats;
    return {
      calls: { onboard, edge, failed, stale, lost, pending: this.#pending },
      latencyMs: { onboard: onboardMs.summary(), edge: edgeMs.summary() },
      bytes: { out: bytesOut, in: bytesIn },
      moves: this.#moves,
      outbox: { calls: 0, bytes: 0 },
    };
  }

  /** Listens; returns the way to stop. */
  on: ModuleEmitter['on'] = (event, listener) => this.#emitter.on(event, listener);

  /** Loads the network and learns how long it takes on board. Rejects as `load` does, OUT_MODEL_PROFILE where it has too few layers. */
  async start(): Promise<void> {
    const { clock, open, load, timesOf, minLayersOnboard, holdBackSec, site } = this.#options;
    const network = await load();
    const { chain } = network;
    if (minLayersOnboard > chain.segments.length) {
      const arrived = `minLayersOnboard = ${minLayersOnboard} arrived; the network has ${chain.segments.length} layers`;
      throw new OutriderError('OUT_MODEL_PROFILE', arrived);
    }
    const work = layerWork(chain);
    const shareOf = ([first, end]: LayerRange): number => work.slice(first, end).reduce((sum, share) => sum + share, 0);
    const shared = new SharedNetwork({
      ...{ chain, clock, open, onEvent: (event) => this.#hear(event) },
      ...(holdBackSec === undefined ? {} : { holdBackSec: (range) => holdBackSec(shareOf(range)) }),
    });
    await shared.start();
    const startedSec = clock.nowSec();
    await shared.infer(network.sample);
    const onboardMs = (clock.nowSec() - startedSec) * 1000;
    const times = timesOf(network);
    times.catch(() => undefined);
    this.#started = { network, shared, times, work, onboardMs };
    this.#stopAdvice = site.onAdvice((advice) => this.#follow(advice));
  }

  /** Finds what the network knows in a frame, wherever its layers run. Rejects as {@link DetectorNetwork} does, OUT_ELASTIC_CLOSED. */
  async detect(frame: CameraFrame): Promise<NeuralDetection[]> {
    const { clock } = this.#options;
    const { network, shared } = this.#ready();
    const startedSec = clock.nowSec();
    this.#pending += 1;
    try {
      const { inputs, placement } = await clock.hold(network.prepare(frame));
      const answer = await shared.infer(inputs);
      const found = network.read(answer.outputs, placement, frame);
      this.#stats.answered(answer.plan === null ? 'onboard' : 'edge', clock.nowSec() - startedSec);
      this.#learn(answer);
      return found;
    } catch (error) {
      this.#stats.failed += 1;
      throw error;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Begins to share the network with a host, or with another one; the report comes when the link is measured and the upload has begun. */
  offload(options: MoveOptions = {}): Promise<MoveReport> {
    return this.#inTurn(() => this.#offload(options));
  }

  /** All layers on board from now on. */
  recall({ reason = 'asked for' }: MoveOptions = {}): Promise<MoveReport> {
    return this.#inTurn(async () => {
      const move = this.#begin('recall', reason);
      const place = this.#place;
      if (place === null) return move('unneeded');
      this.#leave();
      await this.#options.site.release(place);
      return move('moved');
    });
  }

  async close(): Promise<void> {
    this.#abort.abort(new OutriderError('OUT_ELASTIC_CLOSED', `${this.name} was closed`));
    this.#stopAdvice?.();
    await this.#turn;
    const place = this.#place;
    this.#leave();
    await this.#started?.shared.close();
    if (place !== null) await this.#options.site.release(place).catch(() => undefined);
  }

  async #offload({ reason = 'asked for', ...where }: MoveOptions): Promise<MoveReport> {
    const { site, manifest, clock } = this.#options;
    const { shared, times } = this.#ready();
    const move = this.#begin(this.#place === null ? 'offload' : 'handoff', reason);
    if (this.#place !== null && where.excludeHost === undefined && where.preferHost === undefined) return move('unneeded');
    const { signal } = this.#abort;
    this.#times = await times;
    this.#epoch += 1;
    const place = await site.share(manifest, { reason, epoch: this.#epoch, signal, ...where });
    if (place.kind === 'refused') return move('refused', new OutriderError('OUT_ELASTIC_REFUSED', place.reason));
    this.#epoch = Math.max(this.#epoch, place.epoch);
    const settled = new Promise<Error | null>((resolve) => (this.#settled = resolve));
    this.#place = place;
    const layers = this.#times;
    shared.attach(place.transport, (bandwidthMbps) => this.#planFor(layers, place.hostId, bandwidthMbps));
    const late = clock.after(PLAN_WITHIN_SEC, () =>
      this.#settled?.(new OutriderError('OUT_ELASTIC_DEADLINE', 'the host did not take the graph')),
    );
    const error = await settled;
    late.stop();
    this.#settled = null;
    if (error === null) {
      this.#set({ kind: 'edge', hostId: place.hostId, epoch: place.epoch });
      return move('moved', null, place.stepsMs);
    }
    this.#leave();
    await site.release(place);
    return move(error instanceof OutriderError && error.code === 'OUT_ELASTIC_REFUSED' ? 'refused' : 'failed', error);
  }

  #planFor(times: LayerTimes, hostId: string, bandwidthMbps: number): readonly UploadPlan[] {
    const { minLayersOnboard, k } = this.#options;
    const { network, onboardMs } = this.#ready();
    const client = (this.#stats.onboardMs.summary()?.p50 ?? onboardMs) / times.wholeMs;
    const server = client * (this.#hostShare.get(hostId) ?? 1 / EXPECTED_SPEEDUP);
    this.#plans = planUploads(toLayerProfile(network.chain, times, { client, server }), { bandwidthMbps, minLayersOnboard, k }).plans;
    return this.#plans;
  }

  /** How quick the host is, by what it computed. */
  #learn({ hostRanges, hostMs }: SharedAnswer): void {
    const { onboardMs } = this.#ready();
    const times = this.#times;
    const hostId = this.#placement.hostId;
    if (hostId === null || times === null || hostRanges.length === 0) return;
    const share = hostRanges.flatMap(([first, end]) => times.queryMs.slice(first, end)).reduce((sum, ms) => sum + ms, 0) / times.wholeMs;
    const expectedMs = share * (this.#stats.onboardMs.summary()?.p50 ?? onboardMs);
    if (!(expectedMs > 0)) return;
    const known = this.#hostShare.get(hostId);
    const ratio = hostMs / expectedMs;
    this.#hostShare.set(hostId, known === undefined ? ratio : known + LEARNING_RATE * (ratio - known));
  }

  #hear(event: SharedNetworkEvent): void {
    const { logger, rover } = this.#options;
    const host = this.#place?.hostId ?? null;
    switch (event.kind) {
      case 'planned': {
        const { plans, bandwidthMbps: linkMbps } = event;
        const mbps = linkMbps.toPrecision(3);
        logger.info({ rover, host, linkMbps, plans }, 'the network is shared');
        this.#sharing = { layers: this.#ready().work.length, atHost: 0, plan: 0, plans, linkMbps };
        this.#settled?.(plans > 0 ? null : new OutriderError('OUT_ELASTIC_REFUSED', `no layer gains by a host over ${mbps} Mbit/s`));
        break;
      }
      case 'plan': {
        if (this.#sharing === null) break;
        const atHost = this.#plans[event.plan]?.serverLayers.length ?? 0;
        this.#sharing = { ...this.#sharing, atHost, plan: event.plan + 1 };
        logger.info({ rover, host, ...this.#sharing }, 'more layers at the host');
        break;
      }
      case 'lost':
        this.#lost(event.error);
        break;
    }
  }

  /** The host or the link is gone; whatever was under way is answered on board. */
  #lost(cause: Error): void {
    const { clock, logger, rover, site } = this.#options;
    const place = this.#place;
    if (this.#settled !== null) return this.#settled(cause);
    if (place === null) return undefined;
    const { name: module } = this;
    const stampSec = clock.nowSec();
    logger.warn({ rover, host: place.hostId, error: cause.message }, 'the shared network is on board again');
    this.#emitter.emit('lost', { module, hostId: place.hostId, epoch: place.epoch, stampSec, pendingCalls: this.#pending, error: cause });
    this.#leave();
    const { epoch } = this.#placement;
    this.#emitter.emit('recovered', { module, how: 'fallback', hostId: null, epoch, stampSec, outageMs: 0, replayed: 0, lost: 0 });
    void site.release(place).catch(() => undefined);
    return undefined;
  }

  #follow({ instanceId, epoch, leaveHost, preferHost, reason }: MoveAdvice): void {
    const place = this.#place;
    if (place?.instanceId !== instanceId || place.epoch !== epoch || place.hostId !== leaveHost) return;
    void this.offload({ reason, excludeHost: leaveHost, ...(preferHost === null ? {} : { preferHost }) }).catch(() => undefined);
  }

  #leave(): void {
    this.#started?.shared.detach();
    this.#place = null;
    this.#sharing = null;
    if (this.#placement.kind === 'edge') this.#set({ kind: 'onboard', hostId: null, epoch: (this.#epoch += 1) });
  }

  #set(placement: Placement): void {
    this.#placement = placement;
    this.#emitter.emit('placement', placement);
  }

  /** Reports how a move ended, and tells the listeners. */
  #begin(kind: MoveKind, reason: string) {
    const startedSec = this.#options.clock.nowSec();
    const from = this.#placement.hostId;
    return (outcome: MoveReport['outcome'], error: Error | null = null, stepsMs: MoveReport['stepsMs'] = {}): MoveReport => {
      const { hostId: to, epoch } = this.#placement;
      const durationMs = (this.#options.clock.nowSec() - startedSec) * 1000;
      const nothing = { pauseMs: 0, stateBytes: 0, bytesAhead: 0, bytesInPause: 0, replayed: 0, offload: null };
      const report = { module: this.name, kind, outcome, reason, from, to, epoch, startedSec, durationMs, stepsMs, error, ...nothing };
      if (outcome === 'moved') this.#moves += 1;
      if (outcome !== 'unneeded') this.#emitter.emit(outcome === 'moved' ? 'moved' : 'move-failed', report);
      return report;
    };
  }

  #inTurn(work: () => Promise<MoveReport>): Promise<MoveReport> {
    const done = this.#turn.then(() => {
      this.#abort.signal.throwIfAborted();
      return work();
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #ready(): Started {
    if (this.#started === null) throw new OutriderError('OUT_ELASTIC_CLOSED', `${this.name} was not started`);
    return this.#started;
  }
}
