// Costmap layers: exact distances, Nav2's inflation, belief overlay, live obstacles, growth.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BELIEF_FREE, BELIEF_OCCUPIED, BELIEF_UNKNOWN, BeliefGrid } from '../../robot/navigation/costmap/belief-grid.ts';
import { COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, inflationCost } from '../../robot/navigation/costmap/costmap.ts';
import { DistanceTransform } from '../../robot/navigation/costmap/distance-transform.ts';
import { cellAt, latticeFrame, regrid } from '../../robot/navigation/costmap/grid-frame.ts';
import { LayeredCostmap } from '../../robot/navigation/costmap/layered-costmap.ts';
import { ObstacleLayer } from '../../robot/navigation/costmap/obstacle-layer.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import type { GridFrame } from '../../robot/navigation/costmap/grid-frame.ts';

const INFLATION = { inscribedRadiusM: 0.24, inflationRadiusM: 0.8, costScalingFactor: 4 };
const BELIEF = { resolutionM: 0.1, occupiedFrom: 65, freeTo: 25 };

function mapOf(width: number, height: number, value: number, origin: [number, number] = [0, 0]): OccupancyMap {
  return { width, height, resolutionM: 0.05, originX: origin[0], originY: origin[1], cells: new Int8Array(width * height).fill(value) };
}

function scanOf(ranges: number[], sequence = 1): LidarScan {
  const rangesM = Float32Array.from(ranges);
  return {
    stampSec: sequence,
    sequence,
    angleMinRad: 0,
    angleIncrementRad: (2 * Math.PI) / ranges.length,
    rangeMinM: 0.05,
    rangeMaxM: 10,
    rangesM,
  };
}

describe('distance transform', () => {
  it('equals the brute-force squared distance, capped', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        fc.integer(),
        fc.integer({ min: 1, max: 30 }),
        (w, h, seed, cap) => {
          const obstacles = Uint8Array.from({ length: w * h }, (_, i) => (Math.imul(i + 1, seed | 1) >>> 28 === 0 ? 1 : 0));
          const squared = new Int32Array(w * h);
          new DistanceTransform(w, h).transform(obstacles, cap, squared);
          for (let i = 0; i < w * h; i += 1) {
            let best = (cap + 1) ** 2;
            for (let j = 0; j < w * h; j += 1) {
              if (obstacles[j] !== 0) best = Math.min(best, ((i % w) - (j % w)) ** 2 + (Math.floor(i / w) - Math.floor(j / w)) ** 2);
            }
            expect(squared[i]).toBe(best);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('inflation', () => {
  it('has the values of nav2_costmap_2d', () => {
    expect(inflationCost(0, INFLATION)).toBe(COST_LETHAL);
    expect(inflationCost(0.24, INFLATION)).toBe(COST_INSCRIBED);
    expect(inflationCost(0.24 + 0.1, INFLATION)).toBe(Math.trunc(252 * Math.exp(-4 * 0.1)));
    expect(inflationCost(0.81, INFLATION)).toBe(0);
  });

  it('leaves unknown cells unknown except where the footprint would touch', () => {
    const frame = latticeFrame({ minX: 0, minY: 0, maxX: 3.2, maxY: 3.2 }, 0.1, null);
    const states = new Uint8Array(frame.width * frame.height);
    const obstacle = cellAt(frame, 1.65, 1.65);
    states[obstacle] = BELIEF_OCCUPIED;
    const { costs } = new LayeredCostmap(INFLATION).update({ frame, states, addObstacles: () => {}, clearings: [], discs: [] });
    expect(costs[obstacle]).toBe(COST_LETHAL);
    expect(costs[obstacle + 2]).toBe(COST_INSCRIBED);
    expect(costs[obstacle + 4]).toBe(COST_UNKNOWN);
  });

  it('draws other rovers as discs and clears ghosts under the rover itself', () => {
    const frame = latticeFrame({ minX: 0, minY: 0, maxX: 3.2, maxY: 3.2 }, 0.1, null);
    const states = new Uint8Array(frame.width * frame.height).fill(BELIEF_FREE);
    states[cellAt(frame, 0.55, 0.55)] = BELIEF_OCCUPIED;
    const layers = new LayeredCostmap(INFLATION);
    const { costs } = layers.update({
      frame,
      states,
      addObstacles: () => {},
      clearings: [{ x: 0.5, y: 0.5, radiusM: 0.18 }],
      discs: [{ x: 2, y: 2, radiusM: 0.18 }],
    });
    expect(costs[cellAt(frame, 0.55, 0.55)]).toBe(0);
    expect(costs[cellAt(frame, 2.05, 2.05)]).toBe(COST_LETHAL);
    expect(layers.clearanceM(cellAt(frame, 2.75, 2.05))).toBeCloseTo(0.6, 1);
  });
});

describe('belief grid', () => {
  it('makes one obstacle cell of the map an obstacle, whatever its neighbours say', () => {
    const map = mapOf(64, 64, 0);
    map.cells[10 * 64 + 10] = 100;
    const belief = new BeliefGrid(BELIEF);
    expect(belief.update(map, null)).toBe(true);
    expect(belief.states[cellAt(belief.frame as GridFrame, 0.525, 0.525)]).toBe(BELIEF_OCCUPIED);
    expect(belief.states[cellAt(belief.frame as GridFrame, 1.5, 1.5)]).toBe(BELIEF_FREE);
  });

  it('lays the own map over the merged one and fills gaps from it', () => {
    const own = mapOf(64, 64, -1);
    own.cells.fill(0, 0, 32 * 64);
    const merged = mapOf(64, 64, 100);
    const belief = new BeliefGrid(BELIEF);
    belief.update(own, merged);
    expect(belief.states[cellAt(belief.frame as GridFrame, 1, 0.5)]).toBe(BELIEF_FREE);
    expect(belief.states[cellAt(belief.frame as GridFrame, 1, 2.5)]).toBe(BELIEF_OCCUPIED);
  });

  it('grows with the maps without moving what it knew', () => {
    const belief = new BeliefGrid(BELIEF);
    belief.update(mapOf(64, 64, 0), null);
    const before = belief.frame as GridFrame;
    belief.update(mapOf(64, 64, 0), mapOf(64, 64, 0, [-5, -5]));
    const after = belief.frame as GridFrame;
    expect(after).not.toBe(before);
    expect(belief.states[cellAt(after, 0.5, 0.5)]).toBe(BELIEF_FREE);
    expect(belief.states[cellAt(after, -4.5, -4.5)]).toBe(BELIEF_FREE);
    expect(belief.states[cellAt(after, -1, 1)]).toBe(BELIEF_UNKNOWN);
  });

  it('says that there is nothing without a map', () => {
    expect(new BeliefGrid(BELIEF).update(null, null)).toBe(false);
  });
});

describe('lattice', () => {
  it('keeps every cell in place when a grid grows, for any bounds', () => {
    const metre = fc.double({ min: -20, max: 20, noNaN: true });
    fc.assert(
      fc.property(metre, metre, metre, metre, (x0, y0, x1, y1) => {
        const first = latticeFrame({ minX: x0, minY: y0, maxX: x0 + 1, maxY: y0 + 1 }, 0.1, null);
        const grown = latticeFrame({ minX: x1, minY: y1, maxX: x1 + 1, maxY: y1 + 1 }, 0.1, first);
        const values = new Uint8Array(first.width * first.height);
        const [px, py] = [(Math.floor(x0 * 10) + 5.5) / 10, (Math.floor(y0 * 10) + 5.5) / 10]; // the middle of a cell
        values[cellAt(first, px, py)] = 7;
        const moved = regrid(values, first, grown, new Uint8Array(grown.width * grown.height), 0);
        expect(moved[cellAt(grown, px, py)]).toBe(7);
        expect(moved.reduce((sum, value) => sum + value, 0)).toBe(7);
      }),
    );
  });
});

describe('obstacle layer', () => {
  const frame = latticeFrame({ minX: 0, minY: 0, maxX: 6.4, maxY: 6.4 }, 0.1, null);
  const pose = { x: 3.2, y: 3.2, theta: 0 };
  const isMarked = (layer: ObstacleLayer, x: number, y: number, nowSec: number): boolean => {
    const obstacles = new Uint8Array(frame.width * frame.height);
    layer.addTo(obstacles, nowSec);
    return obstacles[cellAt(frame, x, y)] === 1;
  };

  it('marks where rays end and clears what later rays cross', () => {
    const layer = new ObstacleLayer({ rangeM: 4, decaySec: 5 });
    layer.resize(frame);
    layer.observe(scanOf([1, Infinity, Infinity, Infinity], 1), pose, () => false);
    expect(isMarked(layer, 4.25, 3.25, 1)).toBe(true);
    layer.observe(scanOf([2, Infinity, Infinity, Infinity], 2), pose, () => false);
    expect(isMarked(layer, 4.25, 3.25, 2)).toBe(false);
    expect(isMarked(layer, 5.25, 3.25, 2)).toBe(true);
  });

  it('lets marks decay that nobody renews and ignores what belongs to other rovers', () => {
    const layer = new ObstacleLayer({ rangeM: 4, decaySec: 2 });
    layer.resize(frame);
    layer.observe(scanOf([1, Infinity, 1, Infinity], 1), pose, (x) => x < 3);
    expect(isMarked(layer, 2.15, 3.25, 1)).toBe(false);
    expect(isMarked(layer, 4.25, 3.25, 2.9)).toBe(true);
    expect(isMarked(layer, 4.25, 3.25, 3.1)).toBe(false);
  });

  it('forgets all marks when told to', () => {
    const layer = new ObstacleLayer({ rangeM: 4, decaySec: 2 });
    layer.resize(frame);
    layer.observe(scanOf([1, 1, 1, 1], 1), pose, () => false);
    layer.clear();
    expect(isMarked(layer, 4.25, 3.25, 1)).toBe(false);
  });
});
