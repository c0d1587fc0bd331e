// Lifelong operation: what a rover remembers of a bounded place is bounded, and it knows its way as well as before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractEdges } from '../../robot/navigation/localization/key-frame-pruning.ts';
import { chained, reversed } from '../../robot/navigation/localization/pose-edge.ts';
import { optimizePoseGraph, type PoseEdge } from '../../robot/navigation/localization/pose-graph.ts';
import { Slam } from '../../robot/navigation/slam.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { between, compose, distance, IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { drive, ROOM, scanFrom, straight, turn } from './slam-world.ts';

const poseArb: fc.Arbitrary<Pose2> = fc.record({
  x: fc.double({ min: -5, max: 5, noNaN: true }),
  y: fc.double({ min: -5, max: 5, noNaN: true }),
  theta: fc.double({ min: -3, max: 3, noNaN: true }),
});
const INFORMATION = [400, 20, 5, 20, 300, 8, 5, 8, 2000] as const;
const edge = (from: number, to: number, relative: Pose2, loop = false): PoseEdge => ({
  from,
  to,
  relative,
  information: INFORMATION,
  loop,
});
const expectPose = (a: Pose2, b: Pose2): void => {
  expect(distance(a, b)).toBeLessThan(1e-6);
  expect(Math.abs(angleDifference(a.theta, b.theta))).toBeLessThan(1e-6);
};

describe('relations between poses', () => {
  it('turned round twice are the same, and chained say what both say with the uncertainty of both', () => {
    fc.assert(
      fc.property(poseArb, poseArb, (a, b) => {
        const first = edge(0, 1, a);
        const twice = reversed(reversed(first) as PoseEdge) as PoseEdge;
        expectPose(twice.relative, a);
        twice.information.forEach((value, i) => expect(value).toBeCloseTo(INFORMATION[i] as number, 3));
        const both = chained(first, edge(1, 2, b)) as PoseEdge;
        expect([both.from, both.to]).toEqual([0, 2]);
        expectPose(both.relative, compose(a, b));
        expect(both.information[8]).toBeLessThan(INFORMATION[8]); // two are less sure than one
        expectPose(
          (reversed(both) as PoseEdge).relative,
          (chained(reversed(edge(1, 2, b)) as PoseEdge, reversed(first) as PoseEdge) as PoseEdge).relative,
        );
      }),
    );
  });

  it('of a frame that goes are handed on: the others stay where they are', () => {
    fc.assert(
      fc.property(fc.array(poseArb, { minLength: 6, maxLength: 9 }), fc.integer({ min: 1, max: 4 }), (steps, removed) => {
        const poses = steps.reduce<Pose2[]>((way, step) => [...way, compose(way.at(-1) ?? IDENTITY, step)], [IDENTITY]);
        const at = (i: number): Pose2 => poses[i] as Pose2;
        const chain = steps.map((step, i) => edge(i, i + 1, step));
        const loops = [edge(0, removed, at(removed), true), edge(removed, 5, between(at(removed), at(5)), true)];
        const left = contractEdges([...chain, ...loops], removed);
        const kept = poses.filter((_, i) => i !== removed);
        for (const { from, to, relative } of left) expectPose(relative, between(kept[from] as Pose2, kept[to] as Pose2));
        expect(left.filter(({ loop }) => !loop)).toHaveLength(steps.length - 1);
        const solved = optimizePoseGraph(kept, left);
        expect(solved).not.toBeNull();
        for (const [i, pose] of (solved?.poses ?? []).entries()) expectPose(pose, kept[i] as Pose2);
      }),
    );
  });
});

describe('a rover that goes its rounds in one room', { timeout: 60_000 }, () => {
  /** Rounds through the room; returns the key frames after each and the error of the last round's poses. */
  function rounds(count: number, pruning: boolean) {
    const round = [...straight(2.4), ...turn(Math.PI / 2), ...straight(1.6), ...turn(Math.PI / 2)];
    const start = { x: -1, y: -1.6, theta: 0 };
    const way = Array.from({ length: count }, () => [...round, ...round]).flat();
    const random = new SeededRandom(4);
    const { truth, odometry } = drive(start, way, { wayShare: 0.1, headingPerM: 0.04, turnShare: 0.08 }, random.fork('odometry'));
    const slam = new Slam({ startPose: start, config: { keepTrajectory: true, pruning } });
    const noise = random.fork('lidar');
    const sizes: { readonly keyFrames: number; readonly scansKept: number }[] = [];
    for (const [i, pose] of truth.entries()) {
      slam.update(scanFrom(ROOM, pose, i / 10, { noiseM: 0.012, random: noise, rays: 180 }), odometry[i] as Pose2);
      if ((i + 1) % (2 * round.length) === 0) sizes.push(slam.stats);
    }
    slam.finish();
    const errors = slam.trajectory().map(({ pose }, i) => distance(pose, truth[i] as Pose2));
    return { sizes, slam, worstM: Math.max(...errors), truth };
  }

  it('stops to grow and keeps its accuracy and all its poses', () => {
    const pruned = rounds(12, true);
    const whole = rounds(12, false);
    const [sixth, last] = [pruned.sizes[5], pruned.sizes[11]];
    expect(last?.keyFrames).toBeLessThan(1.15 * (sixth?.keyFrames ?? 0));
    expect(last?.scansKept).toBeLessThan(1.15 * (sixth?.scansKept ?? 0));
    expect(whole.sizes[11]?.keyFrames).toBeGreaterThan(2 * (last?.keyFrames ?? 0));
    expect(pruned.slam.trajectory()).toHaveLength(pruned.truth.length);
    expect(pruned.worstM).toBeLessThan(0.06);
  });
});
