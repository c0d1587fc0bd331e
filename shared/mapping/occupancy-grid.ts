// A rover's own partial map: log-odds evidence at 5 cm, growing in tiles of 64 × 64 cells as it is seen
// (Thrun, Burgard, Fox: Probabilistic Robotics, ch. 9).
import { type OccupancyMap, UNKNOWN } from './occupancy-map.ts';

/** Cells along the edge of a tile. */
export const TILE_CELLS = 64;
/** One unit of stored evidence in log-odds. */
export const LOG_ODDS_PER_UNIT = 0.05;

/** One tile's evidence for sharing: replaces what was shared of the tile before. */
export interface TilePatch {
  /** Tile coordinates: tile (x, y) spans cells [64·x, 64·x + 64) from the map origin. */
  readonly tileX: number;
  readonly tileY: number;
  readonly revision: number;
  /** 64 × 64 log-odds in units of {@link LOG_ODDS_PER_UNIT}, row-major from the lower left; 0: nothing known. */
  readonly cells: Int8Array;
}

/** Evidence of one scan: a hit adds, a cell passed subtracts; clamped so that a changed world can still be learnt. */
const HIT = 17;
const MISS = -6;
const MOST = 100;
const LEAST = -70;

export class OccupancyGrid {
  readonly resolutionM: number;
  #tileMinX = 0;
  #tileMinY = 0;
  #tilesWide = 0;
  #tilesHigh = 0;
  #cells = new Int8Array(0);
  /** Revision at which each tile last changed. */
  #tileRevision = new Uint32Array(0);
  /** Marks cells already changed by the scan at hand, so that each changes at most once. */
  #mark = new Uint32Array(0);
  #revision = 0;

  constructor(resolutionM = 0.05) {
    this.resolutionM = resolutionM;
  }

  /** Grows with every integrated scan. */
  get revision(): number {
    return this.#revision;
  }

  /** Width of the stored array [cells]; see {@link evidence}. */
  get width(): number {
    return this.#tilesWide * TILE_CELLS;
  }

  get height(): number {
    return this.#tilesHigh * TILE_CELLS;
  }

  /** Cell coordinates of the lower-left stored cell. */
  get minX(): number {
    return this.#tileMinX * TILE_CELLS;
  }

  get minY(): number {
    return this.#tileMinY * TILE_CELLS;
  }

  /** The evidence itself, row-major from the lower left: read only, replaced when the grid grows. */
  get evidence(): Int8Array {
    return this.#cells;
  }

  /**
   * Adds one scan: rays from (originX, originY) [m] to `count` endpoints (xs, ys) [m]; where `hits[i]` is 0 the ray is known to be free
   * but not to end at a surface. Hits win over misses.
   */
  integrate(originX: number, originY: number, xs: Float64Array, ys: Float64Array, hits: Uint8Array, count: number): void {
    const r = this.resolutionM;
    let [left, right, bottom, top] = [originX, originX, originY, originY];
    for (let i = 0; i < count; i += 1) {
      left = Math.min(left, xs[i] as number);
      right = Math.max(right, xs[i] as number);
      bottom = Math.min(bottom, ys[i] as number);
      top = Math.max(top, ys[i] as number);
    }
    this.#cover(Math.floor(left / r), Math.floor(bottom / r), Math.floor(right / r), Math.floor(top / r));
    this.#revision += 1;
    for (let i = 0; i < count; i += 1) {
      if (hits[i] === 1) this.#change(Math.floor((xs[i] as number) / r) - this.minX, Math.floor((ys[i] as number) / r) - this.minY, HIT);
    }
    const x0 = originX / r - this.minX;
    const y0 = originY / r - this.minY;
    for (let i = 0; i < count; i += 1) this.#traverse(x0, y0, (xs[i] as number) / r - this.minX, (ys[i] as number) / r - this.minY);
  }

  /** Tiles changed after `revision`, row by row. */
  patchesSince(revision: number): TilePatch[] {
    const patches: TilePatch[] = [];
    for (let ty = 0; ty < this.#tilesHigh; ty += 1) {
      for (let tx = 0; tx < this.#tilesWide; tx += 1) {
        const changed = this.#tileRevision[ty * this.#tilesWide + tx] as number;
        if (changed <= revision) continue;
        const cells = new Int8Array(TILE_CELLS * TILE_CELLS);
        for (let row = 0; row < TILE_CELLS; row += 1) {
          const from = (ty * TILE_CELLS + row) * this.width + tx * TILE_CELLS;
          cells.set(this.#cells.subarray(from, from + TILE_CELLS), row * TILE_CELLS);
        }
        patches.push({ tileX: tx + this.#tileMinX, tileY: ty + this.#tileMinY, revision: changed, cells });
      }
    }
    return patches;
  }

  /** Everything known, as probabilities in percent. */
  toOccupancyMap(): OccupancyMap {
    const cells = new Int8Array(this.#cells.length);
    for (let index = 0; index < cells.length; index += 1) cells[index] = PERCENT[(this.#cells[index] as number) + 128] as number;
    const { width, height, resolutionM } = this;
    return { width, height, resolutionM, originX: this.minX * resolutionM, originY: this.minY * resolutionM, cells };
  }

  /** Amanatides & Woo (1987): every cell that the ray crosses, without the last. */
  #traverse(x0: number, y0: number, x1: number, y1: number): void {
    let x = Math.floor(x0);
    let y = Math.floor(y0);
    const dx = x1 - x0;
    const dy = y1 - y0;
    const stepX = dx > 0 ? 1 : -1;
    const stepY = dy > 0 ? 1 : -1;
    const deltaX = Math.abs(1 / dx);
    const deltaY = Math.abs(1 / dy);
    let nextX = dx === 0 ? Infinity : (stepX > 0 ? x + 1 - x0 : x0 - x) * deltaX;
    let nextY = dy === 0 ? Infinity : (stepY > 0 ? y + 1 - y0 : y0 - y) * deltaY;
    for (let n = Math.abs(Math.floor(x1) - x) + Math.abs(Math.floor(y1) - y); n > 0; n -= 1) {
      this.#change(x, y, MISS);
      if (nextX < nextY) {
        nextX += deltaX;
        x += stepX;
      } else {
        nextY += deltaY;
        y += stepY;
      }
    }
  }

  #change(x: number, y: number, by: number): void {
    const index = y * this.width + x;
    if (this.#mark[index] === this.#revision) return;
    this.#mark[index] = this.#revision;
    const value = Math.max(LEAST, Math.min(MOST, (this.#cells[index] as number) + by));
    if (value === this.#cells[index]) return;
    this.#cells[index] = value === 0 ? Math.sign(by) : value; // 0 means: never seen
    this.#tileRevision[(y >> 6) * this.#tilesWide + (x >> 6)] = this.#revision;
  }

  /** Grows the stored area, in whole tiles, until it holds the given cells. */
  #cover(left: number, bottom: number, right: number, top: number): void {
    const empty = this.#tilesWide === 0;
    const minX = empty ? left >> 6 : Math.min(this.#tileMinX, left >> 6);
    const minY = empty ? bottom >> 6 : Math.min(this.#tileMinY, bottom >> 6);
    const maxX = Math.max(empty ? right >> 6 : this.#tileMinX + this.#tilesWide - 1, right >> 6);
    const maxY = Math.max(empty ? top >> 6 : this.#tileMinY + this.#tilesHigh - 1, top >> 6);
    const wide = maxX - minX + 1;
    const high = maxY - minY + 1;
    if (minX === this.#tileMinX && minY === this.#tileMinY && wide === this.#tilesWide && high === this.#tilesHigh) return;
    const cells = new Int8Array(wide * high * TILE_CELLS * TILE_CELLS);
    const tileRevision = new Uint32Array(wide * high);
    const shiftX = (this.#tileMinX - minX) * TILE_CELLS;
    const shiftY = (this.#tileMinY - minY) * TILE_CELLS;
    for (let row = 0; row < this.height; row += 1) {
      cells.set(this.#cells.subarray(row * this.width, (row + 1) * this.width), (row + shiftY) * wide * TILE_CELLS + shiftX);
    }
    for (let ty = 0; ty < this.#tilesHigh; ty += 1) {
      const old = this.#tileRevision.subarray(ty * this.#tilesWide, (ty + 1) * this.#tilesWide);
      tileRevision.set(old, (ty + this.#tileMinY - minY) * wide + this.#tileMinX - minX);
    }
    this.#cells = cells;
    this.#tileRevision = tileRevision;
    this.#mark = new Uint32Array(cells.length);
    [this.#tileMinX, this.#tileMinY, this.#tilesWide, this.#tilesHigh] = [minX, minY, wide, high];
  }
}

/** Percent of occupancy by stored evidence + 128; unknown where there is none. */
const PERCENT = Int8Array.from({ length: 256 }, (_, i) =>
  i === 128 ? UNKNOWN : Math.round(100 / (1 + Math.exp(-(i - 128) * LOG_ODDS_PER_UNIT))),
);
