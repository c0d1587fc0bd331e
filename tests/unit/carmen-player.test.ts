// A log played through the ports leads an agent along exactly the log's poses.
import { describe, expect, it } from 'vitest';
import type { CarmenLog, LogScan } from '../../robot/recording/carmen-log.ts';
import { CarmenPlayer, splitLog } from '../../robot/recording/carmen-player.ts';
import { WheelOdometry } from '../../robot/odometry.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { compose, distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { ROOM, scanFrom } from './slam-world.ts';

const GEOMETRY = { wheelRadiusM: 0.033, wheelBaseM: 0.24 };

function makeLog(count: number, periodSec: number): CarmenLog {
  const random = new SeededRandom(4);
  const scans: LogScan[] = Array.from({ length: count }, (_, i) => {
    const pose = { x: 3 * random.next() - 1, y: 2 * random.next() - 1, theta: 6 * random.next() - 3 };
    const scan = { ...scanFrom(ROOM, pose, i * periodSec, { rays: 36 }), sequence: i };
    return { scan, timeSec: i, corrected: pose, odometry: compose({ x: 5, y: 5, theta: 1 }, pose) };
  });
  return { scans, durationSec: (count - 1) * periodSec, timed: true, maxRangeM: 80 };
}

describe('splitting a log', () => {
  it('gives every scan to exactly one rover, in order', () => {
    const log = makeLog(11, 1);
    for (const rovers of [1, 2, 3, 11]) {
      const parts = splitLog(log, rovers);
      expect(parts.flatMap(({ scans }) => scans)).toEqual(log.scans);
      expect(Math.max(...parts.map(({ scans }) => scans.length)) - Math.min(...parts.map(({ scans }) => scans.length))).toBeLessThan(2);
      for (const { scans, startPose } of parts) expect(startPose).toBe(scans[0]?.corrected);
    }
  });

  it('refuses more rovers than scans, and none', () => {
    expect(() => splitLog(makeLog(3, 1), 4)).toThrow(RangeError);
    expect(() => splitLog(makeLog(3, 1), 0)).toThrow(RangeError);
  });
});

describe('an agent that lives through a log', () => {
  it.each([
    ['corrected', 1],
    ['raw', 1],
    ['raw', 0.12],
  ] as const)('stands at each %s pose when the scan comes (scans %f s apart, cycles of 0.1 s)', async (odometry, periodSec) => {
    const log = makeLog(12, periodSec);
    const part = splitLog(log, 1)[0] as ReturnType<typeof splitLog>[number];
    const clock = new VirtualClock();
    const player = new CarmenPlayer({ part, clock, geometry: GEOMETRY, odometry });
    const wheels = new WheelOdometry(GEOMETRY);
    const poses = log.scans.map((item) => (odometry === 'corrected' ? item.corrected : item.odometry));
    const seen: number[] = [];
    clock.every(0.1, () => {
      const pose = compose(poses[0] as Pose2, wheels.update(player.drive.update()));
      const { scan } = player.lidar.update();
      if (scan === null || scan.sequence === seen.at(-1)) return;
      seen.push(scan.sequence);
      expect(scan.stampSec).toBe(clock.nowSec());
      expect(scan.rangesM).toEqual(log.scans[scan.sequence]?.scan.rangesM);
      const expected = poses[scan.sequence] as Pose2;
      expect(distance(pose, expected)).toBeLessThan(1e-9);
      expect(Math.abs(angleDifference(pose.theta, expected.theta))).toBeLessThan(1e-9);
    });
    await clock.run({ until: () => player.done });
    expect(seen).toEqual(log.scans.map((_, i) => i));
    expect(player.progress).toBe(1);
    // A scan waits for the wheels, which need three cycles; beyond that nothing is late.
    expect(clock.nowSec()).toBeLessThan(Math.max(log.durationSec, 0.45 * log.scans.length) + 0.5);
  });
});
