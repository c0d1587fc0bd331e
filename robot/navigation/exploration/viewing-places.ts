// Places worth considering as viewpoints: one per block of the floor, the rover's own, and some around small unseen groups.
import { COST_INSCRIBED, type Costmap } from '../costmap/costmap.ts';
import { cellAt, type GridFrame } from '../costmap/grid-frame.ts';
import { groupCells } from './frontiers.ts';
import type { SearchPlannerOptions } from './search-planner-options.ts';
import type { SearchInputs } from './search-types.ts';
import { UNKNOWN_MARK } from './view-field.ts';
import type { WorthMap } from './worth-map.ts';

/** Distances at which a small group is looked at [m]. */
const CLOSE_LOOKS_M = [0.6, 1.2, 2.4];
/** Groups up to this area get places of their own [m²]. */
const SMALL_GROUP_M2 = 1.5;
const MAX_GROUPS = 24;

/** Cells from which something may be seen; not all of them can be reached. */
export function viewingPlaces(inputs: SearchInputs, worth: WorthMap, reachCells: number, options: SearchPlannerOptions): number[] {
  const { frame, costmap } = inputs;
  const block = Math.max(1, Math.round(options.spacingM / frame.resolutionM));
  const cells: number[] = [];
  const own = cellAt(frame, inputs.pose.x, inputs.pose.y);
  if (own >= 0) cells.push(own);
  for (let by = 0; by < frame.height; by += block) {
    for (let bx = 0; bx < frame.width; bx += block) {
      if (worth.promiseAround(bx, by, reachCells + block) < options.minGainM2) continue;
      const cell = cheapestOf(costmap, bx, by, block);
      if (cell >= 0) cells.push(cell);
    }
  }
  addAroundGroups(frame, costmap, worth.weights, options, cells);
  return cells;
}

/** Small unseen groups need a closer look than the blocks' places may give. */
function addAroundGroups(frame: GridFrame, costmap: Costmap, weights: Float32Array, options: SearchPlannerOptions, cells: number[]): void {
  const cellM2 = frame.resolutionM ** 2;
  const smallest = Math.max(2, Math.round(options.minGainM2 / 4 / cellM2));
  const groups = groupCells(frame, (cell) => (weights[cell] as number) > 0 && (weights[cell] as number) < UNKNOWN_MARK, smallest);
  for (const group of groups.filter(({ members }) => members.length * cellM2 <= SMALL_GROUP_M2).slice(0, MAX_GROUPS)) {
    const x = group.cell % frame.width;
    const y = Math.floor(group.cell / frame.width);
    for (const reach of CLOSE_LOOKS_M) {
      for (let k = 0; k < 8; k += 1) {
        const nx = x + Math.round((Math.cos((k * Math.PI) / 4) * reach) / frame.resolutionM);
        const ny = y + Math.round((Math.sin((k * Math.PI) / 4) * reach) / frame.resolutionM);
        if (nx < 0 || ny < 0 || nx >= frame.width || ny >= frame.height) continue;
        const cell = ny * frame.width + nx;
        if ((costmap.costs[cell] as number) < COST_INSCRIBED) cells.push(cell);
      }
    }
  }
}

/** The cheapest passable cell of a block, nearest to its centre among equals; −1 when there is none. */
function cheapestOf(costmap: Costmap, bx: number, by: number, block: number): number {
  const { width, height, costs } = costmap;
  let best = -1;
  let bestScore = COST_INSCRIBED * 64;
  for (let y = by; y < Math.min(height, by + block); y += 1) {
    for (let x = bx; x < Math.min(width, bx + block); x += 1) {
      const cost = costs[y * width + x] as number;
      if (cost >= COST_INSCRIBED) continue;
      const score = cost * 64 + Math.abs(2 * (x - bx) + 1 - block) + Math.abs(2 * (y - by) + 1 - block);
      if (score < bestScore) [best, bestScore] = [y * width + x, score];
    }
  }
  return best;
}
