// Merging evidence into tiles of the common frame: a cell is the clamped sum over rovers, so order and repetition do not matter
// (log-odds of independent observers add up: Thrun et al., Probabilistic Robotics, ch. 9).
import { type f64, i32, i8, unchecked } from '../portable.ts';
import { type EvidenceTile, findTile, RESOLUTION_M, type RoverMap, TILE_CELLS, TILE_EDGE_M, TILE_SIZE, tileKey } from './evidence.ts';

/** Sums saturate here, as a single rover's evidence does (p = 0.9933). */
const LIMIT: i32 = 100;
/** Added once for each rover that has seen a cell, above the bits of the sum. */
const SEEN_BIT: i32 = 20;
const UNITS_PER_NAT: f64 = 20;

const SUMS = new Int32Array(4096);
const PERCENT = percentTable();

/** Occupancy in percent for merged log-odds −LIMIT … LIMIT. */
function percentTable(): Int8Array {
  const table = new Int8Array(2 * LIMIT + 1);
  for (let value: i32 = -LIMIT; value <= LIMIT; value += 1) {
    table[value + LIMIT] = i8(Math.round(100 / (1 + Math.exp(-value / UNITS_PER_NAT))));
  }
  return table;
}

/** Merges one tile of the common frame from all rovers into `out`, in percent; false when nobody has seen any of it. */
export function mergeTile(maps: RoverMap[], tileX: i32, tileY: i32, out: Int8Array): boolean {
  const sums = SUMS;
  const percent = PERCENT;
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) unchecked((sums[at] = 0));
  for (const map of maps) {
    if (!map.placed) continue;
    if (map.aligned) addAligned(map, tileX, tileY, sums);
    else addResampled(map, tileX, tileY, sums);
  }
  let known = false;
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) {
    const packed = unchecked(sums[at]);
    const seen: i32 = (packed + (1 << (SEEN_BIT - 1))) >> SEEN_BIT;
    if (seen === 0) {
      unchecked((out[at] = -1));
      continue;
    }
    known = true;
    let level: i32 = packed - (seen << SEEN_BIT) + LIMIT;
    if (level < 0) level = 0;
    else if (level > 2 * LIMIT) level = 2 * LIMIT;
    unchecked((out[at] = unchecked(percent[level])));
  }
  return known;
}

function addAligned(map: RoverMap, tileX: i32, tileY: i32, sums: Int32Array): void {
  const tile = findTile(map.tiles, tileKey(tileX - map.shiftX, tileY - map.shiftY));
  if (tile === null) return;
  const cells = tile.cells;
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) {
    const value = i32(unchecked(cells[at]));
    if (value !== 0) unchecked((sums[at] = unchecked(sums[at]) + value + (1 << SEEN_BIT)));
  }
}

/** Each merged cell takes the rover's cell that its centre falls into. */
function addResampled(map: RoverMap, tileX: i32, tileY: i32, sums: Int32Array): void {
  const c = map.cosTheta;
  const s = map.sinTheta;
  const left = (tileX * TILE_SIZE + 0.5) * RESOLUTION_M - map.x;
  const bottom = (tileY * TILE_SIZE + 0.5) * RESOLUTION_M - map.y;
  let key: f64 = -1;
  let tile: EvidenceTile | null = null;
  for (let row: i32 = 0; row < TILE_SIZE; row += 1) {
    const dy = bottom + row * RESOLUTION_M;
    for (let column: i32 = 0; column < TILE_SIZE; column += 1) {
      const dx = left + column * RESOLUTION_M;
      const u = i32(Math.floor((c * dx + s * dy) / RESOLUTION_M));
      const v = i32(Math.floor((c * dy - s * dx) / RESOLUTION_M));
      const wanted = tileKey(u >> 6, v >> 6);
      if (wanted !== key) {
        key = wanted;
        tile = findTile(map.tiles, key);
      }
      if (tile === null) continue;
      const value = i32(unchecked(tile.cells[((v & 63) << 6) | (u & 63)]));
      const at: i32 = (row << 6) | column;
      if (value !== 0) unchecked((sums[at] = unchecked(sums[at]) + value + (1 << SEEN_BIT)));
    }
  }
}

/** Smallest box of common-frame tiles that a rover's tile reaches into. */
export interface TileBox {
  minX: i32;
  minY: i32;
  maxX: i32;
  maxY: i32;
}

export function reachOf(map: RoverMap, tileX: i32, tileY: i32): TileBox {
  if (map.aligned) {
    const x: i32 = tileX + map.shiftX;
    const y: i32 = tileY + map.shiftY;
    return { minX: x, minY: y, maxX: x, maxY: y };
  }
  let minX: f64 = 1e9;
  let minY: f64 = 1e9;
  let maxX: f64 = -1e9;
  let maxY: f64 = -1e9;
  for (let corner: i32 = 0; corner < 4; corner += 1) {
    const u = (tileX + (corner & 1)) * TILE_EDGE_M;
    const v = (tileY + (corner >> 1)) * TILE_EDGE_M;
    const x = (map.x + map.cosTheta * u - map.sinTheta * v) / TILE_EDGE_M;
    const y = (map.y + map.sinTheta * u + map.cosTheta * v) / TILE_EDGE_M;
    minX = Math.min(minX, x);
    minY = Math.min(minY, y);
    maxX = Math.max(maxX, x);
    maxY = Math.max(maxY, y);
  }
  return { minX: i32(Math.floor(minX)), minY: i32(Math.floor(minY)), maxX: i32(Math.floor(maxX)), maxY: i32(Math.floor(maxY)) };
}
