// Global planning: optimal on published benchmarks and against brute force, failures by name, shortcuts that keep clearance.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadMovingAi, MOVINGAI_FOLDER, parseMap } from '../../bench/support/movingai.ts';
import { randomCostmap } from '../../bench/support/random-costmap.ts';
import { COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, type Costmap } from '../../robot/navigation/costmap/costmap.ts';
import { GridSearch, SHORTEST_PATH, weightTable } from '../../robot/navigation/planning/grid-search.ts';
import { lineCost } from '../../robot/navigation/planning/line-of-sight.ts';
import { shortcut } from '../../robot/navigation/planning/shortcut.ts';
import { ThetaStar } from '../../robot/navigation/planning/theta-star.ts';

const WEIGHTED = { costWeight: 2.5, unknownWeight: Infinity, escapeCells: 0, maxExpansions: Infinity };
const problems = loadMovingAi();

function costmap(rows: readonly string[]): Costmap {
  return parseMap(['type octile', `height ${rows.length}`, `width ${(rows[0] as string).length}`, 'map', ...rows].join('\n'));
}

/** Bellman–Ford over all cells: slow and surely right. */
function bruteForce(map: Costmap, start: number, weights: Float64Array): Float64Array {
  const cost = new Float64Array(map.costs.length).fill(Infinity);
  cost[start] = 0;
  const weight = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= map.width || y >= map.height ? Infinity : (weights[map.costs[y * map.width + x] as number] as number);
  for (let changed = true; changed;) {
    changed = false;
    for (let cell = 0; cell < cost.length; cell += 1) {
      const x = cell % map.width;
      const y = Math.floor(cell / map.width);
      for (let dy = -1; dy <= 1; dy += 1) {
        for (let dx = -1; dx <= 1; dx += 1) {
          if ((dx === 0 && dy === 0) || (dx !== 0 && dy !== 0 && (weight(x + dx, y) === Infinity || weight(x, y + dy) === Infinity)))
            continue;
          const through = (cost[cell] as number) + weight(x + dx, y + dy) * Math.hypot(dx, dy);
          const next = (y + dy) * map.width + x + dx;
          if (through < (cost[next] as number) - 1e-12) {
            cost[next] = through;
            changed = true;
          }
        }
      }
    }
  }
  return cost;
}

const randomMap = fc
  .record({ width: fc.integer({ min: 2, max: 12 }), height: fc.integer({ min: 2, max: 12 }), seed: fc.integer({ min: 0, max: 2 ** 31 }) })
  .map(({ width, height, seed }): Costmap => {
    let state = seed | 1;
    const costs = Uint8Array.from({ length: width * height }, () => {
      state = Math.imul(state, 1_664_525) + 1_013_904_223;
      const draw = state >>> 24;
      return draw < 60 ? COST_LETHAL : draw < 160 ? 0 : draw - 4;
    });
    return { width, height, resolutionM: 1, originX: 0, originY: 0, costs: costs.map((cost) => (cost === COST_UNKNOWN ? 0 : cost)) };
  });

describe.skipIf(problems.length === 0)(`MovingAI scenarios (${MOVINGAI_FOLDER})`, () => {
  it.each(problems.map((problem) => [problem.name, problem] as const))(
    '%s: every path has the published optimal length',
    (_, { map, scenarios }) => {
      const search = new GridSearch();
      for (const { startX, startY, goalX, goalY, optimal } of scenarios) {
        const result = search.plan(map, startY * map.width + startX, goalY * map.width + goalX, SHORTEST_PATH);
        expect(Math.abs((result.ok ? result.length : Infinity) - optimal)).toBeLessThan(1e-3);
      }
    },
  );
});

describe('grid search', () => {
  it('finds the cheapest way on weighted grids, as brute force does', () => {
    const search = new GridSearch();
    fc.assert(
      fc.property(randomMap, fc.nat(), fc.nat(), (map, a, b) => {
        const start = a % map.costs.length;
        const goal = b % map.costs.length;
        const truth = bruteForce(map, start, weightTable(WEIGHTED))[goal] as number;
        const result = search.plan(map, start, goal, WEIGHTED);
        const isBlocked = (cell: number): boolean => (map.costs[cell] as number) >= COST_INSCRIBED;
        const reason = isBlocked(start) ? 'StartOccupied' : isBlocked(goal) ? 'GoalOccupied' : truth === Infinity ? 'NoValidPath' : null;
        expect(result.ok ? null : result.reason).toBe(reason);
        expect(result.ok ? result.cost : Infinity).toSatisfy((cost: number) => reason !== null || Math.abs(cost - truth) < 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it('floods the same costs from several sources as the best of single ones', () => {
    const search = new GridSearch();
    fc.assert(
      fc.property(randomMap, fc.nat(), fc.nat(), fc.double({ min: 0, max: 30, noNaN: true }), (map, a, b, lead) => {
        const [first, second] = [a % map.costs.length, b % map.costs.length];
        if ((map.costs[first] as number) >= COST_INSCRIBED || (map.costs[second] as number) >= COST_INSCRIBED) return;
        const weights = weightTable(WEIGHTED);
        const [one, two] = [bruteForce(map, first, weights), bruteForce(map, second, weights)];
        const both = search.flood(
          map,
          [
            { cell: first, cost: 0 },
            { cell: second, cost: lead },
          ],
          WEIGHTED,
        );
        for (const [cell, cost] of both.entries()) {
          const truth = Math.min(one[cell] as number, (two[cell] as number) + lead);
          expect(cost).toSatisfy((value: number) => value === truth || Math.abs(value - truth) < 1e-9);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('does not cut corners', () => {
    const result = new GridSearch().plan(costmap(['..T', '...', '...']), 1, 5, SHORTEST_PATH);
    expect(result.ok && result.length).toBe(2);
  });

  it('names its failures as Nav2 does', () => {
    const search = new GridSearch();
    const map = costmap(['.T.', '.T.', '.T.']);
    expect(search.plan(map, -1, 2, SHORTEST_PATH)).toMatchObject({ ok: false, reason: 'StartOutsideMap' });
    expect(search.plan(map, 0, 99, SHORTEST_PATH)).toMatchObject({ ok: false, reason: 'GoalOutsideMap' });
    expect(search.plan(map, 1, 2, SHORTEST_PATH)).toMatchObject({ ok: false, reason: 'StartOccupied' });
    expect(search.plan(map, 0, 1, SHORTEST_PATH)).toMatchObject({ ok: false, reason: 'GoalOccupied' });
    expect(search.plan(map, 0, 2, SHORTEST_PATH)).toMatchObject({ ok: false, reason: 'NoValidPath' });
    expect(search.plan(costmap(['.....', '.....']), 0, 9, { ...SHORTEST_PATH, maxExpansions: 2 })).toMatchObject({
      ok: false,
      reason: 'TimedOut',
    });
  });

  it('gets free from a start whose footprint seems to touch, but only within the allowed distance', () => {
    const map = costmap(['........', '........']);
    map.costs.fill(COST_INSCRIBED, 0, 3);
    map.costs.fill(COST_INSCRIBED, 8, 11);
    const search = new GridSearch();
    expect(search.plan(map, 0, 7, { ...WEIGHTED, escapeCells: 3 }).ok).toBe(true);
    expect(search.plan(map, 0, 7, { ...WEIGHTED, escapeCells: 1 })).toMatchObject({ ok: false, reason: 'NoValidPath' });
    expect(search.plan(map, 0, 7, WEIGHTED)).toMatchObject({ ok: false, reason: 'StartOccupied' });
  });

  it('serves maps of different sizes one after another', () => {
    const search = new GridSearch();
    expect(search.plan(costmap(['...']), 0, 2, SHORTEST_PATH)).toMatchObject({ length: 2 });
    expect(search.plan(costmap(['.....', '.....']), 0, 9, SHORTEST_PATH)).toMatchObject({ length: 3 + Math.SQRT2 });
    expect(search.plan(costmap(['...']), 2, 0, SHORTEST_PATH)).toMatchObject({ length: 2 });
  });
});

describe('any-angle paths and shortcuts', () => {
  const weights = weightTable(WEIGHTED);

  it('never squeeze through closed cells and never cost more than the grid path', () => {
    const search = new GridSearch();
    const theta = new ThetaStar();
    fc.assert(
      fc.property(randomMap, fc.nat(), fc.nat(), (map, a, b) => {
        const grid = search.plan(map, a % map.costs.length, b % map.costs.length, WEIGHTED);
        if (!grid.ok) return;
        const short = shortcut(map, grid.cells, WEIGHTED);
        const any = theta.plan(map, a % map.costs.length, b % map.costs.length, WEIGHTED);
        expect(any.ok).toBe(true);
        for (const cells of [short, any.ok ? any.cells : short]) {
          expect([...cells.subarray(0, 2), ...cells.slice(-2)]).toEqual([...grid.cells.subarray(0, 2), ...grid.cells.slice(-2)]);
          for (let i = 2; i < cells.length; i += 2) {
            expect(
              lineCost(map, weights, cells[i - 2] as number, cells[i - 1] as number, cells[i] as number, cells[i + 1] as number),
            ).toBeLessThan(Infinity);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('go straight across open ground', () => {
    const map = costmap(Array.from({ length: 20 }, () => '.'.repeat(40)));
    const grid = new GridSearch().plan(map, 0, 20 * 40 - 1, SHORTEST_PATH);
    const any = new ThetaStar().plan(map, 0, 20 * 40 - 1, SHORTEST_PATH);
    expect(grid.ok && shortcut(map, grid.cells, SHORTEST_PATH).length).toBe(4);
    expect(any.ok && any.length).toBeCloseTo(Math.hypot(39, 19), 9);
  });

  it('keep away from obstacles where the grid path does', () => {
    let draw = 1;
    const map = randomCostmap(128, { integer: (bound) => (draw = Math.imul(draw, 48_271) >>> 1) % bound });
    const search = new GridSearch();
    const start = map.costs.findIndex((cost, i) => cost === 0 && i % 128 > 30 && i > 128 * 30);
    const goal = map.costs.findLastIndex((cost, i) => cost === 0 && i % 128 < 100);
    const grid = search.plan(map, start, goal, WEIGHTED);
    expect(grid.ok).toBe(true);
    if (!grid.ok) return;
    const short = shortcut(map, grid.cells, WEIGHTED);
    let cost = 0;
    for (let i = 2; i < short.length; i += 2)
      cost += lineCost(map, weights, short[i - 2] as number, short[i - 1] as number, short[i] as number, short[i + 1] as number);
    expect(short.length).toBeLessThan(grid.cells.length / 3);
    expect(cost).toBeLessThan(grid.cost * 1.05);
  });
});
