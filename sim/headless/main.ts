// A mission on a virtual clock: the same manager, hosts, modules and rovers as live, over an in-process broker and network model.
import { createEdgeSite, type EdgeSite, type EdgeSiteOptions } from '../../edge/site.ts';
import { DEFAULT_GRANTS, hostFunctionRegistry } from '../../edge/host/host-functions/registry.ts';
import { bundleLoader } from '../../edge/host/sandbox/bundle-loader.ts';
import { InlineSandbox } from '../../edge/host/sandbox/inline-sandbox.ts';
import { buildReport } from '../../missions/build-report.ts';
import { MissionCoordinator } from '../../missions/coordinator.ts';
import type { MissionDefinition } from '../../missions/definition.ts';
import { MissionRecording } from '../../missions/recording.ts';
import type { MissionReport } from '../../missions/report.ts';
import { type AssembledRover, assembleRover, type RoverBundles } from '../../robot/assemble-rover.ts';
import { roverLastWill } from '../../robot/telemetry.ts';
import { SILENT_LOGGER, type Logger } from '../../shared/ports/logger.ts';
import { heldNetworks } from '../../shared/onnx/held-networks.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import { VirtualClock } from '../clock/virtual-clock.ts';
import { DeviceModel, devicePorts } from '../device/device-model.ts';
import { DEVICE_PROFILES } from '../device/device-profile.ts';
import { EMPTY_MAP, missionScore, roverFacts } from '../mission-facts.ts';
import { buildSimulatedMission, type SimulatedMission } from '../mission-file.ts';
import { InProcessBroker } from '../network/in-process-broker.ts';
import { InProcessDataPlane } from '../network/in-process-data-plane.ts';
import { LINKS } from '../network/link-model.ts';
import { SimulatedNetwork } from '../network/simulated-network.ts';
import type { FleetSection } from '../scenario/fleet-schema.ts';
import type { WorldSection } from '../scenario/world-schema.ts';
import type { SeededRandom } from '../random/seeded-random.ts';
import { PoseError } from '../scoring/pose-error.ts';
import type { SimulatedRover } from '../simulated-rover.ts';
import type { VehicleSpec } from '../vehicle/vehicle-spec.ts';

export interface HeadlessOptions {
  readonly mission: MissionDefinition;
  readonly world: WorldSection;
  readonly fleet: FleetSection;
  /** Name of the mission file, for the report. */
  readonly scenario: string;
  readonly seed: number;
  readonly rovers?: number | undefined;
  readonly vehicle?: VehicleSpec | undefined;
  readonly bundles: RoverBundles;
  /** Records the mission's messages here as MCAP. */
  readonly recordingPath?: string | undefined;
  readonly onProgress?: (progress: { readonly elapsedSec: number; readonly exploredM2: number; readonly hazards: number }) => void;
  readonly logger?: Logger;
}

export interface HeadlessOutcome {
  readonly report: MissionReport;
  readonly map: OccupancyMap;
}

const HOSTS = ['edge-1', 'edge-2'];
const SESSION = 'headless';
/** The mission is over; what is still on its way (last tiles, goodbyes) may arrive. */
const LAST_MESSAGES_SEC = 1;

/** What everything in a headless run hangs together by. */
export interface Infrastructure {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly broker: InProcessBroker;
  readonly dataPlane: InProcessDataPlane;
  readonly random: SeededRandom;
  readonly logger: Logger;
}

interface Stage extends Infrastructure {
  readonly simulated: SimulatedMission;
  readonly options: HeadlessOptions;
}

/** The site's id in headless runs. */
export const HEADLESS_SITE = 'site';
const SITE = HEADLESS_SITE;

/** Clock, network, broker and data plane of one process. */
export function createInfrastructure(clock: VirtualClock, random: SeededRandom, logger: Logger): Infrastructure {
  const network = new SimulatedNetwork(clock, random.fork('network'));
  const broker = new InProcessBroker(network, {
    onHandlerError: (error) => logger.error({ error: String(error) }, 'a message handler failed'),
  });
  return { clock, network, broker, dataPlane: new InProcessDataPlane(network), random, logger };
}

export async function runHeadless(options: HeadlessOptions): Promise<HeadlessOutcome> {
  const started = performance.now();
  const stage = setStage(options);
  const { clock, broker, simulated } = stage;
  const edge = await clock.runUntilSettled(startInProcessEdge(stage));
  const bus = broker.connect('coordinator');
  const places = { site: SITE, mission: options.mission.id };
  const recording =
    options.recordingPath === undefined ? null : await MissionRecording.start(options.recordingPath, broker.tap(), clock, places);
  const rovers = simulated.site.rovers.map(({ id }) => id);
  const coordinator = new MissionCoordinator({
    bus,
    clock,
    site: SITE,
    mission: options.mission,
    rovers,
    speed: 1,
    bounds: simulated.bounds,
    logger: stage.logger,
  });
  await clock.runUntilSettled(coordinator.start());
  simulated.site.start();
  const agents: Agent[] = [];
  for (const body of simulated.site.rovers) agents.push(await clock.runUntilSettled(startRover(stage, body)));
  const watching = [
    clock.every(1, () =>
      agents.forEach(({ assembled, body, error }) => assembled.rover.located && error.sample(assembled.rover.pose, body.vehicle.pose)),
    ),
    clock.every(10, () => {
      const hazards = coordinator.view.objects.filter(({ status }) => status === 'confirmed').length;
      options.onProgress?.({ elapsedSec: clock.nowSec(), exploredM2: coordinator.exploredM2, hazards });
    }),
  ];
  const result = await clock.runUntilSettled(coordinator.result);
  for (const timer of watching) timer.stop();
  for (const { assembled } of agents) await clock.runUntilSettled(assembled.stop());
  await clock.run({ untilSec: clock.nowSec() + LAST_MESSAGES_SEC });
  simulated.site.stop();
  await recording?.close();
  await clock.runUntilSettled(coordinator.close());
  await clock.runUntilSettled(edge.close());
  const map = coordinator.view.map() ?? EMPTY_MAP;
  const report = buildReport({
    mission: options.mission.id,
    title: options.mission.title,
    mode: 'headless',
    scenario: options.scenario,
    seed: options.seed,
    result,
    map,
    score: missionScore(simulated, coordinator.view),
    rovers: agents.map(({ assembled, body, error }) => roverFacts(body, assembled.history(), error)),
    events: coordinator.events,
    provenance: PROVENANCE,
    wallSec: (performance.now() - started) / 1000,
  });
  return { report, map };
}

function setStage(options: HeadlessOptions): Stage {
  const logger = options.logger ?? SILENT_LOGGER;
  const clock = new VirtualClock();
  const simulated = buildSimulatedMission(options, { clock, seed: options.seed, rovers: options.rovers, vehicle: options.vehicle });
  const stage = { ...createInfrastructure(clock, simulated.random, logger), simulated, options };
  scriptOutages(stage);
  return stage;
}

const PROVENANCE = [
  'Simulated: the site, vehicles, lidar and camera. Frames are rendered pixels; the detector sees nothing else.',
  'Run for real: the modules (native on board, WebAssembly at the edge), mapping, navigation, negotiation, moves and state transfer.',
  'Modelled: time on the virtual clock, network latency and bandwidth, on-board and edge compute times, temperature, power and battery.',
  'Measured: wall time and memory of this run, under `wall`; they are not part of the fingerprint.',
];

interface Agent {
  readonly assembled: AssembledRover;
  readonly body: SimulatedRover;
  readonly error: PoseError;
}

/** An edge site of two hosts on the virtual clock, reached over the modelled network. */
export function startInProcessEdge({ clock, network, broker, dataPlane, random, logger }: Infrastructure): Promise<EdgeSite> {
  const loader = bundleLoader();
  for (const node of [broker.node, 'manager', ...HOSTS]) network.setLink(node, LINKS.lan);
  const hosts = HOSTS.map((host) => {
    const device = new DeviceModel(DEVICE_PROFILES['edge-server'], random.fork(host));
    const { compute, metrics } = devicePorts(device, () => clock.nowSec());
    clock.every(1, () => device.step(1, clock.nowSec(), 0));
    const at = dataPlane.at(host);
    const sandbox = new InlineSandbox({
      site: SITE,
      clock,
      dataPlane: at,
      loader,
      registry: hostFunctionRegistry({ threads: false }),
      holdBackSec: (task) => compute.book(task),
    });
    const resources = {
      cores: 4,
      memoryTotalBytes: 4 * 2 ** 30,
      instancesMax: 64,
      accelerator: null,
      loadFraction: () => metrics.update().cpuFraction,
    };
    const networks = { open: heldNetworks(ortNetworks(), clock), holdBackSec: (task: string, share: number) => compute.book(task, share) };
    return { host, dataPlane: at, sandbox, networks, resources, grants: DEFAULT_GRANTS };
  });
  const connectBus: EdgeSiteOptions['connectBus'] = (clientId, how) => Promise.resolve(broker.connect(clientId, how));
  return createEdgeSite({ site: SITE, clock, connectBus, hosts, siteKey: new Uint8Array(32).fill(7), session: SESSION, logger });
}

async function startRover({ clock, network, broker, dataPlane, simulated, options, logger }: Stage, body: SimulatedRover): Promise<Agent> {
  const { mission, bundles } = options;
  const section = simulated.fleet.rovers.find(({ id }) => id === body.id);
  network.setLink(body.id, LINKS[section?.link ?? simulated.fleet.link]);
  const assembled = await assembleRover({
    id: body.id,
    site: SITE,
    mission: mission.id,
    startPose: mission.startPoses === 'all' || body.id === simulated.fleet.rovers[0]?.id ? body.vehicle.pose : null,
    threads: false,
    geometry: body.vehicle.spec.geometry,
    ports: body.ports(simulated.fleet.range),
    compute: body.compute,
    modelled: 'all',
    clock,
    bus: broker.connect(body.id, { node: body.id, will: roverLastWill(SITE, body.id, mission.id) }),
    dataPlane: dataPlane.at(body.id),
    session: SESSION,
    bundles,
    mapServerPlacement: mission.mapServer.placement,
    detection: mission.detection,
    logger,
  });
  await assembled.start();
  return { assembled, body, error: new PoseError() };
}

/** Broker and network failures as the mission file scripts them. */
function scriptOutages({ clock, network, broker, simulated: { fleet } }: Stage): void {
  for (const { fromSec, toSec } of fleet.brokerOutages) {
    clock.after(fromSec, () => broker.stop());
    clock.after(toSec, () => broker.start());
  }
  for (const { id, outages } of fleet.rovers) {
    for (const { fromSec, toSec } of outages) {
      clock.after(fromSec, () => network.setOnline(id, false));
      clock.after(toSec, () => network.setOnline(id, true));
    }
  }
}
