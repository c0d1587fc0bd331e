// A rover's evidence as one grid, for registration.
import { f64, i32, i8, unchecked } from '../portable.ts';
import type { GridRecord } from '../host/registration.ts';
import { RESOLUTION_M, type RoverMap, TILE_SIZE } from './evidence.ts';

/** A larger grid is not registered: 400 m × 400 m [cells]. */
const MAX_CELLS: f64 = 64e6;
const UNITS_PER_NAT: f64 = 20;

/** The bounding box of the rover's tiles in percent, −1 where it has not looked; null when there is none, or it is too large. */
export function gridOf(map: RoverMap): GridRecord | null {
  if (map.tiles.length === 0) return null;
  const first = unchecked(map.tiles[0]);
  let minX: i32 = first.tileX;
  let maxX: i32 = first.tileX;
  let minY: i32 = first.tileY;
  let maxY: i32 = first.tileY;
  for (const tile of map.tiles) {
    minX = Math.min(minX, tile.tileX);
    maxX = Math.max(maxX, tile.tileX);
    minY = Math.min(minY, tile.tileY);
    maxY = Math.max(maxY, tile.tileY);
  }
  const width: i32 = (maxX - minX + 1) * TILE_SIZE;
  const height: i32 = (maxY - minY + 1) * TILE_SIZE;
  if (f64(width) * f64(height) > MAX_CELLS) return null;
  const cells = new Int8Array(width * height);
  for (let at: i32 = 0; at < cells.length; at += 1) unchecked((cells[at] = -1));
  for (const tile of map.tiles) {
    const left: i32 = (tile.tileX - minX) * TILE_SIZE;
    const bottom: i32 = (tile.tileY - minY) * TILE_SIZE;
    for (let row: i32 = 0; row < TILE_SIZE; row += 1) {
      const to: i32 = (bottom + row) * width + left;
      const from: i32 = row * TILE_SIZE;
      for (let column: i32 = 0; column < TILE_SIZE; column += 1) {
        const value = i32(unchecked(tile.cells[from + column]));
        if (value !== 0) unchecked((cells[to + column] = i8(Math.round(100 / (1 + Math.exp(-value / UNITS_PER_NAT))))));
      }
    }
  }
  return { originX: minX * TILE_SIZE * RESOLUTION_M, originY: minY * TILE_SIZE * RESOLUTION_M, width, height, cells };
}
