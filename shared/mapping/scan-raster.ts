// Draws one scan into log-odds tiles: integer line drawing (Bresenham 1965, as a fixed-point DDA), each cell at most once a scan.
import type { Pose2 } from '../geometry/pose2.ts';
import type { LidarScan } from '../ports/lidar-io.ts';
import { LOG_ODDS_HIT, LOG_ODDS_LIMIT, LOG_ODDS_MISS } from './log-odds.ts';
import { TILE_BITS, TILE_CELLS, TILE_MASK, tileKey } from './tiles.ts';

/** How far a scan is believed. */
export interface RasterOptions {
  /** Edge of a cell [m]. */
  readonly resolutionM: number;
  /** Returns beyond this only clear the way up to it [m]. */
  readonly maxRangeM: number;
  /** A ray without a return (+Infinity) clears up to this, and never beyond the sensor's range [m]. */
  readonly clearM: number;
}

/** Where evidence goes: a tile's TILE_CELLS log-odds. */
export interface EvidenceTile {
  readonly cells: Int8Array;
}

/** A tile that the scan touched, and whether the evidence changed it. */
interface Touched<T extends EvidenceTile> {
  tile: T;
  changed: boolean;
  /** Cells that this scan has counted already. */
  readonly seen: Uint8Array;
}

/** Hits are drawn before rays, so that a hit beats a pass: grazing rays do not wash out the wall that they end on. */
export class ScanRaster<T extends EvidenceTile> {
  readonly #tileAt: (tileX: number, tileY: number) => T;
  readonly #pool: Touched<T>[] = [];
  readonly #byKey = new Map<number, Touched<T>>();
  #ends = new Int32Array(0);

  /** `tileAt` finds or makes the tile of given tile coordinates. */
  constructor(tileAt: (tileX: number, tileY: number) => T) {
    this.#tileAt = tileAt;
  }

  /** Adds the evidence of `scan`, taken from the sensor pose `at`; calls `onChanged` for each tile that it changed. */
  draw(scan: LidarScan, at: Pose2, options: RasterOptions, onChanged: (tile: T) => void): void {
    const { rangesM, rangeMinM, rangeMaxM, angleMinRad, angleIncrementRad } = scan;
    const scale = 1 / options.resolutionM;
    const count = rangesM.length;
    if (this.#ends.length < 3 * count) this.#ends = new Int32Array(3 * count);
    const ends = this.#ends;
    const clearM = Math.min(options.clearM, rangeMaxM);
    for (let i = 0; i < count; i += 1) {
      const range = rangesM[i] as number;
      const isHit = range <= options.maxRangeM;
      const length = isHit ? range : range === Number.POSITIVE_INFINITY ? clearM : Math.min(range, options.maxRangeM);
      const valid = length >= rangeMinM; // false for NaN, too
      const angle = at.theta + angleMinRad + i * angleIncrementRad;
      ends[3 * i] = valid ? Math.floor((at.x + length * Math.cos(angle)) * scale) : 0;
      ends[3 * i + 1] = valid ? Math.floor((at.y + length * Math.sin(angle)) * scale) : 0;
      ends[3 * i + 2] = valid ? (isHit ? HIT : PASS) : NONE;
      if (valid && isHit) this.#hit(ends[3 * i] as number, ends[3 * i + 1] as number);
    }
    const x = Math.floor(at.x * scale);
    const y = Math.floor(at.y * scale);
    for (let i = 0; i < count; i += 1) {
      const kind = ends[3 * i + 2] as number;
      if (kind !== NONE) this.#ray(x, y, ends[3 * i] as number, ends[3 * i + 1] as number, kind);
    }
    this.#finish(onChanged);
  }

  #hit(x: number, y: number): void {
    const touched = this.#touch(x >> TILE_BITS, y >> TILE_BITS);
    const cell = ((y & TILE_MASK) << TILE_BITS) | (x & TILE_MASK);
    if (touched.seen[cell] !== 0) return;
    touched.seen[cell] = 1;
    const { cells } = touched.tile;
    const before = cells[cell] as number;
    const after = Math.min(before + LOG_ODDS_HIT, LOG_ODDS_LIMIT);
    if (after === before) return;
    cells[cell] = after === 0 ? 1 : after; // a cell once seen never reads as unseen again
    touched.changed = true;
  }

  /** Passes the cells from (x0, y0) to (x1, y1); not the last of a hit, nor the one before it (range noise). */
  #ray(x0: number, y0: number, x1: number, y1: number, kind: number): void {
    const dx = x1 - x0;
    const dy = y1 - y0;
    const steps = Math.max(Math.abs(dx), Math.abs(dy));
    const end = kind === HIT ? steps - 1 : steps + 1;
    const stepX = steps === 0 ? 0 : Math.round((dx * ONE) / steps);
    const stepY = steps === 0 ? 0 : Math.round((dy * ONE) / steps);
    let fx = ONE / 2;
    let fy = ONE / 2;
    let tileX = x0 >> TILE_BITS;
    let tileY = y0 >> TILE_BITS;
    let touched = this.#touch(tileX, tileY);
    let { seen } = touched;
    let { cells } = touched.tile;
    for (let i = 0; i < end; i += 1) {
      const x = x0 + (fx >> 16);
      const y = y0 + (fy >> 16);
      fx += stepX;
      fy += stepY;
      if (x >> TILE_BITS !== tileX || y >> TILE_BITS !== tileY) {
        tileX = x >> TILE_BITS;
        tileY = y >> TILE_BITS;
        touched = this.#touch(tileX, tileY);
        seen = touched.seen;
        cells = touched.tile.cells;
      }
      const cell = ((y & TILE_MASK) << TILE_BITS) | (x & TILE_MASK);
      if (seen[cell] !== 0) continue;
      seen[cell] = 1;
      const before = cells[cell] as number;
      if (before === -LOG_ODDS_LIMIT) continue;
      const after = before + LOG_ODDS_MISS;
      cells[cell] = after < -LOG_ODDS_LIMIT ? -LOG_ODDS_LIMIT : after === 0 ? -1 : after;
      touched.changed = true;
    }
  }

  #touch(tileX: number, tileY: number): Touched<T> {
    const key = tileKey(tileX, tileY);
    let touched = this.#byKey.get(key);
    if (touched === undefined) {
      const tile = this.#tileAt(tileX, tileY);
      touched = this.#pool.pop() ?? { tile, changed: false, seen: new Uint8Array(TILE_CELLS) };
      touched.tile = tile;
      this.#byKey.set(key, touched);
    }
    return touched;
  }

  #finish(onChanged: (tile: T) => void): void {
    for (const touched of this.#byKey.values()) {
      if (touched.changed) onChanged(touched.tile);
      touched.changed = false;
      touched.seen.fill(0);
      this.#pool.push(touched);
    }
    this.#byKey.clear();
  }
}

const NONE = 0;
const PASS = 1;
const HIT = 2;
/** 16 fractional bits: lines of up to 32 767 cells. */
const ONE = 65536;
