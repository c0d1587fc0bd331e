// Lazy-free Theta* (Nash, Daniel, Koenig & Felner 2007): any-angle paths on a costmap; parents may be any visible cell.
import { COST_INSCRIBED, COST_LETHAL, type Costmap } from '../costmap/costmap.ts';
import { BucketQueue } from './bucket-queue.ts';
import { pathLength, type SearchOptions, weightTable } from './grid-search.ts';
import { lineCost } from './line-of-sight.ts';
import type { PlanResult } from './plan-result.ts';

const BUCKET_WIDTH = 0.5;
const NEIGHBOURS = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => ({ dx, dy }))).filter(({ dx, dy }) => dx !== 0 || dy !== 0);

/** Plans an any-angle path: never longer than needed on the grid, at most a little longer than the true shortest one. */
export class ThetaStar {
  #queue = new BucketQueue(0);
  #cost = new Float64Array(0);
  #parent = new Int32Array(0);

  /** Turning points only: the cells between are on straight lines. `escapeCells` has no effect here. */
  plan(map: Costmap, start: number, goal: number, options: SearchOptions): PlanResult {
    const { width, height, costs } = map;
    const size = width * height;
    if (!(start >= 0 && start < size)) return { ok: false, reason: 'StartOutsideMap', expanded: 0 };
    if (!(goal >= 0 && goal < size)) return { ok: false, reason: 'GoalOutsideMap', expanded: 0 };
    if (isBlocked(costs[start] as number)) return { ok: false, reason: 'StartOccupied', expanded: 0 };
    if (isBlocked(costs[goal] as number)) return { ok: false, reason: 'GoalOccupied', expanded: 0 };
    const weights = weightTable(options);
    this.#prepare(size);
    const cost = this.#cost;
    const parent = this.#parent;
    const goalX = goal % width;
    const goalY = Math.floor(goal / width);
    const heuristic = (x: number, y: number): number => Math.hypot(x - goalX, y - goalY);
    const heaviest = weights.reduce((most, weight) => (weight < Infinity ? Math.max(most, weight) : most), 1);
    const first = heuristic(start % width, Math.floor(start / width));
    this.#queue.reset(first, BUCKET_WIDTH, Math.SQRT2 * (heaviest + 1));
    cost[start] = 0;
    parent[start] = start;
    this.#queue.push(start, first);
    let expanded = 0;
    for (let cell = this.#queue.pop(); cell >= 0; cell = this.#queue.pop()) {
      const x = cell % width;
      const y = (cell - x) / width;
      if ((cost[cell] as number) + heuristic(x, y) >= (cost[goal] as number)) continue;
      if (expanded >= options.maxExpansions) return { ok: false, reason: 'TimedOut', expanded };
      expanded += 1;
      const from = parent[cell] as number;
      const fromX = from % width;
      const fromY = (from - fromX) / width;
      for (const { dx, dy } of NEIGHBOURS) {
        const nx = x + dx;
        const ny = y + dy;
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const next = ny * width + nx;
        if ((cost[next] as number) <= (cost[from] as number) || weights[costs[next] as number] === Infinity) continue;
        const bent = (cost[cell] as number) + lineCost(map, weights, x, y, nx, ny);
        const straight = (cost[from] as number) + lineCost(map, weights, fromX, fromY, nx, ny);
        const best = straight <= bent ? straight : bent;
        if (best >= (cost[next] as number) - 1e-9) continue;
        cost[next] = best;
        parent[next] = straight <= bent ? from : cell;
        this.#queue.push(next, best + heuristic(nx, ny));
      }
    }
    if (cost[goal] === Infinity) return { ok: false, reason: 'NoValidPath', expanded };
    const cells = this.#trace(goal, width);
    return { ok: true, cells, length: pathLength(cells), cost: cost[goal] as number, expanded };
  }

  #prepare(size: number): void {
    if (size !== this.#cost.length) {
      this.#queue = new BucketQueue(size);
      this.#cost = new Float64Array(size);
      this.#parent = new Int32Array(size);
    }
    this.#cost.fill(Infinity);
  }

  #trace(goal: number, width: number): Int32Array {
    const points: number[] = [];
    for (let cell = goal; ; cell = this.#parent[cell] as number) {
      points.push(cell);
      if (this.#parent[cell] === cell) break;
    }
    return Int32Array.from(points.toReversed().flatMap((cell) => [cell % width, Math.floor(cell / width)]));
  }
}

function isBlocked(cost: number): boolean {
  return cost === COST_LETHAL || cost === COST_INSCRIBED;
}
