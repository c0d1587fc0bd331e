// The occupancy grid: what a scan leaves in it, what travels, and what a redraw changes.
import { describe, expect, it } from 'vitest';
import { IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { LOG_ODDS_LIMIT, percentOf } from '../../shared/mapping/log-odds.ts';
import { mapAgreement } from '../../shared/mapping/map-agreement.ts';
import { type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';
import { OccupancyGrid } from '../../shared/mapping/occupancy-grid.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { ROOM, scanFrom } from './slam-world.ts';

const beam = (rangeM: number, rangeMaxM = 12): LidarScan => ({
  stampSec: 0,
  sequence: 0,
  angleMinRad: 0,
  angleIncrementRad: 0.01,
  rangeMinM: 0.1,
  rangeMaxM,
  rangesM: Float32Array.of(rangeM),
});

describe('one beam', () => {
  it('frees the way and marks the cell that it ends in', () => {
    const grid = new OccupancyGrid();
    grid.integrate(beam(2.02), IDENTITY);
    expect(grid.logOddsAt(1, 0.01)).toBeLessThan(0);
    expect(grid.logOddsAt(2.02, 0.01)).toBeGreaterThan(0);
    expect(grid.logOddsAt(2.12, 0.01)).toBe(0);
  });

  it('frees the way up to the limit when nothing came back, and not beyond the range of the sensor', () => {
    const far = new OccupancyGrid({ clearM: 8 });
    far.integrate(beam(Number.POSITIVE_INFINITY), IDENTITY);
    expect(far.logOddsAt(7.9, 0.01)).toBeLessThan(0);
    expect(far.logOddsAt(8.2, 0.01)).toBe(0);
    const short = new OccupancyGrid({ clearM: 8 });
    short.integrate(beam(Number.POSITIVE_INFINITY, 4), IDENTITY);
    expect(short.logOddsAt(3.9, 0.01)).toBeLessThan(0);
    expect(short.logOddsAt(4.2, 0.01)).toBe(0);
  });

  it('says nothing when it is not valid', () => {
    const grid = new OccupancyGrid();
    grid.integrate(beam(Number.NaN), IDENTITY);
    grid.integrate(beam(0.02), IDENTITY);
    expect(grid.patchesSince(0)).toEqual([]);
  });

  it('beyond the mapping range only clears', () => {
    const grid = new OccupancyGrid({ maxRangeM: 5 });
    grid.integrate(beam(7), IDENTITY);
    expect(grid.logOddsAt(4.9, 0.01)).toBeLessThan(0);
    expect(grid.toOccupancyMap().cells.some((cell) => cell > 50)).toBe(false);
  });

  it('works on both sides of the origin and across tiles', () => {
    for (const theta of [0, Math.PI / 2, Math.PI, -Math.PI / 2, 2.2]) {
      const grid = new OccupancyGrid();
      const at: Pose2 = { x: -0.024, y: 0.031, theta };
      grid.integrate(beam(7.01), at);
      for (let way = 0; way < 6.8; way += 0.05) {
        expect(grid.logOddsAt(at.x + way * Math.cos(theta), at.y + way * Math.sin(theta))).toBeLessThanOrEqual(0);
      }
      expect(grid.logOddsAt(at.x + 7.01 * Math.cos(theta), at.y + 7.01 * Math.sin(theta))).toBeGreaterThan(0);
    }
  });
});

describe('evidence', () => {
  it('saturates, so that the world may change', () => {
    const grid = new OccupancyGrid();
    for (let i = 0; i < 50; i += 1) grid.integrate(beam(2.02), IDENTITY);
    expect(grid.logOddsAt(2.02, 0.01)).toBe(LOG_ODDS_LIMIT);
    for (let i = 0; i < 30; i += 1) grid.integrate(beam(3), IDENTITY);
    expect(grid.logOddsAt(2.02, 0.01)).toBe(-LOG_ODDS_LIMIT);
  });

  it('never turns a cell that was seen back into an unseen one', () => {
    const grid = new OccupancyGrid();
    grid.integrate(beam(2.02), IDENTITY);
    for (let i = 0; i < 12; i += 1) {
      expect(grid.logOddsAt(2.02, 0.01)).not.toBe(0);
      grid.integrate(beam(3), IDENTITY);
    }
  });

  it('reads as Nav2 has it: one hit is occupied, two passes are free', () => {
    const hit = new OccupancyGrid();
    hit.integrate(beam(2.02), IDENTITY);
    expect(percentOf(hit.logOddsAt(2.02, 0.01))).toBeGreaterThanOrEqual(65);
    hit.integrate(beam(2.02), IDENTITY);
    expect(percentOf(hit.logOddsAt(1, 0.01))).toBeLessThanOrEqual(25);
    expect(percentOf(0)).toBe(UNKNOWN);
  });
});

describe('what travels', () => {
  it('is every tile once, then only those that changed', () => {
    const grid = new OccupancyGrid();
    grid.integrate(scanFrom(ROOM, IDENTITY, 0), IDENTITY);
    const all = grid.patchesSince(0);
    expect(all.length).toBeGreaterThan(4);
    const seen = grid.revision;
    expect(grid.patchesSince(seen)).toEqual([]);
    grid.integrate(beam(0.5), { x: 0.1, y: 0.1, theta: 0 });
    expect(grid.patchesSince(seen).map(({ tileX, tileY }) => [tileX, tileY])).toEqual([[0, 0]]);
  });

  it('is nothing once a place is known for sure', () => {
    const grid = new OccupancyGrid();
    const scan = scanFrom(ROOM, IDENTITY, 0);
    for (let i = 0; i < 20; i += 1) grid.integrate(scan, IDENTITY);
    const seen = grid.revision;
    grid.integrate(scan, IDENTITY);
    expect(grid.patchesSince(seen)).toEqual([]);
  });

  it('after a redraw is what differs, with empty tiles for what is gone', () => {
    const grid = new OccupancyGrid();
    grid.integrate(beam(2.02), IDENTITY);
    grid.integrate(beam(2.02), { x: 20, y: 0, theta: 0 });
    const seen = grid.revision;
    const redrawn = new OccupancyGrid();
    redrawn.integrate(beam(2.02), IDENTITY);
    grid.adopt(redrawn);
    const patches = grid.patchesSince(seen);
    expect(patches.map(({ tileX }) => tileX)).toEqual([6]);
    expect(patches[0]?.cells.every((cell) => cell === 0)).toBe(true);
  });
});

describe('agreement of maps', () => {
  const grid = new OccupancyGrid();
  grid.integrate(scanFrom(ROOM, IDENTITY, 0, { rays: 720 }), IDENTITY);
  const map = grid.toOccupancyMap();
  const shifted = (cells: number): OccupancyMap => ({ ...map, originX: map.originX + cells * map.resolutionM });

  it('is 1 for a map and itself, also when one cell apart, and falls with the distance', () => {
    expect(mapAgreement(map, map).agreement).toBe(1);
    expect(mapAgreement(map, shifted(1)).agreement).toBe(1);
    expect(mapAgreement(map, shifted(4)).agreement).toBeLessThan(0.7);
  });

  it('counts only what both know', () => {
    const half = { ...map, cells: map.cells.map((cell, i) => (i % map.width < map.width / 2 ? cell : UNKNOWN)) };
    const result = mapAgreement(half, map);
    expect(result.agreement).toBe(1);
    expect(result.referenceCells).toBeLessThan(map.cells.filter((cell) => cell >= 65).length);
  });

  it('refuses maps of different resolution', () => {
    expect(() => mapAgreement(map, { ...map, resolutionM: 0.1 })).toThrow(RangeError);
  });
});
