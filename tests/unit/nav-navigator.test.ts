// Whole rovers in a small world: they search it, touch nothing, let each other pass, and say why when they cannot go on.
import { describe, expect, it } from 'vitest';
import { STOP } from '../../shared/geometry/twist2.ts';
import { BELIEF_FREE } from '../../robot/navigation/costmap/belief-grid.ts';
import { cellAt, latticeFrame } from '../../robot/navigation/costmap/grid-frame.ts';
import { InspectionLayer, type InspectionTile } from '../../robot/navigation/exploration/inspection-layer.ts';
import { decideRightOfWay } from '../../robot/navigation/behaviour/right-of-way.ts';
import { defineNavigatorConfig } from '../../robot/navigation/behaviour/navigator-config.ts';
import type { OtherRover } from '../../robot/navigation/behaviour/navigator-types.ts';
import { type Box, FlatRun, FlatWorld } from './nav-world.ts';
import type { GridFrame } from '../../robot/navigation/costmap/grid-frame.ts';
import type { FlatRover } from './nav-world.ts';

/** Two rooms and a corridor, with furniture; 12 m × 9 m. */
const ROOMS: Box[] = [
  { minX: 0, minY: 4, maxX: 3, maxY: 4.15 },
  { minX: 4.2, minY: 4, maxX: 9, maxY: 4.15 },
  { minX: 10.2, minY: 4, maxX: 12, maxY: 4.15 },
  { minX: 6, minY: 4, maxX: 6.15, maxY: 9 },
  { minX: 2, minY: 6, maxX: 3.2, maxY: 7 },
  { minX: 8, minY: 6.4, maxX: 8.8, maxY: 7.6 },
  { minX: 5, minY: 1.4, maxX: 6, maxY: 2.2 },
];

/** Share of the floor with 0.3 m clearance that a rover's cameras have seen. */
function inspectedShare(run: FlatRun): number {
  const { navigator } = run.rovers[0] as FlatRover;
  const { frame, inspection } = navigator.world;
  let floor = 0;
  let seen = 0;
  for (let x = 0.05; x < run.world.width; x += 0.1) {
    for (let y = 0.05; y < run.world.depth; y += 0.1) {
      if (run.world.clearance(x, y) < 0.3) continue;
      floor += 1;
      seen += inspection.seen[cellAt(frame as GridFrame, x, y)] ?? 0;
    }
  }
  return seen / floor;
}

describe('one rover', () => {
  it('looks at all floor of an unknown site, touches nothing and then is done', () => {
    const run = new FlatRun(new FlatWorld(12, 9, ROOMS), [{ x: 1, y: 1, theta: 0 }]);
    const seconds = run.runUntilDone(300);
    expect((run.rovers[0] as FlatRover).output).toMatchObject({ done: true, activity: 'done', command: STOP });
    expect(seconds).toBeLessThan(200);
    expect(inspectedShare(run)).toBeGreaterThan(0.97);
    expect(run.minClearanceM).toBeGreaterThan(0);
  });

  it('gives equal answers to equal inputs', () => {
    const poses = [0, 1].map(() => {
      const run = new FlatRun(new FlatWorld(12, 9, ROOMS), [{ x: 1, y: 1, theta: 0 }]);
      while (run.nowSec < 30) run.step();
      return (run.rovers[0] as FlatRover).pose;
    });
    expect(poses[0]).toEqual(poses[1]);
  });

  it('stops within 0.6 s when the lidar falls silent while driving, and goes on when it speaks again', () => {
    const run = new FlatRun(new FlatWorld(12, 9, []), [{ x: 1, y: 4, theta: 0 }]);
    while ((run.rovers[0] as FlatRover).twist.linearMPerSec < 0.6) run.step();
    run.lidarOn = false;
    for (let k = 0; k < 6; k += 1) run.step();
    expect((run.rovers[0] as FlatRover).twist).toEqual(STOP);
    run.lidarOn = true;
    for (let k = 0; k < 30; k += 1) run.step();
    expect((run.rovers[0] as FlatRover).twist).not.toEqual(STOP);
  });

  it('names what it lacks: no map, no scan', () => {
    const run = new FlatRun(new FlatWorld(6, 6, []), [{ x: 1, y: 1, theta: 0 }]);
    const [rover] = run.rovers;
    const input = {
      stampSec: 0,
      pose: (rover as FlatRover).pose,
      twist: STOP,
      scan: null,
      ownMap: null,
      mergedMap: null,
      others: [],
      viewedFrom: [],
    };
    expect((rover as FlatRover).navigator.step(input)).toMatchObject({ activity: 'starting', command: STOP, failure: { reason: 'NoMap' } });
    run.step();
    expect((rover as FlatRover).navigator.step({ ...input, stampSec: 0.1, ownMap: (rover as FlatRover).mapper.map })).toMatchObject({
      activity: 'stopped',
      command: STOP,
      failure: { reason: 'NoScan' },
    });
  });

  it('ends surely in a site with a chamber that nobody can enter', () => {
    const chamber: Box[] = [
      { minX: 4, minY: 3, maxX: 6, maxY: 3.1 },
      { minX: 4, minY: 5, maxX: 6, maxY: 5.1 },
      { minX: 4, minY: 3, maxX: 4.1, maxY: 5.1 },
      { minX: 6, minY: 3, maxX: 6.1, maxY: 4.6 }, // a gap of 0.4 m is left: too narrow for the margins, wide enough to look in
    ];
    const run = new FlatRun(new FlatWorld(10, 8, chamber), [{ x: 1, y: 1, theta: 0 }]);
    expect(run.runUntilDone(240)).toBeLessThan(240);
    expect(run.minClearanceM).toBeGreaterThan(0);
  });
});

describe('several rovers', () => {
  it('share the search: two need at most 0.7 of the time of one, and no two touch', () => {
    const world = new FlatWorld(16, 12, [
      ...ROOMS,
      { minX: 12, minY: 0, maxX: 12.15, maxY: 5 },
      { minX: 12, minY: 6.2, maxX: 12.15, maxY: 12 },
      { minX: 0, minY: 9, maxX: 10.5, maxY: 9.15 },
    ]);
    const one = new FlatRun(world, [{ x: 1, y: 1, theta: 0 }]);
    const two = new FlatRun(world, [
      { x: 1, y: 1, theta: 0 },
      { x: 1, y: 2, theta: 0 },
    ]);
    const alone = one.runUntilDone(400);
    const together = two.runUntilDone(400);
    expect(together).toBeLessThan(alone * 0.7);
    expect(two.minRoverGapM).toBeGreaterThan(0);
    expect(two.minClearanceM).toBeGreaterThan(0);
  });

  it('that must swap rooms through a corridor for one both get through: no deadlock, no touch', () => {
    // Rooms of 4 m × 4 m left and right, 6 m of corridor, 1 m wide. Each rover knows its own room and has to see the other's.
    const world = new FlatWorld(14, 4, [
      { minX: 4, minY: 0, maxX: 10, maxY: 1.5 },
      { minX: 4, minY: 2.5, maxX: 10, maxY: 4 },
    ]);
    const run = new FlatRun(world, [
      { x: 3.4, y: 2, theta: 0 },
      { x: 10.6, y: 2, theta: Math.PI },
    ]);
    run.sharing = false;
    (run.rovers[0] as FlatRover).navigator.inspection.merge(seenTiles(0, 3.9));
    (run.rovers[1] as FlatRover).navigator.inspection.merge(seenTiles(10.1, 14));
    const reached = [false, false];
    while (run.nowSec < 150 && !run.rovers.every(({ output }) => output?.done === true)) {
      run.step();
      reached[0] ||= (run.rovers[0] as FlatRover).pose.x > 9;
      reached[1] ||= (run.rovers[1] as FlatRover).pose.x < 5;
    }
    expect(run.nowSec).toBeLessThan(150);
    expect(reached).toEqual([true, true]);
    expect(run.minRoverGapM).toBeGreaterThan(0);
    expect(run.minClearanceM).toBeGreaterThan(0);
  });
});

/** Tiles that say that all floor between two x has been looked at. */
function seenTiles(minX: number, maxX: number): InspectionTile[] {
  const frame = latticeFrame({ minX: -1, minY: -1, maxX: 15, maxY: 5 }, 0.1, null);
  const layer = new InspectionLayer(0.1);
  layer.resize(frame);
  const floor = new Uint8Array(frame.width * frame.height).fill(BELIEF_FREE);
  const camera = { fovRad: 2 * Math.PI, minRangeM: 0, maxRangeM: 0.3 };
  for (let x = minX + 0.3; x <= maxX - 0.3; x += 0.2) {
    for (let y = 0; y <= 4; y += 0.2) layer.observe(floor, { x, y, theta: 0 }, camera);
  }
  return layer.takeChangedTiles();
}

describe('right of way', () => {
  const { rightOfWay } = defineNavigatorConfig({ id: 'rover' });
  const other = (change: Partial<OtherRover>): OtherRover => ({
    id: 'a',
    pose: { x: 3, y: 0, theta: Math.PI },
    stampSec: 0,
    linearMPerSec: 0.5,
    goal: { x: -3, y: 0, radiusM: 1, pathLengthM: 6 },
    path: [[-3, 0]],
    ...change,
  });
  const self = { id: 'b', hasGoal: true, pose: { x: 0, y: 0, theta: 0 }, way: [[3, 0]] as [number, number][] };

  it('is the lower id’s: the higher one makes room when it stands in the way', () => {
    expect(decideRightOfWay(self, [other({})], rightOfWay)).toMatchObject({ kind: 'make-room' });
    expect(decideRightOfWay({ ...self, id: 'A' }, [other({})], rightOfWay)).toEqual({ kind: 'go' });
  });

  it('makes the other wait where ways cross', () => {
    const crossing = other({ pose: { x: 1.5, y: 1.5, theta: -Math.PI / 2 }, path: [[1.5, -3]] });
    expect(decideRightOfWay(self, [crossing], rightOfWay)).toMatchObject({ kind: 'wait' });
  });

  it('is never that of a rover without a goal', () => {
    expect(decideRightOfWay(self, [other({ goal: null, path: [] })], rightOfWay)).toEqual({ kind: 'go' });
    expect(decideRightOfWay({ ...self, id: 'A', hasGoal: false, way: [] }, [other({})], rightOfWay)).toMatchObject({ kind: 'make-room' });
  });

  it('does not matter to rovers that are far apart or go apart', () => {
    expect(decideRightOfWay(self, [other({ pose: { x: 30, y: 0, theta: 0 } })], rightOfWay)).toEqual({ kind: 'go' });
    expect(decideRightOfWay(self, [other({ pose: { x: -1, y: 0, theta: Math.PI } })], rightOfWay)).toEqual({ kind: 'go' });
  });
});
