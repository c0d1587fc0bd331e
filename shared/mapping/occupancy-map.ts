// A plain occupancy map with the semantics of nav_msgs/OccupancyGrid: what maps are exchanged as.

export const UNKNOWN = -1;
export const FREE = 0;
export const OCCUPIED = 100;

/** Row-major from the lower-left cell; cell (0, 0) spans [originX, originX + resolutionM) × [originY, originY + resolutionM). */
export interface OccupancyMap {
  readonly width: number;
  readonly height: number;
  /** Edge of a cell [m]. */
  readonly resolutionM: number;
  /** Position of the lower-left corner of cell (0, 0) in the map frame [m]. */
  readonly originX: number;
  readonly originY: number;
  /** width·height cells: −1 unknown, 0 (free) … 100 (occupied) probability in percent. */
  readonly cells: Int8Array;
}
