// Bookkeeping of merged tiles: which have changed since they were published. Their cells are merged anew when needed.
import { type f64, i32, unchecked } from '../portable.ts';
import { TILE_CELLS, tileKey } from './evidence.ts';
import type { TileBox } from './merge-tile.ts';

export interface MergedTile {
  readonly key: f64;
  readonly tileX: i32;
  readonly tileY: i32;
  /** Of the last publication; 0 before the first. */
  revision: f64;
  publishedSec: f64;
  /** Of the cells as published. */
  checksum: i32;
  dirty: boolean;
}

/** A factor whose products with 32 bits stay exact in a double, so that both builds compute the same checksum. */
const FACTOR: i32 = 2097143;

/** Polynomial checksum of a tile's cells; 0 for a tile of which nothing is known. */
export function checksumOf(cells: Int8Array): i32 {
  let sum: i32 = 0;
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) sum = i32(sum * FACTOR + (unchecked(cells[at]) + 1));
  return sum;
}

/** Marks a tile as changed, adding it where it is new. */
export function dirtyTile(tiles: MergedTile[], tileX: i32, tileY: i32): void {
  const key = tileKey(tileX, tileY);
  let low: i32 = 0;
  let high: i32 = tiles.length;
  while (low < high) {
    const middle: i32 = (low + high) >> 1;
    if (unchecked(tiles[middle]).key < key) low = middle + 1;
    else high = middle;
  }
  if (low < tiles.length && unchecked(tiles[low]).key === key) {
    unchecked(tiles[low]).dirty = true;
    return;
  }
  const fresh: MergedTile = { key, tileX, tileY, revision: 0, publishedSec: -1e9, checksum: 0, dirty: true };
  tiles.push(fresh);
  for (let at: i32 = tiles.length - 1; at > low; at -= 1) tiles[at] = unchecked(tiles[at - 1]);
  tiles[low] = fresh;
}

/** Tiles published after `revision`, oldest first. */
export function sinceRevision(tiles: MergedTile[], revision: f64): MergedTile[] {
  const found: MergedTile[] = [];
  for (const tile of tiles) if (tile.revision > revision) found.push(tile);
  found.sort((a, b) => a.revision - b.revision);
  return found;
}

/** The bounding box of the tiles that have been published, or null. */
export function publishedBox(tiles: MergedTile[]): TileBox | null {
  let box: TileBox | null = null;
  for (const tile of tiles) {
    if (tile.revision === 0) continue;
    const { tileX, tileY } = tile;
    if (box === null) box = { minX: tileX, minY: tileY, maxX: tileX, maxY: tileY };
    box.minX = Math.min(box.minX, tileX);
    box.minY = Math.min(box.minY, tileY);
    box.maxX = Math.max(box.maxX, tileX);
    box.maxY = Math.max(box.maxY, tileY);
  }
  return box;
}
