// A mission live: real broker, real sockets, edge hosts as processes, real Wasm workers; only the bodies and the site are simulated.
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineSite } from '../../edge/config.ts';
import { startEdgeSite } from '../../edge/start-site.ts';
import { buildReport } from '../../missions/build-report.ts';
import { MissionCoordinator } from '../../missions/coordinator.ts';
import { writeOutputs } from '../../missions/outputs.ts';
import { MissionRecording } from '../../missions/recording.ts';
import type { MissionReport } from '../../missions/report.ts';
import { summary } from '../../missions/report-summary.ts';
import { type AssembledRover, assembleRover, type RoverBundles } from '../../robot/assemble-rover.ts';
import { keepMembership } from '../../robot/rover-membership.ts';
import { PortRecorder } from '../../robot/recording/port-recorder.ts';
import type { RoverPorts } from '../../robot/rover.ts';
import { roverLastWill } from '../../robot/telemetry.ts';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import type { Identity } from '../../shared/security/identity-folder.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { OutriderError } from '../../shared/errors.ts';
import { lineLogger, type Logger, SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type MissionEvent, missionEvent } from '../../shared/protocol/mission.ts';
import { decodeMessage, filterOf } from '../../shared/protocol/message.ts';
import { openTracer } from '../../shared/tracing/open-tracer.ts';
import { EMPTY_MAP, missionScore, roverFacts } from '../mission-facts.ts';
import { buildSimulatedMission, type SimulatedMission } from '../mission-file.ts';
import type { MissionFile } from '../main.ts';
import { PoseError } from '../scoring/pose-error.ts';
import type { RangeSensor } from '../scenario/fleet-schema.ts';
import type { SimulatedRover } from '../simulated-rover.ts';
import type { VehicleSpec } from '../vehicle/vehicle-spec.ts';

export interface LiveOptions {
  readonly scenario: string;
  readonly seed: number;
  readonly rovers?: number;
  readonly vehicle?: VehicleSpec | undefined;
  readonly speed?: number;
  readonly out?: string;
  readonly port: number;
  readonly keep?: boolean;
  readonly json?: boolean;
}

const SITE = 'site';

const PROVENANCE = [
  'Simulated: the site, vehicles, lidar and camera. Frames are rendered pixels; the detector sees nothing else.',
  'Real: the MQTT broker, edge hosts as processes, TCP data plane, WebAssembly in worker threads, negotiation, moves, fail-over; times are measured.',
  'Modelled: how long on-board detection takes on the named device (held back on top of the real time), its temperature, power and battery.',
];

interface Agent {
  readonly assembled: AssembledRover;
  readonly body: SimulatedRover;
  readonly error: PoseError;
}

/** Runs the mission and serves the dashboard; true when it was completed. */
export async function runLive(file: MissionFile, bundles: RoverBundles, options: LiveOptions): Promise<boolean> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const interrupted = interruption();
  const started = performance.now();
  const speed = options.speed ?? file.mission.speed;
  const clock = new SystemClock({ speed, onError: (error) => say(`a task failed: ${String(error)}`) });
  const data = await mkdtemp(join(tmpdir(), 'outrider-'));
  const host = { inference: { models: file.mission.detection.models } };
  const settings = defineSite({ site: SITE, data, gatewayPort: options.port, mqttPort: 0, hosts: 2, logLevel: 'error', host });
  const site = await startEdgeSite(settings, { clock });
  say(`dashboard  ${site.url}`);
  say(`broker     ${site.brokerUrl}`);
  for (const { host, pid } of site.hosts) say(`edge host  ${host} (process ${pid})`);
  try {
    const simulated = buildSimulatedMission(file, { clock, seed: options.seed, rovers: options.rovers, vehicle: options.vehicle });
    const bus = await connectMqttBus({ url: site.brokerUrl, clientId: 'coordinator' });
    const places = { site: SITE, mission: file.mission.id };
    const narrate = (event: MissionEvent): void =>
      say(`${event.stampSec.toFixed(0).padStart(5)} s  ${event.kind.padEnd(8)}  ${event.text}`);
    const hush = await bus.subscribe(filterOf(missionEvent, places), ({ payload }) => narrate(decodeMessage(missionEvent, payload)));
    if (options.out !== undefined) await mkdir(options.out, { recursive: true });
    const recording =
      options.out === undefined ? null : await MissionRecording.start(join(options.out, 'mission.mcap'), bus, clock, places);
    const rovers = simulated.site.rovers.map(({ id }) => id);
    const coordinator = new MissionCoordinator({ bus, clock, site: SITE, mission: file.mission, rovers, speed, bounds: simulated.bounds });
    await coordinator.start();
    simulated.site.start();
    const agents: Agent[] = [];
    for (const body of simulated.site.rovers)
      agents.push(await startRover(body, { site: SITE, brokerUrl: site.brokerUrl }, file, bundles, clock));
    say(`${agents.length} ${agents.length === 1 ? 'rover searches' : 'rovers search'} ${file.mission.title.toLowerCase()}; Ctrl-C ends it`);
    const poses = clock.every(1, () =>
      agents.forEach(({ assembled, body, error }) => assembled.rover.located && error.sample(assembled.rover.pose, body.vehicle.pose)),
    );
    void interrupted.then(() => coordinator.cancel('interrupted'));
    const result = await coordinator.result;
    poses.stop();
    await hush();
    for (const { assembled } of agents) await assembled.stop();
    simulated.site.stop();
    const report = reportOf(simulated, coordinator, result, agents, file, options, (performance.now() - started) / 1000);
    await recording?.close();
    if (options.out !== undefined) {
      await writeOutputs(options.out, report, coordinator.view.map() ?? EMPTY_MAP);
      say(`written to ${options.out}`);
    }
    say(summary(report));
    if (options.json === true) console.log(JSON.stringify(report));
    const stays = result.outcome !== 'cancelled' && (options.keep === true || (process.stdin.isTTY && options.json !== true));
    if (stays) {
      say(`the dashboard stays at ${site.url}; Ctrl-C ends it`);
      await interrupted;
    }
    await coordinator.close();
    await bus.close();
    return result.outcome === 'completed';
  } finally {
    await site.close();
    await rm(data, { recursive: true, force: true });
  }
}

function reportOf(
  simulated: SimulatedMission,
  coordinator: MissionCoordinator,
  result: Awaited<MissionCoordinator['result']>,
  agents: readonly Agent[],
  file: MissionFile,
  options: LiveOptions,
  wallSec: number,
): MissionReport {
  return buildReport({
    mission: file.mission.id,
    title: file.mission.title,
    mode: 'live',
    scenario: options.scenario,
    seed: options.seed,
    result,
    map: coordinator.view.map() ?? EMPTY_MAP,
    score: missionScore(simulated, coordinator.view),
    rovers: agents.map(({ assembled, body, error }) => roverFacts(body, assembled.history(), error)),
    events: coordinator.events,
    provenance: PROVENANCE,
    wallSec,
  });
}

/** How long a rover waits for the broker to take its goodbye [s]. */
const GOODBYE_SEC = 3;

export interface RobotOptions {
  readonly id: string;
  /** Which of the mission's start poses the rover takes. */
  readonly index: number;
  readonly seed: number;
  readonly broker: string;
  readonly site: string;
  /** Of an enrolled rover; null: a site on loopback, or one that was said to be trusted. */
  readonly identity: Identity | null;
  /** Folder of the identity. */
  readonly folder: string | null;
  /** File that what the ports deliver is written to. */
  readonly record?: string;
  readonly vehicle?: VehicleSpec | undefined;
}

/** One simulated rover in this process, joining the site behind `broker`, until Ctrl-C. Its world holds no other rovers' bodies. */
export async function runSimulatedRover(file: MissionFile, bundles: RoverBundles, options: RobotOptions): Promise<boolean> {
  const interrupted = interruption();
  const clock = new SystemClock({ speed: file.mission.speed });
  const rover = file.fleet.rovers[options.index] ?? file.fleet.rovers.at(-1);
  const start = file.world.starts[options.index];
  if (rover === undefined || (start === undefined && file.world.layout === undefined)) {
    throw new OutriderError('OUT_CLI_USAGE', `--index ${options.index}: the mission has ${file.world.starts.length} starts`);
  }
  const world = start === undefined ? file.world : { ...file.world, starts: [start] };
  const fleet = { ...file.fleet, rovers: [{ ...rover, id: options.id }] };
  const simulated = buildSimulatedMission({ world, fleet }, { clock, seed: options.seed, vehicle: options.vehicle });
  simulated.site.start();
  const body = simulated.site.rovers[0] as SimulatedRover;
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const logger = lineLogger(say);
  const joined = { site: options.site, brokerUrl: options.broker, identity: options.identity, logger };
  const stopKeeping = keepMembership(options, logger);
  const recorder = options.record === undefined ? null : await startRecorder(options.record, body, file.fleet.range, clock);
  try {
    const { assembled } = await startRover(body, joined, file, bundles, clock, recorder?.ports);
    recorder?.follow(() => assembled.rover.pose);
    say(`${options.id} searches; Ctrl-C ends it`);
    await interrupted;
    await assembled.stop();
  } finally {
    stopKeeping();
    simulated.site.stop();
    await recorder?.close();
  }
  if (recorder?.state.failure) throw recorder.state.failure;
  return true;
}

function startRecorder(path: string, body: SimulatedRover, range: RangeSensor, clock: SystemClock): Promise<PortRecorder> {
  const { spec, pose } = body.vehicle;
  const ports = body.ports(range);
  return PortRecorder.start({ path, clock, ports, head: { rover: body.id, startPose: { ...pose }, geometry: { ...spec.geometry } } });
}

function interruption(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve('interrupted'));
    process.once('SIGTERM', () => resolve('interrupted'));
  });
}

interface JoinedSite {
  readonly site: string;
  readonly brokerUrl: string;
  /** Of an enrolled rover. */
  readonly identity?: Identity | null;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

async function startRover(
  body: SimulatedRover,
  joined: JoinedSite,
  file: MissionFile,
  bundles: RoverBundles,
  clock: SystemClock,
  ports: RoverPorts = body.ports(file.fleet.range),
): Promise<Agent> {
  const { site, brokerUrl, identity = null, logger = SILENT_LOGGER } = joined;
  const tls = identity === null ? {} : { tls: identity.tls };
  const tracing = await openTracer({ service: 'outrider-rover', attributes: { site, rover: body.id } }, logger);
  const will = roverLastWill(site, body.id, file.mission.id);
  const bus = await connectMqttBus({ url: brokerUrl, clientId: memberClientId('rover', body.id), will, logger, ...tls });
  const assembled = await assembleRover({
    id: body.id,
    tracer: tracing.tracer,
    site,
    mission: file.mission.id,
    startPose: file.mission.startPoses === 'all' || body.id === file.fleet.rovers[0]?.id ? body.vehicle.pose : null,
    geometry: body.vehicle.spec.geometry,
    ports,
    compute: body.compute,
    modelled: 'onboard',
    clock,
    bus,
    dataPlane: new TcpDataPlane(identity === null ? {} : { tls: { client: identity.tls } }),
    ...(identity === null ? {} : { credential: identity.credential }),
    session: Math.floor(performance.timeOrigin).toString(36),
    bundles,
    mapServerPlacement: file.mission.mapServer.placement,
    detection: file.mission.detection,
    logger,
  });
  await assembled.start();
  const stop = async (): Promise<void> => {
    const stopped = assembled.stop();
    // A broker that is away, or has put the rover out, hears no goodbye.
    const patience = clock.after(GOODBYE_SEC, () => void bus.close());
    await stopped.catch(() => undefined);
    patience.stop();
    await bus.close();
    await tracing.close();
  };
  return { assembled: { ...assembled, stop }, body, error: new PoseError() };
}
