import { describe, expect, it } from 'vitest';
import { compose, inverse, type Pose2 } from '../../shared/geometry/pose2.ts';
import { mergeMaps } from '../../shared/mapping/registration/merge-maps.ts';
import { registerMaps } from '../../shared/mapping/registration/register-maps.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { building, draw, type Wall } from '../support/building.ts';

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
