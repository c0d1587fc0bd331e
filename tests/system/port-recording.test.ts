// A simulated rover writes down what its ports deliver, and the recording leads the same agent to the same poses and the same map.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missionSchema } from '../../missions/definition.ts';
import { assembleRover } from '../../robot/assemble-rover.ts';
import { PortPlayer } from '../../robot/recording/port-player.ts';
import { PortRecorder } from '../../robot/recording/port-recorder.ts';
import { type PortRecording, readPortRecording } from '../../robot/recording/port-recording.ts';
import { replayRecording } from '../../robot/replay/main.ts';
import type { RoverPorts } from '../../robot/rover.ts';
import { distance } from '../../shared/geometry/pose2.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { createInfrastructure, startInProcessEdge } from '../../sim/headless/main.ts';
import { loadBundles } from '../../sim/main.ts';
import { buildSimulatedMission } from '../../sim/mission-file.ts';
import { LINKS } from '../../sim/network/link-model.ts';
import { fleetSchema, type RangeSensor } from '../../sim/scenario/fleet-schema.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';

const LIMIT_MS = 120_000;
const DRIVE_SEC = 25;
const WORLD = worldSchema.parse({
  name: 'room',
  sizeM: [8, 6],
  walls: [
    {
      path: [
        [4, 0],
        [4, 2.5],
      ],
    },
  ],
  hazards: [{ class: 'chemical-drum', at: [6.5, 4.5] }],
  starts: [{ at: [1.4, 1.4], yawDeg: 45 }],
});
const FLEET = fleetSchema.parse({ rovers: [{ id: 'rover-1', faults: [{ sensor: 'lidar', fromSec: 10, toSec: 12 }] }] });
/** With the detector that a replay has. */
const MISSION = missionSchema.parse({ id: 'room', title: 'A room', timeLimitSec: 600, detection: { detector: 'classical' } });

interface Drive {
  readonly ownMap: OccupancyMap;
  readonly finalPose: { x: number; y: number; theta: number };
  readonly travelledM: number;
}

/** Lets a simulated rover explore for a while with its ports recorded. */
async function driveAndRecord(path: string, range: RangeSensor = 'lidar', driveSec = DRIVE_SEC): Promise<Drive> {
  const clock = new VirtualClock();
  const simulated = buildSimulatedMission({ world: WORLD, fleet: FLEET }, { clock, seed: 3 });
  const stage = createInfrastructure(clock, simulated.random, SILENT_LOGGER);
  const edge = await clock.runUntilSettled(startInProcessEdge(stage));
  const body = simulated.site.rovers[0] as (typeof simulated.site.rovers)[number];
  stage.network.setLink(body.id, LINKS.lan);
  const startPose = { ...body.vehicle.pose };
  const { geometry } = body.vehicle.spec;
  const head = { rover: body.id, startPose, geometry: { ...geometry } };
  const recorder = await clock.runUntilSettled(PortRecorder.start({ path, clock, ports: { ...body.ports(range), imu: body.imu }, head }));
  const assembled = await clock.runUntilSettled(
    assembleRover({
      ...{ id: body.id, site: 'site', mission: MISSION.id, startPose, geometry, ports: recorder.ports },
      compute: body.compute,
      modelled: 'all',
      clock,
      bus: stage.broker.connect(body.id, { node: body.id }),
      dataPlane: stage.dataPlane.at(body.id),
      session: 'recorded',
      bundles: await loadBundles(),
      mapServerPlacement: 'edge',
      detection: MISSION.detection,
      logger: SILENT_LOGGER,
    }),
  );
  recorder.follow(() => assembled.rover.pose);
  simulated.site.start();
  await clock.runUntilSettled(assembled.start());
  await clock.run({ untilSec: clock.nowSec() + driveSec });
  await clock.runUntilSettled(assembled.stop());
  await clock.runUntilSettled(recorder.close());
  expect(recorder.state).toEqual({ leftOut: 0, failure: null });
  simulated.site.stop();
  await clock.runUntilSettled(edge.close());
  return { ownMap: assembled.rover.ownMap, finalPose: assembled.rover.pose, travelledM: distance(body.vehicle.pose, startPose) };
}

describe('a recorded drive', { timeout: LIMIT_MS }, () => {
  let folder = '';
  let driven: Drive;
  let recording: PortRecording;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-recording-'));
    driven = await driveAndRecord(join(folder, 'drive.mcap'));
    recording = await readPortRecording(join(folder, 'drive.mcap'));
  }, LIMIT_MS);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds every cycle, scan, picture, reading and command, and ends as it should', () => {
    const count = (topic: string): number => recording.records.filter((record) => record.topic === topic).length;
    expect(recording.complete).toBe(true);
    expect(recording.head).toMatchObject({ rover: 'rover-1', camera: { mount: { xM: expect.any(Number) } } });
    expect(count('drive')).toBeGreaterThan(10 * DRIVE_SEC - 10);
    expect(count('lidar')).toBeGreaterThan(10 * (DRIVE_SEC - 2) - 10);
    expect(count('camera')).toBeGreaterThan(5);
    expect(count('power')).toBeGreaterThan(50);
    expect(count('metrics')).toBeGreaterThan(50);
    expect(count('imu')).toBe(count('drive'));
    expect(count('command')).toBeGreaterThan(100);
    expect(driven.travelledM).toBeGreaterThan(1);
  });

  it('replayed leads the agent along the same poses to the same map', async () => {
    const replay = await replayRecording(recording);
    expect(replay.difference.samples).toBeGreaterThan(200);
    expect(replay.difference.max_m).toBeLessThan(1e-12);
    expect(replay.difference.max_rad).toBeLessThan(1e-12);
    expect(distance(replay.finalPose, driven.finalPose)).toBeLessThan(1e-12);
    expect(replay.ownMap).toEqual(driven.ownMap);
    expect(replay.mergedMap).not.toBeNull();
    expect(replay.detectorCalls).toBeGreaterThan(5);
  });

  it('cut off by a crash is read up to there', async () => {
    const bytes = await readFile(join(folder, 'drive.mcap'));
    const path = join(folder, 'crashed.mcap');
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
    const crashed = await readPortRecording(path);
    expect(crashed.complete).toBe(false);
    const known = crashed.records.map(({ topic, atSec, bulk }) => [topic, atSec, bulk.length]);
    expect(known).toEqual(recording.records.slice(0, known.length).map(({ topic, atSec, bulk }) => [topic, atSec, bulk.length]));
    expect(crashed.records.length).toBeGreaterThan(100);
  });

  it('gives each cycle at its recorded time, also where cycles were late', () => {
    const atSec = [3.02, 3.11, 3.27, 3.3];
    const drives = recording.records.filter(({ topic }) => topic === 'drive').slice(0, 4);
    const late = { ...recording, records: drives.map((record, index) => ({ ...record, atSec: atSec[index] as number })) };
    const base = new VirtualClock();
    const player = new PortPlayer(late, base, 0.1);
    const times: number[] = [];
    base.every(0.1, () => {
      times.push(player.clock.nowSec());
      player.ports.drive.update();
    });
    return base.run({ untilSec: 0.45 }).then(() => {
      times.forEach((time, index) => expect(time).toBeCloseTo(atSec[index] as number, 9));
      expect(player.done).toBe(true);
      expect(player.ports.drive.update().connected).toBe(false);
    });
  });

  it.each([
    ['is not MCAP', Buffer.from('nothing of the kind'), 'OUT_RECORDING_INVALID'],
    ['is missing', null, 'OUT_CONFIG_UNREADABLE'],
  ])('that %s is refused with a code', async (name, bytes, code) => {
    const path = join(folder, `${name}.mcap`);
    if (bytes !== null) await writeFile(path, bytes);
    await expect(readPortRecording(path)).rejects.toMatchObject({ code });
  });

  it('to a place that cannot be written is refused before the rover starts', async () => {
    const ports = { drive: {}, lidar: {}, camera: null, power: null, metrics: null } as unknown as RoverPorts;
    const head = { rover: 'r', startPose: { x: 0, y: 0, theta: 0 }, geometry: { wheelRadiusM: 0.1, wheelBaseM: 0.3 } };
    await expect(PortRecorder.start({ path: join(folder, 'no', 'such.mcap'), clock: new VirtualClock(), ports, head })).rejects.toThrow(
      /ENOENT/,
    );
  });
});

describe('a recorded drive by sonar', { timeout: LIMIT_MS }, () => {
  it('replayed leads the agent along the same poses to the same map', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrider-recording-'));
    const driven = await driveAndRecord(join(folder, 'sonar.mcap'), 'sonar', 20);
    const recording = await readPortRecording(join(folder, 'sonar.mcap'));
    await rm(folder, { recursive: true, force: true });
    expect(recording.records.filter(({ topic }) => topic === 'range').length).toBeGreaterThan(100);
    expect(recording.records.some(({ topic }) => topic === 'lidar')).toBe(false);
    expect(driven.travelledM).toBeGreaterThan(0.1);
    const replay = await replayRecording(recording);
    expect(replay.difference.max_m).toBeLessThan(1e-12);
    expect(replay.ownMap).toEqual(driven.ownMap);
  });
});
