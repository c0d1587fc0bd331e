// From here to there on the costmap as a path to follow: A*, shortcuts, metres; and a way out of another rover's way.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { type Costmap, COST_INSCRIBED } from '../costmap/costmap.ts';
import { cellAt, centreX, centreY } from '../costmap/grid-frame.ts';
import { PathTracker } from '../control/path-tracker.ts';
import { GridSearch, type SearchOptions } from '../planning/grid-search.ts';
import type { PlanFailureReason } from '../planning/plan-result.ts';
import { shortcut } from '../planning/shortcut.ts';

export type Route = { readonly ok: true; readonly path: PathTracker } | { readonly ok: false; readonly reason: PlanFailureReason };

export class RoutePlanner {
  readonly #search = new GridSearch();
  readonly #options: SearchOptions;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  route(costmap: Costmap, from: Pose2, to: { readonly x: number; readonly y: number }): Route {
    const start = cellAt(costmap, from.x, from.y);
    const goal = cellAt(costmap, to.x, to.y);
    const plan = this.#search.plan(costmap, start, goal, this.#options);
    if (!plan.ok) return { ok: false, reason: plan.reason };
    return { ok: true, path: this.#track(costmap, shortcut(costmap, plan.cells, this.#options), from) };
  }

  /** The nearest place at least `clearanceM` away from every point to avoid, within `reachM`; null when there is none. */
  refuge(
    costmap: Costmap,
    from: Pose2,
    avoid: readonly (readonly [number, number])[],
    clearanceM: number,
    reachM: number,
  ): PathTracker | null {
    const start = cellAt(costmap, from.x, from.y);
    if (start < 0) return null;
    const costs = this.#search.flood(costmap, [{ cell: start, cost: 0 }], this.#options, reachM / costmap.resolutionM);
    let best = -1;
    for (let cell = 0; cell < costs.length; cell += 1) {
      if ((costs[cell] as number) === Infinity || (best >= 0 && (costs[cell] as number) >= (costs[best] as number))) continue;
      if ((costmap.costs[cell] as number) >= COST_INSCRIBED) continue;
      const x = centreX(costmap, cell);
      const y = centreY(costmap, cell);
      if (avoid.every(([ax, ay]) => (ax - x) * (ax - x) + (ay - y) * (ay - y) >= clearanceM * clearanceM)) best = cell;
    }
    if (best < 0 || best === start) return null;
    return this.#track(costmap, shortcut(costmap, this.#search.wayTo(best, costmap.width), this.#options), from);
  }

  /** Whether the way ahead still is passable on a newer costmap, up to `aheadM`. */
  isClear(costmap: Costmap, path: PathTracker, aheadM: number): boolean {
    const end = Math.min(path.lengthM, path.progressM + aheadM);
    for (let along = path.progressM + 0.3; along <= end; along += costmap.resolutionM) {
      const point = path.pointAt(along);
      const cell = cellAt(costmap, point.x, point.y);
      if (cell < 0 || (costmap.costs[cell] as number) >= COST_INSCRIBED) return false;
    }
    return true;
  }

  #track(costmap: Costmap, cells: Int32Array, from: Pose2): PathTracker {
    const points = new Float64Array(Math.max(4, cells.length));
    for (let i = 0; i < cells.length; i += 2) {
      points[i] = costmap.originX + ((cells[i] as number) + 0.5) * costmap.resolutionM;
      points[i + 1] = costmap.originY + ((cells[i + 1] as number) + 0.5) * costmap.resolutionM;
    }
    if (cells.length === 2) {
      points[2] = points[0] as number;
      points[3] = points[1] as number;
    }
    points[0] = from.x;
    points[1] = from.y;
    return new PathTracker(points);
  }
}
