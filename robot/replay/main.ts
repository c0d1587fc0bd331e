// `outrider replay FILE.mcap`: what a rover's ports delivered, through the same agent, with an edge site in this process.
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MissionCoordinator } from '../../missions/coordinator.ts';
import { missionSchema } from '../../missions/definition.ts';
import { writeMap } from '../../missions/outputs.ts';
import { OutriderError } from '../../shared/errors.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { createInfrastructure, HEADLESS_SITE, startInProcessEdge } from '../../sim/headless/main.ts';
import { loadBundles } from '../../sim/main.ts';
import { LINKS } from '../../sim/network/link-model.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { assembleRover } from '../assemble-rover.ts';
import { PortPlayer } from '../recording/port-player.ts';
import { type PortRecording, readPortRecording } from '../recording/port-recording.ts';
import { CONTROL_PERIOD_SEC, type RoverPorts } from '../rover.ts';
import { roverLastWill } from '../telemetry.ts';

/** The detector is that of a rover whose file names none. */
const MISSION = missionSchema.parse({
  ...{ id: 'replay', title: 'Replay of a recording', timeLimitSec: 86_400 },
  detection: { detector: 'classical' },
});

export interface RecordingReplayOptions {
  readonly rovers: number;
  readonly evaluate?: boolean;
  readonly relations?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** How far the replaying agent was from what the recorded one believed, cycle by cycle. */
export interface EstimateDifference {
  readonly samples: number;
  readonly max_m: number;
  readonly max_rad: number;
}

export interface RecordingReplay {
  readonly durationSec: number;
  readonly difference: EstimateDifference;
  readonly finalPose: Pose2;
  /** The rover's own map, and the Map Server's. */
  readonly ownMap: OccupancyMap;
  readonly mergedMap: OccupancyMap | null;
  readonly detectorCalls: number;
}

/** Replays the recording at `path` and reports. Throws coded errors for a file that is none. */
export async function runRecordingReplay(path: string, options: RecordingReplayOptions): Promise<boolean> {
  if (options.rovers !== 1 || options.evaluate === true || options.relations !== undefined)
    throw new OutriderError('OUT_CLI_USAGE', '--rovers, --evaluate and --relations are for CARMEN logs; a recording is of one rover');
  const started = performance.now();
  const recording = await readPortRecording(path);
  const { durationSec, difference, finalPose, ownMap, mergedMap, detectorCalls } = await replayRecording(recording);
  const wallSec = (performance.now() - started) / 1000;
  const report = {
    recording: basename(path),
    complete: recording.complete,
    rover: recording.head.rover,
    duration_s: durationSec,
    scans: recording.records.filter(({ topic }) => topic === 'lidar').length,
    pictures: recording.records.filter(({ topic }) => topic === 'camera').length,
    difference_from_recorded: difference,
    final_pose: finalPose,
    calls: { detector: detectorCalls },
    wall: { duration_s: wallSec, real_time_factor: durationSec / wallSec },
  };
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeMap(options.out, mergedMap ?? ownMap);
  }
  console.log(options.json === true ? JSON.stringify(report) : JSON.stringify(report, null, 2));
  return true;
}

/** The recording through an agent that drives nothing, on a virtual clock. */
export async function replayRecording(recording: PortRecording): Promise<RecordingReplay> {
  const { rover: id, startPose, geometry } = recording.head;
  const clock = new VirtualClock();
  const stage = createInfrastructure(clock, new SeededRandom(1), SILENT_LOGGER);
  const { network, broker, dataPlane } = stage;
  const edge = await clock.runUntilSettled(startInProcessEdge(stage));
  const bus = broker.connect('coordinator');
  const places = { bus, clock, site: HEADLESS_SITE, mission: MISSION };
  const coordinator = new MissionCoordinator({ ...places, rovers: [id], speed: 1, bounds: null });
  await clock.runUntilSettled(coordinator.start());
  network.setLink(id, LINKS.lan);
  const player = new PortPlayer(recording, clock, CONTROL_PERIOD_SEC);
  const compared = compare(player, () => assembled.rover.pose);
  const assembled = await assembleRover({
    ...{ id, site: HEADLESS_SITE, mission: MISSION.id, startPose, geometry },
    ports: compared.ports,
    compute: null,
    modelled: 'all',
    clock: player.clock,
    bus: broker.connect(id, { node: id, will: roverLastWill(HEADLESS_SITE, id, MISSION.id) }),
    dataPlane: dataPlane.at(id),
    session: 'replay',
    bundles: await loadBundles(),
    mapServerPlacement: 'edge',
    detection: MISSION.detection,
    logger: SILENT_LOGGER,
    passenger: { finished: () => player.done },
  });
  await clock.runUntilSettled(assembled.start());
  await clock.runUntilSettled(coordinator.result);
  await clock.runUntilSettled(assembled.stop());
  await clock.run({ untilSec: clock.nowSec() + 1 });
  await clock.runUntilSettled(coordinator.close());
  await clock.runUntilSettled(edge.close());
  const { calls } = assembled.history().detector.stats;
  return {
    durationSec: player.durationSec,
    difference: compared.difference(),
    finalPose: assembled.rover.pose,
    ownMap: assembled.rover.ownMap,
    mergedMap: coordinator.view.map(),
    detectorCalls: calls.onboard + calls.edge,
  };
}

/** The player's ports, and beside them how far `pose` is from the recorded estimate in each cycle. */
function compare(player: PortPlayer, pose: () => Pose2): { readonly ports: RoverPorts; readonly difference: () => EstimateDifference } {
  let samples = 0;
  let metres = 0;
  let radians = 0;
  const { drive } = player.ports;
  const update = (): ReturnType<typeof drive.update> => {
    const finished = player.done;
    const inputs = drive.update();
    const recorded = finished ? null : player.estimate;
    if (recorded !== null) {
      samples += 1;
      metres = Math.max(metres, distance(pose(), recorded));
      radians = Math.max(radians, Math.abs(angleDifference(pose().theta, recorded.theta)));
    }
    return inputs;
  };
  return { ports: { ...player.ports, drive: { ...drive, update } }, difference: () => ({ samples, max_m: metres, max_rad: radians }) };
}
