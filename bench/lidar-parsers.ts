// How many times faster than the sensor each lidar parser is on one core, bytes in, scans out, in the chunks that a serial port gives.
import { LD19 } from '../hardware/lidars/ld06.ts';
import { Ld06Parser } from '../hardware/lidars/ld06-parser.ts';
import type { LidarModel, PointSink } from '../hardware/lidars/lidar-protocol.ts';
import { Revolution } from '../hardware/lidars/revolution.ts';
import { SLAMTEC_A1, SLAMTEC_C1 } from '../hardware/lidars/slamtec.ts';
import { SlamtecCapsuleParser } from '../hardware/lidars/slamtec-capsules.ts';
import { SlamtecNodeParser } from '../hardware/lidars/slamtec-nodes.ts';
import { SeededRandom } from '../sim/random/seeded-random.ts';
import { buildLidarStream, joinBytes, POINTS_PER_PACKET, type StreamKind } from '../tests/support/lidar-streams.ts';
import { atLeast, type Bench, quantile, type Target } from './bench-result.ts';

const TARGET = 20;
const ROUNDS = 15;
const STREAM_POINTS = 48_000;
/** What `read` gives at a time from a USB serial adapter. */
const CHUNK_BYTES = 64;

interface Case {
  readonly name: string;
  readonly model: LidarModel;
  readonly kind: StreamKind;
  readonly hz: number;
  readonly make: (sink: PointSink) => { feed(bytes: Uint8Array): void };
}

const CASES: readonly Case[] = [
  { name: 'ld19', model: LD19, kind: 'ld06', hz: 10, make: (sink) => new Ld06Parser(sink) },
  { name: 'a1_standard', model: SLAMTEC_A1, kind: 'nodes', hz: 8, make: (sink) => new SlamtecNodeParser(sink) },
  { name: 'a1_express', model: SLAMTEC_A1, kind: 'express', hz: 8, make: (sink) => new SlamtecCapsuleParser('express', sink) },
  { name: 'c1_dense', model: SLAMTEC_C1, kind: 'dense', hz: 10, make: (sink) => new SlamtecCapsuleParser('dense', sink) },
];

/** A stream as the sensor sends it; with damage, one byte of a hundred is wrong. */
function streamOf({ kind, model, hz }: Case, damaged: boolean): Uint8Array {
  const random = new SeededRandom(1);
  const bytes = joinBytes(
    buildLidarStream({
      kind,
      packets: Math.round(STREAM_POINTS / POINTS_PER_PACKET[kind]),
      startDeg: 0,
      stepDeg: (360 * hz) / model.pointsPerSec,
      distanceMm: () => Math.round(200 + 8000 * random.next()),
    }).packets,
  );
  if (damaged) for (let index = 0; index < bytes.length; index += Math.ceil(200 * random.next())) bytes[index] = 256 * random.next();
  return bytes;
}

/** Sensor seconds per second of one core, median of the rounds, and the points of the last. */
function measure({ make, model }: Case, bytes: Uint8Array): { timesSensor: number; points: number; scans: number } {
  const times: number[] = [];
  let points = 0;
  let scans = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    points = 0;
    scans = 0;
    const revolution = new Revolution({
      rays: 360,
      rangeMinM: model.rangeMinM,
      rangeMaxM: model.rangeMaxM,
      nowSec: () => 0,
      onScan: () => (scans += 1),
    });
    const parser = make((clockwiseRad, rangeM) => {
      points += 1;
      revolution.add(clockwiseRad, rangeM);
    });
    const started = process.cpuUsage();
    for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) parser.feed(bytes.subarray(offset, offset + CHUNK_BYTES));
    const { user, system } = process.cpuUsage(started);
    times.push((user + system) / 1e6);
  }
  const sensorSec = STREAM_POINTS / model.pointsPerSec;
  return { timesSensor: sensorSec / quantile(times.slice(3), 0.5), points, scans };
}

export const bench: Bench = {
  name: 'lidar-parsers',
  description: 'serial lidar parsers against their sensors’ rates, on one core',
  run: () => {
    const results: Record<string, unknown> = {};
    const targets: Record<string, Target> = {};
    for (const item of CASES) {
      const clean = measure(item, streamOf(item, false));
      const damaged = measure(item, streamOf(item, true));
      results[item.name] = {
        sensor_points_per_s: item.model.pointsPerSec,
        times_sensor_rate: clean.timesSensor,
        points_per_s: clean.timesSensor * item.model.pointsPerSec,
        points: clean.points,
        scans: clean.scans,
        damaged_times_sensor_rate: damaged.timesSensor,
        damaged_points: damaged.points,
      };
      targets[`${item.name} times the sensor’s rate`] = atLeast(clean.timesSensor, TARGET);
      targets[`${item.name} times the sensor’s rate, 1 % of the bytes damaged`] = atLeast(damaged.timesSensor, TARGET);
    }
    return Promise.resolve({ results, targets });
  },
};
