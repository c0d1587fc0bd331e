// The evidence of every rover, kept apart, tile by tile, in the rover's own frame: what is replaced can never be counted twice.
import { f64, i32, unchecked } from '../portable.ts';
import type { TilePatch } from './records.ts';

export const TILE_SIZE: i32 = 64;
export const TILE_CELLS: i32 = 4096;
export const RESOLUTION_M: f64 = 0.05;
export const TILE_EDGE_M: f64 = 3.2;
/** Tiles lie within ±TILE_REACH of the origin. */
const TILE_REACH: i32 = 32768;
/** A tile of one rover's evidence, in its own frame. */
export interface EvidenceTile {
  readonly key: f64;
  readonly tileX: i32;
  readonly tileY: i32;
  revision: f64;
  cells: Int8Array;
}

/** What one rover has contributed. Tiles are in the order of their keys. */
export interface RoverMap {
  readonly rover: string;
  /** Whether its place was given. */
  given: boolean;
  /** Whether its place was given, or is the origin; otherwise it is found by registration. */
  known: boolean;
  /** Whether it has a place in the common frame; without, it is kept and waits. */
  placed: boolean;
  /** How sure the place is, 0 … 1; 1 where it was given. */
  confidence: f64;
  /** Counts the changes of the rover's own frame. */
  frame: i32;
  /** Cells of which something is known. */
  knownCells: i32;
  /** The place of the rover's frame in the common frame: map ← rover. */
  x: f64;
  y: f64;
  theta: f64;
  cosTheta: f64;
  sinTheta: f64;
  /** Whether tiles of the two frames coincide; then `shiftX`, `shiftY` tiles apart. */
  aligned: boolean;
  shiftX: i32;
  shiftY: i32;
  tiles: EvidenceTile[];
}

export function tileKey(tileX: i32, tileY: i32): f64 {
  return f64(tileY + TILE_REACH) * 65536 + f64(tileX + TILE_REACH);
}

export function isTileCoordinate(value: i32): boolean {
  return value >= -TILE_REACH && value < TILE_REACH;
}

export function newRoverMap(rover: string): RoverMap {
  return {
    rover,
    given: false,
    known: false,
    placed: false,
    confidence: 0,
    frame: 0,
    knownCells: 0,
    x: 0,
    y: 0,
    theta: 0,
    cosTheta: 1,
    sinTheta: 0,
    aligned: true,
    shiftX: 0,
    shiftY: 0,
    tiles: [],
  };
}

/** Places the rover's frame in the common frame. */
export function placeRover(map: RoverMap, x: f64, y: f64, theta: f64): void {
  map.x = x;
  map.y = y;
  map.theta = theta;
  map.cosTheta = Math.cos(theta);
  map.sinTheta = Math.sin(theta);
  const shiftX = Math.round(x / TILE_EDGE_M);
  const shiftY = Math.round(y / TILE_EDGE_M);
  map.aligned = theta === 0 && Math.abs(shiftX * TILE_EDGE_M - x) < 1e-9 && Math.abs(shiftY * TILE_EDGE_M - y) < 1e-9;
  map.shiftX = map.aligned ? i32(shiftX) : 0;
  map.shiftY = map.aligned ? i32(shiftY) : 0;
}

/** Index of the first tile whose key is not below `key`. */
export function lowerBound(tiles: EvidenceTile[], key: f64): i32 {
  let low: i32 = 0;
  let high: i32 = tiles.length;
  while (low < high) {
    const middle: i32 = (low + high) >> 1;
    if (unchecked(tiles[middle]).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function findTile(tiles: EvidenceTile[], key: f64): EvidenceTile | null {
  const index = lowerBound(tiles, key);
  if (index >= tiles.length) return null;
  const tile = unchecked(tiles[index]);
  return tile.key === key ? tile : null;
}

/** Takes a patch; false when it is not newer, or says nothing new. */
export function takePatch(map: RoverMap, patch: TilePatch): boolean {
  const key = tileKey(patch.tileX, patch.tileY);
  const index = lowerBound(map.tiles, key);
  if (index < map.tiles.length && unchecked(map.tiles[index]).key === key) {
    const tile = unchecked(map.tiles[index]);
    if (patch.revision <= tile.revision) return false;
    tile.revision = patch.revision;
    if (sameCells(tile.cells, patch.cells)) return false;
    map.knownCells += knownIn(patch.cells) - knownIn(tile.cells);
    tile.cells.set(patch.cells);
    return true;
  }
  const fresh: EvidenceTile = { key, tileX: patch.tileX, tileY: patch.tileY, revision: patch.revision, cells: patch.cells.slice() };
  map.knownCells += knownIn(patch.cells);
  map.tiles.push(fresh);
  for (let at: i32 = map.tiles.length - 1; at > index; at -= 1) map.tiles[at] = unchecked(map.tiles[at - 1]);
  map.tiles[index] = fresh;
  return true;
}

function knownIn(cells: Int8Array): i32 {
  let known: i32 = 0;
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) if (unchecked(cells[at]) !== 0) known += 1;
  return known;
}

function sameCells(a: Int8Array, b: Int8Array): boolean {
  for (let at: i32 = 0; at < TILE_CELLS; at += 1) {
    if (unchecked(a[at]) !== unchecked(b[at])) return false;
  }
  return true;
}

/** Log-odds of one rover at a place of the common frame; 0 where it has not looked. */
function evidenceAt(map: RoverMap, x: f64, y: f64): i32 {
  const dx = x - map.x;
  const dy = y - map.y;
  const column = i32(Math.floor((map.cosTheta * dx + map.sinTheta * dy) / RESOLUTION_M));
  const row = i32(Math.floor((map.cosTheta * dy - map.sinTheta * dx) / RESOLUTION_M));
  const tile = findTile(map.tiles, tileKey(column >> 6, row >> 6));
  return tile === null ? 0 : i32(unchecked(tile.cells[((row & 63) << 6) | (column & 63)]));
}

/** Merged log-odds at a place of the common frame [m]. */
export function mergedAt(maps: RoverMap[], x: f64, y: f64): i32 {
  let sum: i32 = 0;
  for (const map of maps) if (map.placed) sum += evidenceAt(map, x, y);
  return sum;
}
