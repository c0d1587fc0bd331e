// Square tiles of an unbounded grid: cell (0, 0) of tile (0, 0) has its lower-left corner in the map frame's origin.

/** Cells along a tile's edge, as a power of two. */
export const TILE_BITS = 6;
export const TILE_SIZE = 1 << TILE_BITS;
export const TILE_CELLS = TILE_SIZE * TILE_SIZE;
export const TILE_MASK = TILE_SIZE - 1;
/** Edge of a cell of all maps that are shared [m]. */
export const CELL_SIZE_M = 0.05;

/** Evidence of one tile as it is now; it replaces what was sent of the tile before. */
export interface TilePatch {
  readonly tileX: number;
  readonly tileY: number;
  /** The grid's revision of the tile's last change. */
  readonly revision: number;
  /** TILE_CELLS log-odds cells (see log-odds.ts), row-major from the lower left. */
  readonly cells: Int8Array;
}

/** Tiles lie within ±TILE_REACH of the origin: ±104 km at 5 cm. */
const TILE_REACH = 1 << 15;

/** One number for a tile's coordinates; its order is row by row. */
export function tileKey(tileX: number, tileY: number): number {
  return (tileY + TILE_REACH) * 2 * TILE_REACH + tileX + TILE_REACH;
}
