// A costmap at half its resolution for travel times: the cheapest of 2 × 2 cells. Walls stay closed: with their inscribed
// band on both sides they are at least three cells thick.
import type { Costmap } from '../costmap/costmap.ts';

export class CoarseMap {
  #map: Costmap | null = null;

  get map(): Costmap {
    return this.#map!;
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
        const a = Math.min(fine.costs[j]!, fine.costs[j + 1]!);
        const b = Math.min(fine.costs[j + fine.width]!, fine.costs[j + fine.width + 1]!);
        costs[i] = a < b ? a : b;
      }
    }
    return this.#map;
  }
}
