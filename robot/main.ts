// `outrider replay` and `outrider map merge`: recorded logs through the rover agent, and maps put together.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MissionCoordinator } from '../missions/coordinator.ts';
import { missionSchema } from '../missions/definition.ts';
import { writeMap } from '../missions/outputs.ts';
import { OutriderError } from '../shared/errors.ts';
import { mapAgreement } from '../shared/mapping/map-agreement.ts';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import { mergeMaps } from '../shared/mapping/registration/merge-maps.ts';
import { rotateMap } from '../shared/mapping/rotate-map.ts';
import { SILENT_LOGGER } from '../shared/ports/logger.ts';
import { VirtualClock } from '../sim/clock/virtual-clock.ts';
import { createInfrastructure, HEADLESS_SITE, startInProcessEdge } from '../sim/headless/main.ts';
import { loadBundles } from '../sim/main.ts';
import { LINKS } from '../sim/network/link-model.ts';
import { SeededRandom } from '../sim/random/seeded-random.ts';
import { type AssembledRover, assembleRover } from './assemble-rover.ts';
import { parseRelations } from './navigation/localization/relative-pose-error.ts';
import { TRUSTED_ODOMETRY } from './navigation/slam-config.ts';
import { type CarmenLog, loadCarmenLog } from './recording/carmen-log.ts';
import { CarmenPlayer, splitLog } from './recording/carmen-player.ts';
import { evaluateLog, mapOfLog } from './recording/evaluate-log.ts';
import { loadMap } from './recording/load-map.ts';
import { roverLastWill } from './telemetry.ts';

export interface ReplayOptions {
  readonly rovers: number;
  readonly odometry: 'corrected' | 'raw';
  readonly evaluate?: boolean;
  readonly relations?: string;
  readonly unknownStarts?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Plays a log through the fleet, or (with `evaluate` or `relations`) measures localisation on it. Throws coded errors for a bad log. */
export async function runReplay(path: string, options: ReplayOptions): Promise<boolean> {
  if (path.endsWith('.mcap')) return (await import('./replay/main.ts')).runRecordingReplay(path, options);
  const log = await loadCarmenLog(path);
  const head = {
    log: basename(path),
    scans: log.scans.length,
    log_duration_s: log.durationSec,
    timed: log.timed,
    odometry: options.odometry,
  };
  const evaluating = options.evaluate === true || options.relations !== undefined;
  const { report, map } = evaluating ? await evaluate(log, options) : await replayFleet(log, options);
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, 'report.json'), `${JSON.stringify({ ...head, ...report }, null, 2)}\n`);
    await writeMap(options.out, map);
  }
  if (options.json === true) console.log(JSON.stringify({ ...head, ...report }));
  else console.log(JSON.stringify({ ...head, ...report }, null, 2));
  return true;
}

type Replayed = { readonly report: Record<string, unknown>; readonly map: OccupancyMap };

async function evaluate(log: CarmenLog, options: ReplayOptions): Promise<Replayed> {
  let relations = null;
  if (options.relations !== undefined) {
    const path = options.relations;
    try {
      relations = parseRelations(await readFile(path, 'utf8'));
    } catch (cause) {
      throw new OutriderError('OUT_CONFIG_UNREADABLE', `${path}: ${(cause as Error).message}`, { cause });
    }
  }
  const { evaluation, map } = evaluateLog(log, options.odometry, relations);
  return { report: { evaluation }, map };
}

/** Wheels of the rovers that play a log; any will do, since player and agent are given the same. */
const GEOMETRY = { wheelRadiusM: 0.1, wheelBaseM: 0.4 };
/** Without a camera: the detector is the one that loads no network. */
const MISSION = missionSchema.parse({
  ...{ id: 'replay', title: 'Replay of a recorded log', timeLimitSec: 86_400 },
  detection: { detector: 'classical' },
});

async function replayFleet(log: CarmenLog, options: ReplayOptions): Promise<Replayed> {
  const started = performance.now();
  const parts = splitLog(log, options.rovers);
  const clock = new VirtualClock();
  const stage = createInfrastructure(clock, new SeededRandom(1), SILENT_LOGGER);
  const { network, broker, dataPlane } = stage;
  const edge = await clock.runUntilSettled(startInProcessEdge(stage));
  const bundles = await loadBundles();
  const names = parts.map((_, index) => `rover-${index + 1}`);
  const coordinator = new MissionCoordinator({
    bus: broker.connect('coordinator'),
    clock,
    site: HEADLESS_SITE,
    mission: MISSION,
    rovers: names,
    speed: 1,
    bounds: null,
  });
  await clock.runUntilSettled(coordinator.start());
  const rovers: AssembledRover[] = [];
  for (const [index, part] of parts.entries()) {
    const id = names[index] as string;
    network.setLink(id, LINKS.lan);
    const player = new CarmenPlayer({ part, clock, geometry: GEOMETRY, odometry: options.odometry });
    const assembled = await assembleRover({
      id,
      site: HEADLESS_SITE,
      mission: MISSION.id,
      startPose: options.unknownStarts === true && index > 0 ? null : part.startPose,
      threads: false,
      geometry: GEOMETRY,
      ports: { drive: player.drive, lidar: player.lidar, camera: null, power: null, metrics: null },
      compute: null,
      modelled: 'all',
      clock,
      bus: broker.connect(id, { node: id, will: roverLastWill(HEADLESS_SITE, id, MISSION.id) }),
      dataPlane: dataPlane.at(id),
      session: 'replay',
      bundles,
      mapServerPlacement: 'edge',
      detection: MISSION.detection,
      logger: SILENT_LOGGER,
      slam: options.odometry === 'corrected' ? TRUSTED_ODOMETRY : {},
      passenger: { finished: () => player.done },
    });
    await clock.runUntilSettled(assembled.start());
    rovers.push(assembled);
  }
  const result = await clock.runUntilSettled(coordinator.result);
  for (const rover of rovers) await clock.runUntilSettled(rover.stop());
  await clock.run({ untilSec: clock.nowSec() + 1 });
  await clock.runUntilSettled(coordinator.close());
  await clock.runUntilSettled(edge.close());
  const map = coordinator.view.map();
  if (map === null) throw new OutriderError('OUT_INTERNAL', 'the replay left no merged map');
  const wallSec = (performance.now() - started) / 1000;
  const agreement = mapAgreement(map, mapOfLog(log.scans));
  const histories = rovers.map((rover) => rover.history().mapServer);
  const moved = (kind: string): number =>
    histories.flatMap(({ moves }) => moves).filter((move) => move.kind === kind && move.outcome === 'moved').length;
  const report = {
    outcome: result.outcome,
    rovers: rovers.length,
    duration_s: result.durationSec,
    map: {
      agreement: agreement.agreement,
      merged_agreement: agreement.mergedAgreement,
      reference_agreement: agreement.referenceAgreement,
      occupied_cells: agreement.mergedCells,
    },
    located: rovers.filter(({ rover }) => rover.located).length,
    offload: { map_server: { deployed: moved('offload'), redirected: moved('redirect') } },
    calls: {
      onboard: histories.reduce((sum, { stats }) => sum + stats.calls.onboard, 0),
      edge: histories.reduce((sum, { stats }) => sum + stats.calls.edge, 0),
      lost: histories.reduce((sum, { stats }) => sum + stats.calls.lost, 0),
    },
    wall: { duration_s: wallSec, real_time_factor: log.durationSec / wallSec, peak_rss_mb: process.resourceUsage().maxRSS / 1024 },
  };
  return { report, map };
}

export interface MapMergeOptions {
  readonly resolution?: number;
  readonly yawB?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** Registers the maps pair by pair and merges those that agree; true when all of them did. */
export async function runMapMerge(paths: readonly string[], options: MapMergeOptions): Promise<boolean> {
  if (paths.length < 2) throw new OutriderError('OUT_CLI_USAGE', 'map merge needs at least two maps');
  const maps = [];
  for (const [index, path] of paths.entries()) {
    const map = await loadMap(path, { resolutionM: options.resolution });
    maps.push({ name: path, map: index === 1 && options.yawB !== undefined ? rotateMap(map, options.yawB) : map });
  }
  const started = performance.now();
  const { pairs, poses, merged } = mergeMaps(maps);
  const wallSec = (performance.now() - started) / 1000;
  const members = [...poses].map(([map, pose]) => ({ map, pose }));
  if (options.out !== undefined && merged !== null) {
    await mkdir(options.out, { recursive: true });
    await writeMap(options.out, merged);
  }
  if (options.json === true)
    console.log(JSON.stringify({ pairs, merged: merged === null ? null : members, wall: { duration_s: wallSec } }));
  else {
    for (const { a, b, transform, confidence, accepted, reasons } of pairs) {
      const where =
        transform === null
          ? ''
          : `x ${transform.x.toFixed(3)} m, y ${transform.y.toFixed(3)} m, theta ${((transform.theta * 180) / Math.PI).toFixed(2)}°`;
      console.log(
        `${accepted ? 'accepted' : 'rejected'}  ${a}  ${b}  ${where}  confidence ${confidence.toFixed(2)}${reasons.length > 0 ? `  (${reasons.join('; ')})` : ''}`,
      );
    }
    console.log(merged === null ? 'nothing could be merged' : `${poses.size} of ${maps.length} maps merged in ${wallSec.toFixed(1)} s`);
  }
  return poses.size === maps.length;
}
