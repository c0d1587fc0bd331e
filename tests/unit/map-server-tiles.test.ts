import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { MetadataRecord, TileRecord } from '../../shared/modules/host/map-view.ts';
import { MapServer } from '../../shared/modules/map-server/map-server.ts';
import type { TilePatch } from '../../shared/modules/map-server/records.ts';

const published = vi.hoisted(() => ({ tiles: [] as TileRecord[], metadata: [] as MetadataRecord[] }));
vi.mock('../../shared/modules/host/map-view.ts', () => ({
  publishTile: (tile: TileRecord) => void published.tiles.push({ ...tile, cells: tile.cells.slice() }),
  publishObject: () => undefined,
  publishMetadata: (metadata: MetadataRecord) => void published.metadata.push(metadata),
}));

const SIZE = 64;

/** A tile whose cells are given by column and row. */
function patch(tileX: number, tileY: number, revision: number, cell: (column: number, row: number) => number): TilePatch {
  return { tileX, tileY, revision, cells: Int8Array.from({ length: SIZE * SIZE }, (_, at) => cell(at % SIZE, Math.floor(at / SIZE))) };
}

/** The last published value of a cell of the common map; null where nothing was published. */
function cellAt(xM: number, yM: number): number | null {
  const column = Math.floor(xM / 0.05);
  const row = Math.floor(yM / 0.05);
  const tile = published.tiles.findLast(({ tileX, tileY }) => tileX === column >> 6 && tileY === row >> 6);
  return tile?.cells[((row & 63) << 6) | (column & 63)] ?? null;
}

const wall = (column: number): number => (column === 20 ? 60 : column < 20 ? -40 : 0);

beforeEach(() => {
  published.tiles.length = 0;
  published.metadata.length = 0;
});

describe('merging tiles', () => {
  it('publishes walls, free space and the unknown of one rover', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    expect(server.update('a', 10, [patch(0, 0, 1, wall)])).toMatchObject({ taken: 1, ignored: 0 });
    expect(cellAt(20.5 * 0.05, 1)).toBe(95);
    expect(cellAt(0.5, 1)).toBe(12);
    expect(cellAt(2, 1)).toBe(-1);
  });

  it('adds up what two rovers saw, and says 50 % where they contradict each other exactly', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.join('b', 0, 0, 0);
    server.update('a', 10, [patch(0, 0, 1, (column) => (column === 1 ? 20 : column === 2 ? 90 : column === 3 ? -30 : 0))]);
    server.update('b', 10, [patch(0, 0, 1, (column) => (column === 1 ? 20 : column === 2 ? 90 : column === 3 ? 30 : 0))]);
    server.flush(10);
    expect([1, 2, 3, 4].map((column) => cellAt((column + 0.5) * 0.05, 0.01))).toEqual([88, 99, 50, -1]);
  });

  it('replaces a rover’s own evidence instead of counting it twice, and ignores what is not newer', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.update('a', 10, [patch(0, 0, 5, () => 40)]);
    expect(server.update('a', 10, [patch(0, 0, 4, () => -90), patch(0, 0, 5, () => -90)])).toMatchObject({ taken: 0, ignored: 2 });
    server.update('a', 20, [patch(0, 0, 6, () => 20)]);
    expect(cellAt(1, 1)).toBe(73);
  });

  it('keeps the map of a rover that is never heard of again', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.join('b', 0, 0, 0);
    server.update('a', 1, [patch(3, -2, 1, wall)]);
    for (let second = 2; second < 200; second += 1) server.update('b', second, [patch(0, 0, second, (column) => column + second / 4)]);
    server.flush(200);
    expect(server.query(0, 10).tiles.find(({ tileX, tileY }) => tileX === 3 && tileY === -2)?.cells[20]).toBe(95);
  });

  it('turns a rover’s map into the common frame by its start pose', () => {
    const server = new MapServer();
    server.join('a', 5, 2, Math.PI / 2); // the rover's x axis is the common y axis
    server.update('a', 1, [patch(0, 0, 1, (column, row) => (column === 10 ? 80 : row < 3 ? -50 : 0))]);
    // Rover (0.525, 1.0) is (5 − 1.0, 2 + 0.525) in the common frame.
    expect(cellAt(4.01, 2.525)).toBe(98);
    expect(cellAt(4.99, 3.5)).toBe(8); // rover (1.5, 0.01): free
    expect(cellAt(4.01, 3.5)).toBe(-1);
  });

  it('leaves no holes in a wall that is seen at an angle', () => {
    const server = new MapServer();
    server.join('a', 0.333, -0.21, 0.61);
    server.update('a', 1, [patch(0, 0, 1, (_, row) => (row === 30 ? 80 : 0))]);
    for (let along = 0.1; along < 3.1; along += 0.02) {
      const [c, s] = [Math.cos(0.61), Math.sin(0.61)];
      const [x, y] = [0.333 + c * along - s * 1.525, -0.21 + s * along + c * 1.525];
      const near = [-0.05, 0, 0.05].flatMap((dx) => [-0.05, 0, 0.05].map((dy) => cellAt(x + dx, y + dy) ?? -1));
      expect(Math.max(...near), `at ${along} m`).toBe(98);
    }
  });

  it('moves what a rover has contributed when its start pose is corrected', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.update('a', 1, [patch(0, 0, 1, wall)]);
    server.join('a', 6.4, 0, 0);
    server.flush(2);
    expect(cellAt(20.5 * 0.05, 1)).toBe(-1);
    expect(cellAt(6.4 + 20.5 * 0.05, 1)).toBe(95);
  });
});

describe('publishing', () => {
  it('publishes a tile at most once a second, and everything on flush', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    for (let step = 0; step < 30; step += 1) server.update('a', 100 + step / 10, [patch(0, 0, step + 1, () => step - 50)]);
    expect(published.tiles.length).toBe(3);
    server.flush(102.9);
    expect(published.tiles.length).toBe(4);
    expect(cellAt(1, 1)).toBe(26);
    server.flush(103);
    expect(published.tiles.length).toBe(4);
  });

  it('gives every publication a higher revision', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    for (let step = 0; step < 20; step += 1) server.update('a', step, [patch(step % 3, 0, step + 1, (column) => column + step)]);
    const revisions = published.tiles.map(({ revision }) => revision);
    expect(revisions.every((revision, index) => index === 0 || revision > (revisions[index - 1] ?? 0))).toBe(true);
  });

  it('says how far the map reaches and whose it is, once it has a tile and whenever it grows', () => {
    const server = new MapServer();
    server.join('b', 0, 0, 0);
    server.join('a', 0, 0, 0);
    expect(published.metadata).toEqual([]);
    server.update('a', 1, [patch(-2, 1, 1, wall)]);
    server.update('b', 3, [patch(4, -3, 1, wall)]);
    server.update('b', 6, [patch(4, -3, 2, () => 3)]);
    expect(published.metadata).toHaveLength(2);
    expect(published.metadata.at(-1)).toMatchObject({
      tileMinX: -2,
      tileMinY: -3,
      tileMaxX: 4,
      tileMaxY: 1,
      rovers: ['a', 'b'],
      tileSize: 64,
      resolutionM: 0.05,
    });
  });

  it('answers a rover that lacks tiles page by page', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    for (let x = 0; x < 5; x += 1) server.update('a', x, [patch(x, 0, 1, wall)]);
    const seen: number[] = [];
    let page = server.query(0, 2);
    while (page.tiles.length > 0) {
      seen.push(...page.tiles.map(({ tileX }) => tileX));
      page = server.query(page.revision, 2);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(server.query(0, 2).more).toBe(true);
    expect(server.query(0, 5).more).toBe(false);
  });
});

describe('bad input', () => {
  it.each([
    ['a rover that has not joined', (server: MapServer) => server.update('ghost', 1, []), /ghost has not joined/],
    ['a report of a rover that has not joined', (server: MapServer) => server.report('ghost', 1, []), /ghost has not joined/],
    [
      'a tile of the wrong size',
      (server: MapServer) => server.update('a', 1, [{ tileX: 0, tileY: 0, revision: 1, cells: new Int8Array(12) }]),
      /12 cells/,
    ],
    ['a tile at the end of the world', (server: MapServer) => server.update('a', 1, [patch(32_768, 0, 1, wall)]), /out of bounds/],
    ['a start pose that is no number', (server: MapServer) => server.join('b', Number.NaN, 0, 0), /not finite/],
    ['a clock that leaps', (server: MapServer) => server.update('a', 1e9, []), /not a time near/],
    ['a stamp that is no number', (server: MapServer) => server.flush(Number.NaN), /not a time near/],
  ])('refuses %s and stays as it was', (_, act, message) => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    server.update('a', 5, [patch(0, 0, 1, wall)]);
    const before = JSON.stringify(server);
    expect(() => act(server)).toThrow(message);
    expect(JSON.stringify(server)).toBe(before);
  });

  it('takes a tile at the edge of the world', () => {
    const server = new MapServer();
    server.join('a', 0, 0, 0);
    expect(server.update('a', 5, [patch(32_767, -32_768, 1, wall)]).taken).toBe(1);
  });
});
