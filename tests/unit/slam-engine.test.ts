// The whole localisation and mapping on drives in small worlds: what a rover would notice.
import { describe, expect, it } from 'vitest';
import { Slam } from '../../robot/navigation/slam.ts';
import { TRUSTED_ODOMETRY } from '../../robot/navigation/slam-config.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { compose, distance, IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { mapAgreement } from '../../shared/mapping/map-agreement.ts';
import { OccupancyGrid } from '../../shared/mapping/occupancy-grid.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { box, drive, lastOf, RING, ROOM, scanFrom, type ScannerOptions, type Segment, straight, turn } from './slam-world.ts';

const DRIFT = { wayShare: 0.1, headingPerM: 0.04, turnShare: 0.08 };

interface Run {
  readonly slam: Slam;
  readonly truth: readonly Pose2[];
  readonly worstM: number;
  readonly worstRad: number;
  /** Largest step of the estimate beyond the true one, after the first scan [m]. */
  readonly worstJumpM: number;
  readonly unmatched: number;
  readonly odometryErrorM: number;
}

function run(world: readonly Segment[], start: Pose2, way: readonly Pose2[], seed: number, scanner: ScannerOptions = {}, config = {}): Run {
  const random = new SeededRandom(seed);
  const { truth, odometry } = drive(start, way, DRIFT, random.fork('odometry'));
  const slam = new Slam({ startPose: start, config: { keepTrajectory: true, ...config } });
  const noise = random.fork('lidar');
  let [worstM, worstRad, worstJumpM, unmatched] = [0, 0, 0, 0];
  let last: Pose2 | null = null;
  for (const [i, pose] of truth.entries()) {
    const scan = scanFrom(world, pose, i / 10, { noiseM: 0.012, random: noise, ...scanner });
    const estimate = slam.update(scan, odometry[i] as Pose2);
    worstM = Math.max(worstM, distance(estimate.pose, pose));
    worstRad = Math.max(worstRad, Math.abs(angleDifference(estimate.pose.theta, pose.theta)));
    if (last !== null) worstJumpM = Math.max(worstJumpM, distance(estimate.pose, last) - distance(pose, truth[i - 1] as Pose2));
    last = estimate.pose;
    if (!estimate.matched) unmatched += 1;
  }
  const odometryErrorM = distance(compose(start, lastOf(odometry)), lastOf(truth));
  return { slam, truth, worstM, worstRad, worstJumpM, unmatched, odometryErrorM };
}

describe('a rover that drives about in a room', () => {
  const way = [...straight(2.5), ...turn(2), ...straight(2), ...turn(-1.2), ...straight(2), ...turn(2.5), ...straight(3), ...turn(1.5)];

  it.each([1, 2, 3])('knows where it is within 3 cm and half a degree although its odometry drifts (seed %i)', (seed) => {
    const result = run(ROOM, { x: -1, y: 0.5, theta: -0.3 }, way, seed);
    expect(result.worstM).toBeLessThan(0.03);
    expect(result.worstRad).toBeLessThan(0.5 * (Math.PI / 180));
    expect(result.unmatched).toBe(0);
    expect(result.odometryErrorM).toBeGreaterThan(5 * result.worstM);
  });

  it('comes to the same bits on the same input', () => {
    const a = run(ROOM, IDENTITY, way, 5).slam;
    const b = run(ROOM, IDENTITY, way, 5).slam;
    expect(a.toOccupancyMap()).toEqual(b.toOccupancyMap());
    expect(a.trajectory()).toEqual(b.trajectory());
  });

  it('moves its frame while it drives on: poses and map change together, once, and are as exact afterwards', () => {
    const start: Pose2 = { x: -1, y: 0.5, theta: -0.3 };
    const change: Pose2 = { x: 3, y: -2, theta: 1.1 };
    const random = new SeededRandom(4);
    const { truth, odometry } = drive(start, way, DRIFT, random.fork('odometry'));
    const slam = new Slam({ startPose: start });
    let changedAt = -1;
    let worstM = 0;
    for (const [i, pose] of truth.entries()) {
      if (i === 60) slam.rebase(change);
      const estimate = slam.update(scanFrom(ROOM, pose, i / 10, { noiseM: 0.012, random }), odometry[i] as Pose2);
      const taken = slam.takeFrameChange();
      if (taken !== null) {
        expect(changedAt).toBe(-1);
        expect(taken).toEqual(change);
        changedAt = i;
      }
      worstM = Math.max(worstM, distance(estimate.pose, changedAt >= 0 ? compose(change, pose) : pose));
    }
    expect(changedAt).toBeGreaterThanOrEqual(60);
    expect(changedAt).toBeLessThan(90);
    expect(worstM).toBeLessThan(0.04);
    const expected = new Slam({ startPose: compose(change, start) });
    const again = new SeededRandom(4);
    const replay = drive(start, way, DRIFT, again.fork('odometry'));
    for (const [i, pose] of replay.truth.entries())
      expected.update(scanFrom(ROOM, pose, i / 10, { noiseM: 0.012, random: again }), replay.odometry[i] as Pose2);
    slam.finish();
    expect(mapAgreement(slam.toOccupancyMap(), expected.toOccupancyMap()).agreement).toBeGreaterThan(0.97);
  });

  it('recovers from wheels that spin on the spot', () => {
    const random = new SeededRandom(3);
    const { truth, odometry } = drive(IDENTITY, straight(2), { wayShare: 0, headingPerM: 0, turnShare: 0 }, random);
    const slam = new Slam();
    for (const [i, pose] of truth.entries()) {
      // From the tenth scan on, the odometry is 12 cm and 10° further than the rover.
      const slipped = i < 10 ? (odometry[i] as Pose2) : compose(odometry[i] as Pose2, { x: 0.12, y: 0, theta: 0.17 });
      const estimate = slam.update(scanFrom(ROOM, pose, i / 10), slipped);
      expect(distance(estimate.pose, pose)).toBeLessThan(0.03);
    }
  });
});

describe('a rover that comes back to where it began', () => {
  const side = [...straight(14), ...turn(Math.PI / 2)];
  const way = [...side, ...side, ...side, ...side, ...straight(10)];

  it.each([1, 2])('closes the loop: the corridor is there once, and in its place (seed %i)', (seed) => {
    const { slam, truth } = run(RING, IDENTITY, way, seed, { rangeMaxM: 6 });
    slam.finish();
    expect(slam.stats.loops).toBeGreaterThan(0);
    const errors = slam.trajectory().map(({ pose }, i) => distance(pose, truth[i] as Pose2));
    expect(Math.max(...errors)).toBeLessThan(0.15);
    const perfect = new OccupancyGrid();
    for (const [i, pose] of truth.entries()) if (i % 3 === 0) perfect.integrate(scanFrom(RING, pose, 0, { rangeMaxM: 6 }), pose);
    expect(mapAgreement(slam.toOccupancyMap(), perfect.toOccupancyMap()).agreement).toBeGreaterThan(0.8);
  });

  it('a reader that takes only news has the same map in the end as one that comes late', () => {
    const random = new SeededRandom(2);
    const { truth, odometry } = drive(IDENTITY, way, DRIFT, random.fork('odometry'));
    const slam = new Slam();
    const reader = new Map<string, Int8Array>();
    let seen = 0;
    const read = (): void => {
      for (const { tileX, tileY, cells } of slam.patchesSince(seen)) reader.set(`${tileX},${tileY}`, cells);
      seen = slam.revision;
    };
    for (let i = 0; i < truth.length; i += 4) {
      slam.update(scanFrom(RING, truth[i] as Pose2, i / 10, { rays: 180, rangeMaxM: 6 }), odometry[i] as Pose2);
      if (i % 12 === 0) read();
    }
    slam.finish();
    read();
    expect(slam.stats.loops).toBeGreaterThan(0);
    const late = new Map(slam.patchesSince(0).map(({ tileX, tileY, cells }) => [`${tileX},${tileY}`, cells]));
    expect([...reader.keys()].sort()).toEqual([...late.keys()].sort());
    for (const [key, cells] of late) expect(reader.get(key)).toEqual(cells);
  });
});

describe('where the lidar says little', () => {
  it('goes on by odometry in an open field, without a jump', () => {
    const result = run(box(-200, -200, 200, 200), IDENTITY, straight(10), 1);
    expect(result.worstM).toBeLessThan(1.5 * result.odometryErrorM + 0.2);
    expect(result.worstJumpM).toBeLessThan(0.1);
    expect(result.unmatched).toBeGreaterThan(100);
  });

  it('keeps the walls of a long bare corridor and takes the way along it from odometry', () => {
    const corridor = box(-50, -1, 100, 1);
    const result = run(corridor, IDENTITY, straight(20), 2);
    const end = lastOf(result.slam.trajectory()).pose;
    expect(Math.abs(end.y)).toBeLessThan(0.03);
    expect(Math.abs(end.theta)).toBeLessThan(0.01);
    expect(Math.abs(end.x - 20)).toBeLessThan(result.odometryErrorM + 0.3);
    expect(result.worstJumpM).toBeLessThan(0.1);
  });

  it('says how sure it is: along the corridor less than across it', () => {
    const corridor = box(-50, -1, 100, 1);
    const slam = new Slam();
    const { truth, odometry } = drive(IDENTITY, straight(5), DRIFT, new SeededRandom(1));
    const estimates = truth.map((pose, i) => slam.update(scanFrom(corridor, pose, i / 10), odometry[i] as Pose2));
    const covariance = lastOf(estimates).covariance;
    expect(covariance[0]).toBeGreaterThan(20 * covariance[4]);
  });
});

describe('input that is right already', () => {
  it('is taken as it is: TRUSTED_ODOMETRY never moves a pose', () => {
    const random = new SeededRandom(1);
    const start = { x: 1, y: -1, theta: 0.5 };
    const { truth, odometry } = drive(start, [...straight(3), ...turn(1)], { wayShare: 0, headingPerM: 0, turnShare: 0 }, random);
    const slam = new Slam({ startPose: start, config: TRUSTED_ODOMETRY });
    for (const [i, pose] of truth.entries()) {
      const estimate = slam.update(scanFrom(ROOM, pose, i / 10), odometry[i] as Pose2);
      expect(distance(estimate.pose, pose)).toBeLessThan(1e-9);
    }
    expect(slam.stats.loops).toBe(0);
  });
});
