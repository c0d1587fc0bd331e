// The shared inspection layer: merging tiles is commutative and idempotent, tiles survive the wire, bad tiles are refused.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BELIEF_FREE, BELIEF_OCCUPIED } from '../../robot/navigation/costmap/belief-grid.ts';
import { cellAt, type GridFrame, latticeFrame } from '../../robot/navigation/costmap/grid-frame.ts';
import { InspectionLayer, type InspectionTile } from '../../robot/navigation/exploration/inspection-layer.ts';

const CELL_M = 0.1;
const CAMERA = { fovRad: Math.PI / 2, minRangeM: 0.4, maxRangeM: 5 };
const frame = latticeFrame({ minX: -3, minY: -3, maxX: 6, maxY: 6 }, CELL_M, null);
const states = new Uint8Array(frame.width * frame.height).fill(BELIEF_FREE);
for (let i = 0; i < 40; i += 1) states[cellAt(frame, -2 + i * CELL_M, 2.05)] = BELIEF_OCCUPIED;

function layerIn(into: GridFrame): InspectionLayer {
  const layer = new InspectionLayer(CELL_M);
  layer.resize(into);
  return layer;
}

const pose = fc.record({
  x: fc.double({ min: -2.5, max: 5.5, noNaN: true }),
  y: fc.double({ min: -2.5, max: 5.5, noNaN: true }),
  theta: fc.double({ min: -3.2, max: 3.2, noNaN: true }),
});
const tiles = fc.array(pose, { minLength: 1, maxLength: 4 }).map((poses) => {
  const layer = layerIn(frame);
  for (const from of poses) layer.observe(states, from, CAMERA);
  return { tiles: layer.takeChangedTiles(), seen: layer.seen };
});

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function mergeAll(...groups: readonly InspectionTile[][]): Uint8Array {
  const layer = layerIn(frame);
  for (const group of groups) layer.merge(group);
  return layer.seen;
}

describe('inspection tiles', () => {
  it('carry exactly what the camera has seen', () => {
    fc.assert(
      fc.property(tiles, (a) => {
        expect(same(mergeAll(a.tiles), a.seen)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('merge in any order, any number of times', () => {
    fc.assert(
      fc.property(tiles, tiles, (a, b) => {
        const once = mergeAll(a.tiles, b.tiles);
        expect(same(mergeAll(b.tiles, a.tiles), once)).toBe(true);
        expect(same(mergeAll(a.tiles, b.tiles, a.tiles, b.tiles), once)).toBe(true);
        expect(
          same(
            once,
            a.seen.map((value, i) => value | (b.seen[i] as number)),
          ),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('wait for the own grid to grow to where they lie', () => {
    fc.assert(
      fc.property(tiles, (a) => {
        const layer = layerIn(latticeFrame({ minX: 0, minY: 0, maxX: 1, maxY: 1 }, CELL_M, null));
        layer.merge(a.tiles);
        layer.resize(frame);
        expect(same(layer.seen, a.seen)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('are small: a tile of any content fits in 200 characters', () => {
    fc.assert(
      fc.property(tiles, (a) => {
        for (const { bits } of a.tiles) expect(bits.length).toBeLessThanOrEqual(200);
      }),
      { numRuns: 50 },
    );
  });

  it('are handed out once, and only for what the own camera has changed', () => {
    const layer = layerIn(frame);
    layer.observe(states, { x: 0, y: 0, theta: 0 }, CAMERA);
    const first = layer.takeChangedTiles();
    expect(first.length).toBeGreaterThan(0);
    expect(layer.takeChangedTiles()).toEqual([]);
    const other = layerIn(frame);
    other.merge(first);
    expect(other.takeChangedTiles()).toEqual([]);
  });

  it('of another lattice or with bad bits are refused with a coded error', () => {
    const layer = layerIn(frame);
    expect(() => layer.merge([{ x: 0, y: 0, cellM: 0.05, bits: '' }])).toThrow(/0\.05 m/);
    expect(() => layer.merge([{ x: 0, y: 0, cellM: CELL_M, bits: 'no tile' }])).toThrow(
      expect.objectContaining({ code: 'OUT_PROTOCOL_MESSAGE' }),
    );
  });
});

describe('camera cone', () => {
  it('sees nothing behind a wall, nothing behind the camera, nothing beyond its range', () => {
    const layer = layerIn(frame);
    layer.observe(states, { x: 0, y: 1, theta: Math.PI / 2 }, CAMERA);
    const seen = (x: number, y: number): boolean => layer.seen[cellAt(frame, x, y)] === 1;
    expect(seen(0.05, 1.85)).toBe(true);
    expect(seen(0.05, 2.55)).toBe(false);
    expect(seen(0.05, 0.05)).toBe(false);
    layer.observe(states, { x: 0, y: 0, theta: 0 }, CAMERA);
    expect(seen(4.85, 0.05)).toBe(true);
    expect(seen(5.15, 0.05)).toBe(false);
  });
});
