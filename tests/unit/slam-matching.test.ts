// Scan matching piece by piece: normals, fine alignment, wide search, negative information, and the graph that holds key frames.
import { describe, expect, it } from 'vitest';
import { correlativeSearch } from '../../robot/navigation/localization/correlative-search.ts';
import { likelihoodPyramid } from '../../robot/navigation/localization/likelihood-pyramid.ts';
import { optimizePoseGraph, type PoseEdge } from '../../robot/navigation/localization/pose-graph.ts';
import { evaluateRelations, evaluateRelativePoseError, parseRelations } from '../../robot/navigation/localization/relative-pose-error.ts';
import { alignScan } from '../../robot/navigation/localization/scan-aligner.ts';
import { surfacePoints } from '../../robot/navigation/localization/surface-points.ts';
import { SurfelMap } from '../../robot/navigation/localization/surfel-map.ts';
import { diagonal3 } from '../../robot/navigation/localization/symmetric3.ts';
import { viewConflict } from '../../robot/navigation/localization/view-conflict.ts';
import { DEFAULT_SLAM_CONFIG } from '../../robot/navigation/slam-config.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { between, compose, distance, IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { box, lastOf, ROOM, scanFrom } from './slam-world.ts';

const POINTS = { mount: IDENTITY, maxRangeM: 30, spacingM: 0.03, windowM: 0.13 };
const ALIGN = DEFAULT_SLAM_CONFIG.align;
const DEGREE = Math.PI / 180;

function mapOf(...poses: readonly Pose2[]): SurfelMap {
  const map = new SurfelMap();
  for (const pose of poses) map.insert(surfacePoints(scanFrom(ROOM, pose, 0), POINTS), pose);
  return map;
}

describe('surface points', () => {
  it('have normals that look at the scanner, square to the wall, however near or far it is', () => {
    for (const metres of [0.5, 2, 8]) {
      const random = new SeededRandom(1);
      const scan = scanFrom(box(-metres, -metres, metres, metres), IDENTITY, 0, { noiseM: 0.01, random });
      const points = surfacePoints(scan, POINTS);
      let worst = 0;
      for (let i = 0; i < points.count; i += 1) {
        const [x, y] = [points.x[i] as number, points.y[i] as number];
        if (Math.abs(Math.abs(x) - Math.abs(y)) < 0.3 * metres || (points.planarity[i] as number) < 0.3) continue; // not in a corner
        const [nx, ny] = Math.abs(x) > Math.abs(y) ? [-Math.sign(x), 0] : [0, -Math.sign(y)];
        worst = Math.max(worst, Math.acos(Math.min(1, nx * (points.normalX[i] as number) + ny * (points.normalY[i] as number))));
      }
      expect(worst).toBeLessThan(25 * DEGREE);
    }
  });

  it('are thinned out near by, so that a near wall does not drown the rest', () => {
    const near = surfacePoints(scanFrom(box(-0.3, -5, 5, 5), IDENTITY, 0), POINTS);
    for (let i = 1; i < near.count; i += 1) {
      const gap = Math.hypot((near.x[i] as number) - (near.x[i - 1] as number), (near.y[i] as number) - (near.y[i - 1] as number));
      expect(gap).toBeGreaterThan(0.0299);
    }
  });

  it('leave out what is invalid, too near or without return', () => {
    const scan = { ...scanFrom(ROOM, IDENTITY, 0), rangesM: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 0.01, 2) };
    expect(surfacePoints(scan, POINTS).count).toBe(1);
  });
});

describe('fine alignment', () => {
  it('finds a small motion to a millimetre', () => {
    const truth = { x: 0.1, y: -0.06, theta: 0.08 };
    const found = alignScan(mapOf(IDENTITY), surfacePoints(scanFrom(ROOM, truth, 0), POINTS), IDENTITY, null, ALIGN);
    expect(distance(found.pose, truth)).toBeLessThan(0.002);
    expect(Math.abs(found.pose.theta - truth.theta)).toBeLessThan(0.001);
    expect(found.inlierRatio).toBeGreaterThan(0.9);
  });

  it('is not led astray by somebody who stands in the way', () => {
    const truth = { x: 0.05, y: 0.05, theta: 0.03 };
    const scan = scanFrom([...ROOM, ...box(0.6, -0.4, 1, 0.4)], truth, 0);
    const found = alignScan(mapOf(IDENTITY), surfacePoints(scan, POINTS), IDENTITY, null, ALIGN);
    expect(distance(found.pose, truth)).toBeLessThan(0.01);
  });

  it('leaves to the prior what the scan does not say', () => {
    const corridor = box(-40, -1, 40, 1);
    const map = new SurfelMap();
    map.insert(surfacePoints(scanFrom(corridor, IDENTITY, 0), POINTS), IDENTITY);
    const prior = { pose: { x: 0.3, y: 0.04, theta: 0.02 }, information: diagonal3(1e4, 1e4, 1e4) };
    const found = alignScan(map, surfacePoints(scanFrom(corridor, { x: 0.25, y: 0, theta: 0 }, 0), POINTS), prior.pose, prior, ALIGN);
    expect(found.pose.x).toBeCloseTo(0.3, 2);
    expect(Math.abs(found.pose.y)).toBeLessThan(0.01);
  });
});

describe('wide search', () => {
  it.each([
    { x: 1.4, y: -0.9, theta: 0.5 },
    { x: -1.2, y: 1.3, theta: -0.6 },
  ])('finds $x m, $y m, $theta rad without a guess', (truth) => {
    const points = surfacePoints(scanFrom(ROOM, truth, 0), POINTS);
    const found = correlativeSearch(likelihoodPyramid(mapOf(IDENTITY)), points, IDENTITY, { shiftM: 2, turnRad: 0.8 }, 0.3);
    expect(found).not.toBeNull();
    expect(distance(found?.pose ?? IDENTITY, truth)).toBeLessThan(0.15);
    expect(Math.abs(angleDifference(found?.pose.theta ?? 9, truth.theta))).toBeLessThan(3 * DEGREE);
    expect(found?.rival?.score ?? 0).toBeLessThan(0.85 * (found?.score ?? 0));
  });

  it('names the rival where two places look alike', () => {
    const comb = Array.from({ length: 8 }, (_, i) => box(1.5 * i - 6, 1, 1.5 * i - 5.7, 1.5)).flat(); // pillars 1.5 m apart
    const map = new SurfelMap();
    map.insert(surfacePoints(scanFrom(comb, IDENTITY, 0), POINTS), IDENTITY);
    const points = surfacePoints(scanFrom(comb, IDENTITY, 0, { rangeMaxM: 3 }), POINTS);
    const found = correlativeSearch(likelihoodPyramid(map), points, IDENTITY, { shiftM: 2, turnRad: 0.3 }, 0.3);
    expect(found?.rival?.score ?? 0).toBeGreaterThan(0.7 * (found?.score ?? 1));
  });

  it('finds nothing where nothing fits', () => {
    const points = surfacePoints(scanFrom(ROOM, IDENTITY, 0), POINTS);
    const elsewhere = { x: 100, y: 100, theta: 0 };
    expect(correlativeSearch(likelihoodPyramid(mapOf(IDENTITY)), points, elsewhere, { shiftM: 2, turnRad: 0.5 }, 0.3)).toBeNull();
  });
});

describe('negative information', () => {
  it('is none at the true place, and plain where the scan looks through walls', () => {
    const map = mapOf(IDENTITY, { x: 1, y: 1, theta: 0 });
    const scan = scanFrom(ROOM, IDENTITY, 0);
    expect(viewConflict(map, scan, IDENTITY, IDENTITY)).toBeLessThan(0.05);
    const inFrontOfWalls = { ...scan, rangesM: scan.rangesM.map((range) => range + 2) };
    expect(viewConflict(map, inFrontOfWalls, IDENTITY, IDENTITY)).toBeGreaterThan(0.8);
  });
});

describe('the pose graph', () => {
  const stiff = diagonal3(1e4, 1e4, 1e4);
  const square: readonly Pose2[] = Array.from({ length: 40 }, (_, i) => {
    const [side, along] = [Math.floor(i / 10), i % 10];
    return compose(
      [
        { x: 0, y: 0 },
        { x: 10, y: 0 },
        { x: 10, y: 10 },
        { x: 0, y: 10 },
      ].map(({ x, y }, k) => ({ x, y, theta: (k * Math.PI) / 2 }))[side] as Pose2,
      {
        x: along,
        y: 0,
        theta: 0,
      },
    );
  });
  const exact = (from: number, to: number, loop = false): PoseEdge => ({
    from,
    to,
    relative: between(square[from] as Pose2, square[to] as Pose2),
    information: stiff,
    loop,
  });
  /** Every step a little too long and turned: dead reckoning spirals away. */
  const drifting = square.slice(1).map((_, i): PoseEdge => {
    const edge = exact(i, i + 1);
    return { ...edge, relative: compose(edge.relative, { x: 0.02, y: 0, theta: 0.01 }) };
  });
  const deadReckoned = drifting.reduce<Pose2[]>(
    (poses, { relative }) => [...poses, compose(lastOf(poses), relative)],
    [square[0] as Pose2],
  );

  it('spreads a closing error over the loop', () => {
    const solution = optimizePoseGraph(deadReckoned, [...drifting, exact(0, 39, true)]);
    const errors = (poses: readonly Pose2[]): number => Math.max(...poses.map((pose, i) => distance(pose, square[i] as Pose2)));
    expect(errors(deadReckoned)).toBeGreaterThan(2);
    expect(errors(solution?.poses ?? deadReckoned)).toBeLessThan(0.6);
    expect(solution?.poses[0]).toEqual(square[0]);
  });

  it('does not follow one false closure against several true ones', () => {
    const truths = [exact(0, 39, true), exact(1, 38, true), exact(2, 36, true), exact(3, 37, true)];
    const wrong: PoseEdge = { ...exact(5, 30, true), relative: { x: 3, y: -4, theta: 1 } };
    const without = optimizePoseGraph(deadReckoned, [...drifting, ...truths])?.poses ?? [];
    const solution = optimizePoseGraph(deadReckoned, [...drifting, ...truths, wrong]);
    const moved = Math.max(...(solution?.poses ?? []).map((pose, i) => distance(pose, without[i] as Pose2)));
    expect(moved).toBeLessThan(0.3);
    expect(solution?.errors.at(-1)).toBeGreaterThan(1000);
  });

  it('is not solvable when a pose hangs in the air', () => {
    expect(optimizePoseGraph([IDENTITY, IDENTITY, IDENTITY], [exact(0, 1)])).toBeNull();
  });
});

describe('relative pose errors', () => {
  const truth = Array.from({ length: 60 }, (_, i) => ({ x: i, y: 0, theta: 0 }));

  it('are none for a trajectory in another frame', () => {
    const moved = truth.map((pose) => compose({ x: 4, y: -2, theta: 1 }, pose));
    const { step_1, step_10, step_50 } = evaluateRelativePoseError(moved, truth);
    for (const error of [step_1, step_10, step_50]) expect(error.max_m + error.max_deg).toBeLessThan(1e-6);
    expect([step_1.count, step_10.count, step_50.count]).toEqual([59, 50, 10]);
  });

  it('grow with the stretch for a scale error', () => {
    const long = truth.map(({ x, y, theta }) => ({ x: 1.01 * x, y, theta }));
    const { step_1, step_10 } = evaluateRelativePoseError(long, truth);
    expect(step_1.mean_m).toBeCloseTo(0.01, 9);
    expect(step_10.mean_m).toBeCloseTo(0.1, 9);
  });

  it('are measured against known relations by the nearest scans in time', () => {
    const trajectory = truth.map((pose, i) => ({ timeSec: 100 + i, pose }));
    const relations = parseRelations('# t1 t2 dx dy dz roll pitch yaw\n100.02 103.98 4.5 0 0 0 0 0\n\n100 500 1 0 0 0 0 0\n');
    const error = evaluateRelations(trajectory, relations);
    expect(error.count).toBe(1);
    expect(error.unmatched).toBe(1);
    expect(error.mean_m).toBeCloseTo(0.5, 9);
  });

  it('refuse trajectories of different length and relations that are none', () => {
    expect(() => evaluateRelativePoseError(truth, truth.slice(1))).toThrow(RangeError);
    expect(() => parseRelations('1 2 3\n')).toThrow(/line 1/);
    expect(() => parseRelations('1 2 3 4 5 6 7 x\n')).toThrow(SyntaxError);
  });
});
