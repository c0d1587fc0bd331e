import { describe, expect, it } from 'vitest';
import { compose, inverse, type Pose2, transformPoint } from '../../shared/geometry/pose2.ts';
import { FREE, OCCUPIED, type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';
import { mergeMaps } from '../../shared/mapping/registration/merge-maps.ts';
import { registerMaps } from '../../shared/mapping/registration/register-maps.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

/** A wall from a to b [m]. */
type Wall = readonly [number, number, number, number];

/** A building of 24 m × 16 m with rooms of different sizes and clutter, all from the seed. */
function building(seed: number): Wall[] {
  const random = new SeededRandom(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  const walls: Wall[] = [
    [0, 0, 24, 0],
    [24, 0, 24, 16],
    [24, 16, 0, 16],
    [0, 16, 0, 0],
  ];
  for (let x = between(3, 6); x < 22; x += between(3, 7)) {
    const door = between(1, 5);
    walls.push([x, 0, x, door], [x, door + 1, x, 7]);
    if (random.next() < 0.6) walls.push([x + between(0.5, 2), 16, x + between(0.5, 2), between(10, 14)]);
  }
  walls.push([0, 7, between(4, 8), 7], [between(10, 14), 7, 24, 7]);
  for (let i = 0; i < 12; i += 1) {
    const [x, y, w, h] = [between(1, 21), between(1, 14), between(0.4, 1.6), between(0.4, 1.6)];
    walls.push([x, y, x + w, y], [x + w, y, x + w, y + h], [x + w, y + h, x, y + h], [x, y + h, x, y]);
  }
  return walls;
}

/** Draws the part of a building that lies in `box`, as seen in a frame that `frame` maps into the building. */
function draw(walls: readonly Wall[], frame: Pose2, box: readonly [number, number, number, number]): OccupancyMap {
  const resolutionM = 0.05;
  const size = 700;
  const origin = -size * resolutionM * 0.5;
  const cells = new Int8Array(size * size).fill(UNKNOWN);
  const [left, bottom, right, top] = box;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = transformPoint(frame, { x: origin + (column + 0.5) * resolutionM, y: origin + (row + 0.5) * resolutionM });
      if (at.x > left && at.x < right && at.y > bottom && at.y < top) cells[row * size + column] = FREE;
    }
  }
  const back = inverse(frame);
  for (const [x0, y0, x1, y1] of walls) {
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 0.02);
    for (let i = 0; i <= steps; i += 1) {
      const world = { x: x0 + ((x1 - x0) * i) / steps, y: y0 + ((y1 - y0) * i) / steps };
      if (world.x < left - 0.1 || world.x > right + 0.1 || world.y < bottom - 0.1 || world.y > top + 0.1) continue;
      const at = transformPoint(back, world);
      const column = Math.floor((at.x - origin) / resolutionM);
      const row = Math.floor((at.y - origin) / resolutionM);
      if (column >= 0 && row >= 0 && column < size && row < size) cells[row * size + column] = OCCUPIED;
    }
  }
  return { width: size, height: size, resolutionM, originX: origin, originY: origin, cells };
}

const CENTRE: Pose2 = { x: 12, y: 8, theta: 0 };

describe('registration of maps with unknown poses', () => {
  it.each([1, 2, 3, 4])('finds rotation and translation of overlapping parts (building %i)', (seed) => {
    const walls = building(seed);
    const turned: Pose2 = { x: 11, y: 7.3, theta: new SeededRandom(seed).fork('turn').next() * 2 * Math.PI - Math.PI };
    const a = draw(walls, CENTRE, [0, 0, 15, 16]);
    const b = draw(walls, turned, [8, 0, 24, 16]);
    const registration = registerMaps(a, b);
    const truth = compose(inverse(CENTRE), turned);
    expect(registration?.verdict).toMatchObject({ accepted: true });
    const error = compose(inverse(truth), registration?.transform ?? { x: 99, y: 99, theta: 0 });
    expect(Math.hypot(error.x, error.y)).toBeLessThan(0.1);
    expect(Math.abs(error.theta)).toBeLessThan(0.01);
  });

  it.each([
    [1, 2],
    [3, 4],
    [5, 6],
  ])('does not accept maps of different buildings (%i and %i)', (one, other) => {
    const a = draw(building(one), CENTRE, [0, 0, 24, 16]);
    const b = draw(
      building(other + 100).map(([x0, y0, x1, y1]) => [x0 * 0.8, y0 * 1.2, x1 * 0.8, y1 * 1.2] as const),
      { ...CENTRE, theta: 0.7 },
      [0, 0, 19, 19],
    );
    const registration = registerMaps(a, b);
    expect(registration?.verdict.accepted).toBe(false);
    expect(registration?.verdict.reasons.length).toBeGreaterThan(0);
  });

  it('does not accept a straight corridor, along which the place would be a guess', () => {
    const corridor: Wall[] = [
      [0, 7, 24, 7],
      [0, 9, 24, 9],
    ];
    const a = draw(corridor, CENTRE, [1, 6, 16, 10]);
    const b = draw(corridor, { ...CENTRE, theta: 1 }, [8, 6, 23, 10]);
    expect(registerMaps(a, b)?.verdict.accepted).toBe(false);
  });

  it('says that a map is too empty to be placed', () => {
    const empty = draw([], CENTRE, [0, 0, 24, 16]);
    expect(registerMaps(empty, draw(building(1), CENTRE, [0, 0, 24, 16]))).toBeNull();
  });
});

describe('merging of several maps', () => {
  const map = draw(building(1), CENTRE, [0, 0, 2, 2]);
  const named = ['a', 'b', 'c'].map((name) => ({ name, map }));
  const verdict = (accepted: boolean, confidence: number) => ({ accepted, confidence, reasons: [] });

  it('withdraws the least certain of three registrations that do not close a cycle', () => {
    const answers = [
      { transform: { x: 1, y: 0, theta: 0 }, verdict: verdict(true, 0.9) },
      { transform: { x: 9, y: 0, theta: 0 }, verdict: verdict(true, 0.6) },
      { transform: { x: 1, y: 0, theta: 0 }, verdict: verdict(true, 0.8) },
    ];
    let call = 0;
    const result = mergeMaps(named, () => ({ ...answers[call++], evidence: {}, rival: null }) as never);
    expect(result.pairs.map(({ a, b, accepted }) => [a, b, accepted])).toEqual([
      ['a', 'b', true],
      ['a', 'c', false],
      ['b', 'c', true],
    ]);
    expect(result.poses.get('c')).toMatchObject({ x: 2, y: 0 });
  });

  it('leaves out a map that nothing joins to the others', () => {
    let call = 0;
    const result = mergeMaps(
      named,
      () => ({ transform: { x: 1, y: 0, theta: 0 }, verdict: verdict(call++ === 0, 0.7), evidence: {}, rival: null }) as never,
    );
    expect([...result.poses.keys()]).toEqual(['a', 'b']);
    expect(result.merged).not.toBeNull();
  });
});
