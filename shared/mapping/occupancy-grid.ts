// A rover's map: an unbounded log-odds grid in tiles that know when they changed, so that only news travels.
import type { Pose2 } from '../geometry/pose2.ts';
import type { LidarScan } from '../ports/lidar-io.ts';
import { LOG_ODDS_LIMIT, percentOf } from './log-odds.ts';
import { type OccupancyMap, UNKNOWN } from './occupancy-map.ts';
import { ScanRaster } from './scan-raster.ts';
import { CELL_SIZE_M, TILE_BITS, TILE_CELLS, TILE_MASK, TILE_SIZE, tileKey, type TilePatch } from './tiles.ts';

export interface OccupancyGridOptions {
  /** Edge of a cell [m]; default 0.05, that of all shared maps. */
  readonly resolutionM?: number;
  /** Returns beyond this only clear the way up to it [m]; default 30. */
  readonly maxRangeM?: number;
  /** A ray without a return clears up to this (and the sensor's range) [m]; default 12. */
  readonly clearM?: number;
}

interface Tile {
  readonly tileX: number;
  readonly tileY: number;
  revision: number;
  readonly cells: Int8Array;
}

export class OccupancyGrid {
  readonly resolutionM: number;
  readonly #options: Required<OccupancyGridOptions>;
  readonly #tiles = new Map<number, Tile>();
  readonly #raster = new ScanRaster((tileX, tileY) => this.#tileAt(tileX, tileY));
  #revision = 0;

  constructor(options: OccupancyGridOptions = {}) {
    this.#options = { resolutionM: CELL_SIZE_M, maxRangeM: 30, clearM: 12, ...options };
    this.resolutionM = this.#options.resolutionM;
  }

  /** Grows with every change; a tile's revision is that of its last change. */
  get revision(): number {
    return this.#revision;
  }

  get tileCount(): number {
    return this.#tiles.size;
  }

  /** Adds the evidence of a scan taken from the sensor pose `at` [m, rad, map frame]. */
  integrate(scan: LidarScan, at: Pose2): void {
    this.#revision += 1;
    this.#raster.draw(scan, at, this.#options, (tile) => (tile.revision = this.#revision));
  }

  /** Adds other evidence than scans, cell by cell in fixed-point log-odds: one revision for all that `draw` adds. */
  accumulate(draw: (add: (cellX: number, cellY: number, logOdds: number) => void) => void): void {
    this.#revision += 1;
    draw((cellX, cellY, logOdds) => {
      const tile = this.#tileAt(cellX >> TILE_BITS, cellY >> TILE_BITS);
      const cell = ((cellY & TILE_MASK) << TILE_BITS) | (cellX & TILE_MASK);
      const sum = (tile.cells[cell] as number) + logOdds;
      tile.cells[cell] = Math.max(-LOG_ODDS_LIMIT, Math.min(LOG_ODDS_LIMIT, sum));
      tile.revision = this.#revision;
    });
  }

  /** Log-odds of the cell that contains the point [m]; 0 where nothing was seen. */
  logOddsAt(x: number, y: number): number {
    return this.logOddsOf(Math.floor(x / this.resolutionM), Math.floor(y / this.resolutionM));
  }

  /** Log-odds of a cell by its integer coordinates. */
  logOddsOf(cellX: number, cellY: number): number {
    const tile = this.#tiles.get(tileKey(cellX >> TILE_BITS, cellY >> TILE_BITS));
    return tile === undefined ? 0 : (tile.cells[((cellY & TILE_MASK) << TILE_BITS) | (cellX & TILE_MASK)] as number);
  }

  /** Copies of the tiles that changed after `revision`, row by row. */
  patchesSince(revision: number): TilePatch[] {
    return this.#sorted()
      .filter((tile) => tile.revision > revision)
      .map((tile) => ({ tileX: tile.tileX, tileY: tile.tileY, revision: tile.revision, cells: tile.cells.slice() }));
  }

  /** Becomes `drawing`: tiles that differ get a new revision, tiles that it lacks become unseen. `drawing` must not be used afterwards. */
  adopt(drawing: OccupancyGrid): void {
    this.#revision += 1;
    for (const [key, tile] of this.#tiles) {
      const drawn = drawing.#tiles.get(key)?.cells;
      if (drawn === undefined ? tile.cells.every((cell) => cell === 0) : sameCells(tile.cells, drawn)) continue;
      tile.revision = this.#revision;
      if (drawn === undefined) tile.cells.fill(0);
      else tile.cells.set(drawn);
    }
    for (const [key, tile] of drawing.#tiles) {
      if (this.#tiles.has(key)) continue;
      tile.revision = this.#revision;
      this.#tiles.set(key, tile);
    }
  }

  /** The map over all tiles with content, or a map of no cells before the first scan. */
  toOccupancyMap(): OccupancyMap {
    const { resolutionM } = this;
    const tiles = [...this.#tiles.values()];
    if (tiles.length === 0) return { width: 0, height: 0, resolutionM, originX: 0, originY: 0, cells: new Int8Array(0) };
    const left = tiles.reduce((least, { tileX }) => Math.min(least, tileX), Infinity);
    const bottom = tiles.reduce((least, { tileY }) => Math.min(least, tileY), Infinity);
    const width = (tiles.reduce((most, { tileX }) => Math.max(most, tileX), -Infinity) - left + 1) * TILE_SIZE;
    const height = (tiles.reduce((most, { tileY }) => Math.max(most, tileY), -Infinity) - bottom + 1) * TILE_SIZE;
    const cells = new Int8Array(width * height).fill(UNKNOWN);
    for (const tile of tiles) {
      for (let row = 0; row < TILE_SIZE; row += 1) {
        let to = ((tile.tileY - bottom) * TILE_SIZE + row) * width + (tile.tileX - left) * TILE_SIZE;
        const from = row * TILE_SIZE;
        for (let i = from; i < from + TILE_SIZE; i += 1, to += 1) cells[to] = percentOf(tile.cells[i] as number);
      }
    }
    const tileM = TILE_SIZE * resolutionM;
    return { width, height, resolutionM, originX: left * tileM, originY: bottom * tileM, cells };
  }

  #tileAt(tileX: number, tileY: number): Tile {
    const key = tileKey(tileX, tileY);
    let tile = this.#tiles.get(key);
    if (tile === undefined) {
      tile = { tileX, tileY, revision: 0, cells: new Int8Array(TILE_CELLS) };
      this.#tiles.set(key, tile);
    }
    return tile;
  }

  #sorted(): Tile[] {
    return [...this.#tiles.entries()].sort(([a], [b]) => a - b).map(([, tile]) => tile);
  }
}

function sameCells(a: Int8Array, b: Int8Array): boolean {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
