// The solver and the search against what they must equal on any input.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockSystem } from '../../robot/navigation/localization/block-elimination.ts';
import { correlativeSearch } from '../../robot/navigation/localization/correlative-search.ts';
import { likelihoodPyramid, type LikelihoodPyramid } from '../../robot/navigation/localization/likelihood-pyramid.ts';
import { surfacePoints } from '../../robot/navigation/localization/surface-points.ts';
import { SurfelMap } from '../../robot/navigation/localization/surfel-map.ts';
import { inverse3, type Matrix3, multiply3 } from '../../robot/navigation/localization/symmetric3.ts';
import { IDENTITY } from '../../shared/geometry/pose2.ts';
import { OccupancyGrid } from '../../shared/mapping/occupancy-grid.ts';
import { ROOM, scanFrom } from '../unit/slam-world.ts';

describe('block elimination', () => {
  const graphs = fc.integer({ min: 2, max: 25 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      pairs: fc.array(
        fc.tuple(
          fc.nat(count - 1),
          fc.nat(count - 1),
          fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 }),
        ),
        {
          maxLength: 60,
        },
      ),
      right: fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 3 * count, maxLength: 3 * count }),
    }),
  );

  it('solves every positive definite system: H·x gives b back', () => {
    fc.assert(
      fc.property(graphs, ({ count, pairs, right }) => {
        const dense = Array.from({ length: 3 * count }, () => new Float64Array(3 * count));
        const system = new BlockSystem(count);
        const used = pairs.filter(([i, j]) => i !== j);
        for (let i = 0; i < count; i += 1) {
          // Diagonally dominant, so positive definite.
          const weight = 1 + 3.1 * used.filter(([a, b]) => a === i || b === i).length;
          system.addDiagonal(i, [weight, 0, 0, 0, weight, 0, 0, 0, weight]);
          for (let r = 0; r < 3; r += 1) (dense[3 * i + r] as Float64Array)[3 * i + r] = weight;
          system.addRight(i, right[3 * i] as number, right[3 * i + 1] as number, right[3 * i + 2] as number);
        }
        for (const [i, j, block] of used) {
          system.addPair(i, j, block);
          for (let r = 0; r < 3; r += 1) {
            for (let c = 0; c < 3; c += 1) {
              const value = block[3 * r + c] as number;
              const row = dense[3 * i + r] as Float64Array;
              const mirrored = dense[3 * j + c] as Float64Array;
              row[3 * j + c] = (row[3 * j + c] as number) + value;
              mirrored[3 * i + r] = (mirrored[3 * i + r] as number) + value;
            }
          }
        }
        const x = system.solve() as Float64Array;
        for (const [k, row] of dense.entries()) {
          const product = row.reduce((sum, value, c) => sum + value * (x[c] as number), 0);
          expect(product).toBeCloseTo(right[k] as number, 7);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('says so when the system is not positive definite', () => {
    const system = new BlockSystem(2);
    system.addDiagonal(0, [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    system.addDiagonal(1, [1, 0, 0, 0, -1, 0, 0, 0, 1]);
    expect(system.solve()).toBeNull();
  });
});

it('the inverse of a symmetric 3×3 matrix is its inverse', () => {
  const entry = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(entry, entry, entry, entry, entry, entry), ([a, b, c, d, e, f]) => {
      // L·Lᵀ + I is positive definite.
      const m: Matrix3 = [
        a * a + 1,
        a * b,
        a * c,
        a * b,
        b * b + d * d + 1,
        b * c + d * e,
        a * c,
        b * c + d * e,
        c * c + e * e + f * f + 1,
      ];
      const identity = multiply3(m, inverse3(m) as Matrix3);
      for (const [k, value] of identity.entries()) expect(value).toBeCloseTo(k % 4 === 0 ? 1 : 0, 8);
    }),
  );
});

describe('branch and bound', () => {
  const room = new SurfelMap();
  room.insert(surfacePoints(scanFrom(ROOM, IDENTITY, 0), { mount: IDENTITY, maxRangeM: 30, spacingM: 0.03, windowM: 0.13 }), IDENTITY);
  const pyramid = likelihoodPyramid(room);

  it('a coarse level is never below what it stands for', () => {
    const [base, ...coarse] = pyramid.levels as [LikelihoodPyramid['levels'][number], ...LikelihoodPyramid['levels']];
    for (const level of coarse) {
      for (let y = 0; y < base.height; y += 1) {
        for (let x = 0; x < base.width; x += 1) {
          const value = base.values[y * base.width + x] as number;
          for (const [ox, oy] of [
            [0, 0],
            [level.step - 1, 0],
            [0, level.step - 1],
          ] as const) {
            // The block that a point at (x, y) may have been shifted from by up to a block.
            const column = Math.floor((x - ox) / level.step) + 1;
            const row = Math.floor((y - oy) / level.step) + 1;
            expect(level.values[row * level.width + column] as number).toBeGreaterThanOrEqual(value);
          }
        }
      }
    }
  });

  it('finds the same optimum as trying everything', () => {
    fc.assert(
      fc.property(
        fc.record({ x: fc.double({ min: -0.6, max: 0.6, noNaN: true }), y: fc.double({ min: -0.6, max: 0.6, noNaN: true }) }),
        fc.double({ min: -0.2, max: 0.2, noNaN: true }),
        ({ x, y }, theta) => {
          const points = surfacePoints(scanFrom(ROOM, { x, y, theta }, 0, { rays: 90 }), {
            mount: IDENTITY,
            maxRangeM: 30,
            spacingM: 0.03,
            windowM: 0.13,
          });
          const window = { shiftM: 0.8, turnRad: 0.25 };
          const found = correlativeSearch(pyramid, points, IDENTITY, window, 0.05);
          // With a one-level pyramid every pose of the window is scored.
          const everything = correlativeSearch({ ...pyramid, levels: pyramid.levels.slice(0, 1) }, points, IDENTITY, window, 0.05);
          expect(found?.score).toBe(everything?.score);
        },
      ),
      { numRuns: 15 },
    );
  });
});

it('a redraw with the same scans changes nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })), {
        minLength: 1,
        maxLength: 5,
      }),
      (places) => {
        const draw = (): OccupancyGrid => {
          const grid = new OccupancyGrid();
          for (const [x, theta] of places) {
            const pose = { x, y: 0, theta };
            grid.integrate(scanFrom(ROOM, pose, 0, { rays: 60 }), pose);
          }
          return grid;
        };
        const grid = draw();
        const { revision } = grid;
        const map = grid.toOccupancyMap();
        grid.adopt(draw());
        expect(grid.patchesSince(revision)).toEqual([]);
        expect(grid.toOccupancyMap()).toEqual(map);
      },
    ),
    { numRuns: 20 },
  );
});
