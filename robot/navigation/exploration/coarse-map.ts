// A costmap at half its resolution for travel times: the cheapest of 2 × 2 cells. Walls stay closed: with their inscribed
// band on both sides they are at least three cells thick.
import type { Point2 } from '../../../shared/geometry/pose2.ts';
import { BELIEF_FREE } from '../costmap/belief-grid.ts';
import { COST_INSCRIBED, type Costmap } from '../costmap/costmap.ts';
import type { GridFrame } from '../costmap/grid-frame.ts';
import { forEachCellInDisc } from '../costmap/layered-costmap.ts';

export class CoarseMap {
  #map: Costmap | null = null;

  get map(): Costmap {
    return this.#map as Costmap;
  }

  update(fine: Costmap): Costmap {
    const width = fine.width >> 1;
    const height = fine.height >> 1;
    if (
      this.#map === null ||
      this.#map.width !== width ||
      this.#map.height !== height ||
      this.#map.originX !== fine.originX ||
      this.#map.originY !== fine.originY
    ) {
      this.#map = {
        width,
        height,
        resolutionM: fine.resolutionM * 2,
        originX: fine.originX,
        originY: fine.originY,
        costs: new Uint8Array(width * height),
      };
    }
    const { costs } = this.#map;
    for (let y = 0, i = 0; y < height; y += 1) {
      let j = 2 * y * fine.width;
      for (let x = 0; x < width; x += 1, i += 1, j += 2) {
        const a = Math.min(fine.costs[j] as number, fine.costs[j + 1] as number);
        const b = Math.min(fine.costs[j + fine.width] as number, fine.costs[j + fine.width + 1] as number);
        costs[i] = a < b ? a : b;
      }
    }
    return this.#map;
  }

  /** Takes other rovers out of the way: they will have moved on, so that what lies behind them counts as reachable. */
  openAround(rovers: readonly Point2[], frame: GridFrame, states: Uint8Array): void {
    const map = this.#map;
    if (map === null) return;
    for (const rover of rovers) {
      forEachCellInDisc(map, rover, OPEN_RADIUS_M, (cell) => {
        if ((map.costs[cell] as number) < COST_INSCRIBED) return;
        const fine = 2 * Math.floor(cell / map.width) * frame.width + 2 * (cell % map.width);
        const isFloor = [fine, fine + 1, fine + frame.width, fine + frame.width + 1].every((at) => states[at] === BELIEF_FREE);
        if (isFloor) map.costs[cell] = COST_INSCRIBED - 1;
      });
      forEachCellInDisc(map, rover, GHOST_RADIUS_M, (cell) => (map.costs[cell] = COST_INSCRIBED - 1));
    }
  }
}

/** A standing rover with its inscribed band [m]. */
const OPEN_RADIUS_M = 0.65;
/** What the lidar shows of its body [m]. */
const GHOST_RADIUS_M = 0.28;
