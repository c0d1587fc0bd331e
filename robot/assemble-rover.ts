// Puts a rover together from its ports, its bus, its data plane and the bundles that it carries.
import { isOutriderError } from '../shared/errors.ts';
import { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { ModuleBundle } from '../shared/elastic/bundle.ts';
import { instantiateOnboard } from '../shared/elastic/instantiate.ts';
import type { LocalRunner } from '../shared/elastic/local-runner.ts';
import type { ModuleStats, MoveReport, RecoveredEvent } from '../shared/elastic/module-events.ts';
import type { HostFunctions, ModuleInstance } from '../shared/elastic/module-instance.ts';
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { DriveGeometry } from '../shared/kinematics/differential-drive.ts';
import { createMapViewHost } from '../shared/modules/host-impl/map-view.ts';
import { inlineRegistration, threadedRegistration } from '../shared/modules/host-impl/registration.ts';
import { loadVisionHost } from '../shared/modules/host-impl/vision-opencv.ts';
import type { MapServerHandle } from '../shared/modules/map-server/handle.ts';
import type { NeuralDetectorHandle } from '../shared/modules/neural-detection/handle.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import { wireBytes } from '../shared/incremental/tensor-codec.ts';
import { heldNetworks } from '../shared/onnx/held-networks.ts';
import { modelledLayerTimes } from '../shared/onnx/layer-work.ts';
import { measureLayers } from '../shared/onnx/measure-layers.ts';
import { ortNetworks } from '../shared/onnx/ort-session.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { DataPlane } from '../shared/ports/data-plane.ts';
import type { DeviceCompute } from '../shared/ports/device-metrics.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import type { Tracer } from '../shared/ports/tracer.ts';
import { networkThread } from '../shared/services/network-thread.ts';
import { localRunner, localService } from '../shared/services/local-services.ts';
import { carriedBundles } from './offload/carried-bundles.ts';
import { OffloadHandler } from './offload/offload-handler.ts';
import { openDetectorNetwork } from './offload/incremental/detector-network.ts';
import { SharedDetector } from './offload/incremental/shared-detector.ts';
import { classicalSearch, type FrameSearch, neuralSearch, sharedSearch } from './perception/frame-search.ts';
import { JpegPolicy } from './perception/jpeg-policy.ts';
import { type PlacementMode, type PlacementTriggers, Placing } from './placing.ts';
import { Rover, type RoverOptions, type RoverPorts } from './rover.ts';
import { type RoverModule, RoverModules } from './rover-modules.ts';

export interface RoverBundles {
  readonly mapServer: ModuleBundle;
  readonly detector: ModuleBundle;
  readonly neuralDetector: ModuleBundle;
}

export interface AssembleOptions {
  readonly id: string;
  readonly site: string;
  readonly mission: string;
  /** In the common map frame; null: the Map Server is to find out. */
  readonly startPose: Pose2 | null;
  readonly geometry: DriveGeometry;
  readonly ports: RoverPorts;
  /** The device model of a simulated rover; null on real devices, where work takes its own time. */
  readonly compute: DeviceCompute | null;
  /** Which latencies are modelled rather than measured; for telemetry. */
  readonly modelled: 'none' | 'onboard' | 'all';
  readonly clock: Clock;
  readonly bus: MessageBus;
  readonly dataPlane: DataPlane;
  /** Unique per process run; fixed in simulation. */
  readonly session: string;
  /** What enrolment gave the rover for the control plane. */
  readonly credential?: string;
  readonly bundles: RoverBundles;
  readonly mapServerPlacement: 'edge' | 'onboard';
  readonly detection: {
    /** `network`: a trained one, by the name of its model; `classical`: colour and shape. */
    readonly detector: 'network' | 'classical';
    readonly model: string;
    /** Folders with networks, before those of Outrider. */
    readonly models?: readonly string[];
    /** Default: the whole module moves. */
    readonly offload?: { readonly inference: 'whole' | 'incremental'; readonly minLayersOnboard: number; readonly k: number };
    readonly placement: PlacementMode;
    readonly periodSec: number;
    readonly triggers: PlacementTriggers;
  };
  /** Whether costly host functions and the detector may have threads; not on a virtual clock. Default true. */
  readonly threads?: boolean;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  readonly slam?: RoverOptions['slam'];
  readonly passenger?: RoverOptions['passenger'];
}

/** What became of one module, for reports. */
export interface ModuleHistory {
  readonly stats: ModuleStats;
  readonly moves: readonly MoveReport[];
  readonly recoveries: readonly RecoveredEvent[];
}

export interface AssembledRover {
  readonly rover: Rover;
  history(): { readonly mapServer: ModuleHistory; readonly detector: ModuleHistory };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Of the time between two frames, what one may take to the edge and back before frames get smaller. */
const FRAME_BUDGET_SHARE = 0.6;

export async function assembleRover(options: AssembleOptions): Promise<AssembledRover> {
  const { id, site, mission, clock, bus, dataPlane, session, bundles, compute, logger, detection } = options;
  const tracing = options.tracer === undefined ? {} : { tracer: options.tracer };
  const handler = new OffloadHandler({
    ...tracing,
    site,
    mission,
    rover: id,
    session,
    clock,
    bus,
    dataPlane,
    logger,
    bundles: carriedBundles(Object.values(bundles)),
    ...(options.credential === undefined ? {} : { credential: options.credential }),
  });
  // Where rovers have identities, the broker lets hosts alone say what the mission's map is, and cuts off a rover that does.
  const mayShowMap = options.credential === undefined;
  const mapView = createMapViewHost({
    site,
    mission,
    publish: (topic, payload, how) => void (mayShowMap && bus.publish(topic, payload, how).catch(() => undefined)),
  });
  const threads = options.threads !== false;
  const onboard = <H>(
    bundle: ModuleBundle,
    makeLocal: () => Promise<ModuleInstance | LocalRunner>,
    latest: readonly string[],
  ): ElasticModule<H> =>
    new ElasticModule<H>({
      ...tracing,
      manifest: bundle.manifest,
      channelId: `${id}-${bundle.manifest.name}`,
      clock,
      site: handler,
      createLocal: () => clock.hold(makeLocal()),
      latest,
      ...(compute === null ? {} : { holdBackSec: (functionName: string) => compute.book(`${bundle.manifest.name}.${functionName}`) }),
    });
  const registration = threads ? threadedRegistration() : inlineRegistration();
  const mapHost: HostFunctions = { 'map-view': mapView, registration };
  const mapServer = onboard<MapServerHandle>(bundles.mapServer, () => instantiateOnboard(bundles.mapServer, mapHost), []);
  /** Frames take tens of milliseconds: on a live rover they are searched beside the control loop, not in it. */
  const searcher = async <H>(bundle: ModuleBundle, inline: () => Promise<HostFunctions>): Promise<ElasticModule<H>> => {
    if (threads) return onboard<H>(bundle, () => Promise.resolve(localRunner(bundle, id, clock)), ['detect']);
    const host = await clock.hold(inline());
    return onboard<H>(bundle, () => instantiateOnboard(bundle, host), ['detect']);
  };
  const networks = threads ? networkThread({ threads: 0 }) : null;
  const shareDetector = ({ minLayersOnboard, k }: { readonly minLayersOnboard: number; readonly k: number }): SharedDetector => {
    const open = networks?.open ?? heldNetworks(ortNetworks(), clock);
    const { manifest } = bundles.neuralDetector;
    return new SharedDetector({
      ...{ manifest, rover: id, site: handler, clock, open, minLayersOnboard, k, logger },
      load: () => clock.hold(openDetectorNetwork(detection.model, detection.models ?? [], networks?.open ?? ortNetworks())),
      // On a virtual clock nothing is measured: runs are to be the same each time.
      timesOf: ({ chain, sample }) =>
        threads
          ? measureLayers(chain, { clock, open, inputs: sample, sizeOf: wireBytes, runs: 3 })
          : Promise.resolve(modelledLayerTimes(chain, 1)),
      ...(compute === null ? {} : { holdBackSec: (share: number) => compute.book(`${manifest.name}.detect`, share) }),
    });
  };
  const makeDetector = async (): Promise<{ readonly module: RoverModule; readonly search: FrameSearch }> => {
    if (detection.detector === 'network' && detection.offload?.inference === 'incremental') {
      const module = shareDetector(detection.offload);
      return { module, search: sharedSearch(module) };
    }
    if (detection.detector === 'classical') {
      const module = await searcher<ObjectDetectorHandle>(bundles.detector, async () => ({ vision: await loadVisionHost() }));
      return { module, search: classicalSearch(module.handle) };
    }
    const inline = async (): Promise<HostFunctions> => ({ nn: await localService('nn', id), image: await localService('image', id) });
    const module = await searcher<NeuralDetectorHandle>(bundles.neuralDetector, inline);
    const policy = new JpegPolicy({ budgetSec: FRAME_BUDGET_SHARE * detection.periodSec });
    return { module, search: neuralSearch({ module, model: detection.model, policy, clock }) };
  };
  const { module: detector, search } = await makeDetector();
  const modules = new RoverModules({ mapServer, detector, modelled: options.modelled });
  const onError = (error: Error): void => {
    // A rover that stops closes its modules under the calls that are under way.
    if (!isOutriderError(error, 'OUT_ELASTIC_CLOSED')) logger.warn({ rover: id, error: error.message }, 'a call of the rover failed');
  };
  const rover = new Rover({
    id,
    site,
    mission,
    ports: options.ports,
    geometry: options.geometry,
    startPose: options.startPose,
    clock,
    bus,
    modules,
    search,
    detectionPeriodSec: detection.periodSec,
    onError,
    onEvent: (kind, text) => logger.info({ rover: id, kind }, text),
    ...(options.slam === undefined ? {} : { slam: options.slam }),
    ...(options.passenger === undefined ? {} : { passenger: options.passenger }),
  });
  const placing = new Placing({
    clock,
    modules: [
      { module: mapServer, mode: options.mapServerPlacement },
      { module: detector, mode: detection.placement },
    ],
    triggers: detection.triggers,
    health: () => rover.health,
    siteReachable: () => handler.reachable,
    onError,
  });
  const histories = { mapServer: remember(mapServer), detector: remember(detector) };
  return {
    rover,
    history: () => ({ mapServer: histories.mapServer(), detector: histories.detector() }),
    start: async () => {
      await handler.start();
      await rover.start();
      placing.start();
    },
    stop: async () => {
      placing.stop();
      await rover.stop();
      await handler.close();
      await networks?.close();
    },
  };
}

function remember(module: Pick<RoverModule, 'on' | 'stats'>): () => ModuleHistory {
  const moves: MoveReport[] = [];
  const recoveries: RecoveredEvent[] = [];
  module.on('moved', (report) => void moves.push(report));
  module.on('move-failed', (report) => void moves.push(report));
  module.on('recovered', (event) => void recoveries.push(event));
  return () => ({ stats: module.stats, moves, recoveries });
}
