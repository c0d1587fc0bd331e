// Wide scan matching without a starting guess: best-first branch and bound over rotations and shifts; finds the global optimum of its window
// (Olson, Real-time correlative scan matching, ICRA 2009; Hess et al., Real-time loop closure in 2D LIDAR SLAM, ICRA 2016).
import { normalizeAngle } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LikelihoodLevel, LikelihoodPyramid } from './likelihood-pyramid.ts';
import type { SurfacePoints } from './surface-points.ts';

export interface SearchWindow {
  /** Half width of the window in x and y [m]. */
  readonly shiftM: number;
  /** Half width in heading [rad]. */
  readonly turnRad: number;
}

export interface SearchResult {
  readonly pose: Pose2;
  /** Mean likelihood of the points at `pose`, 0 … 1. */
  readonly score: number;
  /** The best clearly different pose (over 0.6 m or 20° away), or null when none scores half as well. */
  readonly rival: { readonly pose: Pose2; readonly score: number } | null;
}

/** At most so many points are compared. */
const MAX_POINTS = 160;
const RIVAL_SHIFT_M = 0.6;
const RIVAL_TURN_RAD = 0.35;
/** Bounds the work of a search whose window is without features. */
const MAX_POPS = 4000;

/** The best pose for `points` around `centre`, or null when nothing scores at least `minScore`. */
export function correlativeSearch(
  pyramid: LikelihoodPyramid,
  points: SurfacePoints,
  centre: Pose2,
  window: SearchWindow,
  minScore: number,
): SearchResult | null {
  const search = new Search(pyramid, points, centre, window);
  return search.run(minScore);
}

interface Node {
  readonly bound: number;
  readonly level: number;
  readonly rotation: number;
  readonly shiftX: number;
  readonly shiftY: number;
}

/** The points' base cells, turned by one angle of the window and not shifted. */
interface Rotation {
  readonly theta: number;
  readonly columns: Int32Array;
  readonly rows: Int32Array;
}

class Search {
  readonly #pyramid: LikelihoodPyramid;
  readonly #centre: Pose2;
  readonly #rotations: Rotation[] = [];
  readonly #reach: number;
  readonly #heap = new NodeHeap();

  constructor(pyramid: LikelihoodPyramid, points: SurfacePoints, centre: Pose2, window: SearchWindow) {
    this.#pyramid = pyramid;
    this.#centre = centre;
    this.#reach = Math.max(1, Math.ceil(window.shiftM / pyramid.cellM));
    const stride = Math.max(1, Math.ceil(points.count / MAX_POINTS));
    const picked: number[] = [];
    let squared = 0;
    for (let i = 0; i < points.count; i += stride) {
      picked.push(i);
      squared += (points.x[i] as number) ** 2 + (points.y[i] as number) ** 2;
    }
    // Half a step turns a typical far point by less than a cell; the fine alignment does the rest.
    const lever = Math.max(1.5, 1.3 * Math.sqrt(squared / Math.max(1, picked.length)));
    const stepRad = (1.4 * pyramid.cellM) / lever;
    const turns = Math.max(1, Math.ceil(window.turnRad / stepRad));
    for (let k = -turns; k <= turns; k += 1) {
      const theta = centre.theta + (k * window.turnRad) / turns;
      const c = Math.cos(theta);
      const s = Math.sin(theta);
      const column = (x: number, y: number): number => Math.floor((centre.x + c * x - s * y - pyramid.originX) / pyramid.cellM);
      const row = (x: number, y: number): number => Math.floor((centre.y + s * x + c * y - pyramid.originY) / pyramid.cellM);
      this.#rotations.push({
        theta,
        columns: Int32Array.from(picked, (i) => column(points.x[i] as number, points.y[i] as number)),
        rows: Int32Array.from(picked, (i) => row(points.x[i] as number, points.y[i] as number)),
      });
    }
  }

  run(minScore: number): SearchResult | null {
    const top = this.#pyramid.levels.length - 1;
    const step = this.#pyramid.levels[top]?.step ?? 1;
    for (let rotation = 0; rotation < this.#rotations.length; rotation += 1) {
      for (let y = -this.#reach; y <= this.#reach; y += step) {
        for (let x = -this.#reach; x <= this.#reach; x += step) this.#push(top, rotation, x, y, minScore);
      }
    }
    let best: Node | null = null;
    for (let pops = 0; pops < MAX_POPS; pops += 1) {
      const node = this.#heap.pop();
      if (node === null) break;
      if (best !== null && node.bound < best.bound / 2) break;
      if (best !== null && !this.#mayRival(node, best)) continue;
      if (node.level > 0) this.#branch(node, best === null ? minScore : best.bound / 2);
      else if (best === null) best = node;
      else return this.#result(best, node);
    }
    return best === null ? null : this.#result(best, null);
  }

  #branch(node: Node, minScore: number): void {
    const from = this.#pyramid.levels[node.level]?.step ?? 1;
    const to = this.#pyramid.levels[node.level - 1]?.step ?? 1;
    for (let y = 0; y < from; y += to) {
      for (let x = 0; x < from; x += to) {
        if (node.shiftX + x > this.#reach || node.shiftY + y > this.#reach) continue;
        this.#push(node.level - 1, node.rotation, node.shiftX + x, node.shiftY + y, minScore);
      }
    }
  }

  #push(level: number, rotation: number, shiftX: number, shiftY: number, minScore: number): void {
    const bound = this.#score(level, rotation, shiftX, shiftY);
    if (bound >= minScore) this.#heap.push({ bound, level, rotation, shiftX, shiftY });
  }

  #score(level: number, rotation: number, shiftX: number, shiftY: number): number {
    const { width, height, values, step } = this.#pyramid.levels[level] as LikelihoodLevel;
    const { columns, rows } = this.#rotations[rotation] as Rotation;
    const margin = step === 1 ? 0 : 1; // coarse levels keep a block before the first
    const shift = step === 1 ? 0 : step === 2 ? 1 : 3;
    let sum = 0;
    for (let i = 0; i < columns.length; i += 1) {
      const x = (((columns[i] as number) + shiftX) >> shift) + margin;
      const y = (((rows[i] as number) + shiftY) >> shift) + margin;
      if (x >= 0 && y >= 0 && x < width && y < height) sum += values[y * width + x] as number;
    }
    return sum / (255 * Math.max(1, columns.length));
  }

  /** Whether a node can hold a pose that is clearly different from the best. */
  #mayRival(node: Node, best: Node): boolean {
    const span = (this.#pyramid.levels[node.level]?.step ?? 1) * this.#pyramid.cellM;
    const dx = Math.abs(node.shiftX - best.shiftX) * this.#pyramid.cellM + (node.level > 0 ? span : 0);
    const dy = Math.abs(node.shiftY - best.shiftY) * this.#pyramid.cellM + (node.level > 0 ? span : 0);
    const turn = Math.abs(this.#theta(node) - this.#theta(best));
    return Math.hypot(dx, dy) > RIVAL_SHIFT_M || turn > RIVAL_TURN_RAD;
  }

  #theta(node: Node): number {
    return this.#rotations[node.rotation]?.theta ?? 0;
  }

  #result(best: Node, rival: Node | null): SearchResult {
    return {
      pose: this.#poseOf(best),
      score: best.bound,
      rival: rival === null ? null : { pose: this.#poseOf(rival), score: rival.bound },
    };
  }

  #poseOf(node: Node): Pose2 {
    const { cellM } = this.#pyramid;
    return {
      x: this.#centre.x + node.shiftX * cellM,
      y: this.#centre.y + node.shiftY * cellM,
      theta: normalizeAngle(this.#theta(node)),
    };
  }
}

/** A binary heap by bound; equal bounds come out finest first. */
class NodeHeap {
  readonly #nodes: Node[] = [];

  push(node: Node): void {
    const nodes = this.#nodes;
    let i = nodes.length;
    nodes.push(node);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(node, nodes[parent] as Node)) break;
      nodes[i] = nodes[parent] as Node;
      i = parent;
    }
    nodes[i] = node;
  }

  pop(): Node | null {
    const nodes = this.#nodes;
    const first = nodes[0];
    const last = nodes.pop();
    if (first === undefined || last === undefined) return null;
    if (nodes.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= nodes.length) break;
      if (child + 1 < nodes.length && before(nodes[child + 1] as Node, nodes[child] as Node)) child += 1;
      if (!before(nodes[child] as Node, last)) break;
      nodes[i] = nodes[child] as Node;
      i = child;
    }
    nodes[i] = last;
    return first;
  }
}

function before(a: Node, b: Node): boolean {
  return a.bound > b.bound || (a.bound === b.bound && a.level < b.level);
}
