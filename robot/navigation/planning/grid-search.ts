// A* and Dijkstra on a costmap: 8-connected, √2 diagonals, no corner cutting, exact. One set of buffers serves every search.
import { COST_INSCRIBED, COST_LETHAL, COST_UNKNOWN, type Costmap } from '../costmap/costmap.ts';
import { BucketQueue } from './bucket-queue.ts';
import type { PlanFailureReason, PlanResult } from './plan-result.ts';

export interface SearchOptions {
  /** A cell of cost c weighs 1 + costWeight·c/252; 0 gives shortest paths. */
  readonly costWeight: number;
  /** Weight of unknown cells; Infinity forbids them. */
  readonly unknownWeight: number;
  /** From a start whose footprint seems to touch something, cells of cost 253 within this distance may be left [cells]. */
  readonly escapeCells: number;
  /** Give up (TimedOut) after taking this many cells: bounded work per call. */
  readonly maxExpansions: number;
}

export const SHORTEST_PATH: SearchOptions = { costWeight: 0, unknownWeight: 1, escapeCells: 0, maxExpansions: Infinity };

/** A start of a flood: a cell and its cost before the first step [cell edges]. */
export interface FloodSource {
  readonly cell: number;
  readonly cost: number;
}

const SQRT2 = Math.SQRT2;
const DIAGONAL_SAVING = 2 - SQRT2;
const ESCAPE_WEIGHT = 8;
/** Keys of one bucket differ by less than this [cell edges]. Label-correcting makes up for the lack of order within it. */
const BUCKET_WIDTH = 0.5;

/** Weight of entering a cell, by cost; Infinity forbids it. */
export function weightTable(options: SearchOptions): Float64Array {
  const table = new Float64Array(256);
  for (let cost = 0; cost < COST_INSCRIBED; cost += 1) table[cost] = 1 + (options.costWeight * cost) / (COST_INSCRIBED - 1);
  table[COST_INSCRIBED] = Infinity;
  table[COST_LETHAL] = Infinity;
  table[COST_UNKNOWN] = options.unknownWeight;
  return table;
}

export class GridSearch {
  #cells = 0;
  #queue = new BucketQueue(0);
  #cost = new Float64Array(0);
  #parent = new Int32Array(0);
  #goal = -1;
  #weights: Float64Array = new Float64Array(256);
  #expanded = 0;

  /** Shortest way between two cells, by A* with the octile heuristic. */
  plan(map: Costmap, start: number, goal: number, options: SearchOptions): PlanResult {
    const failure = this.#check(map, start, goal, options);
    if (failure !== null) return { ok: false, reason: failure, expanded: 0 };
    this.#prepare(map, options);
    this.#goal = goal;
    this.#cost[start] = 0;
    this.#queue.reset(this.#heuristic(start, map.width), BUCKET_WIDTH, this.#escapeSpan(options));
    this.#begin(map, start, 0, options.escapeCells);
    const finished = this.#run(map, options.maxExpansions, Infinity);
    if (this.#cost[goal] === Infinity || !finished) {
      return { ok: false, reason: finished ? 'NoValidPath' : 'TimedOut', expanded: this.#expanded };
    }
    const cells = this.#trace(goal, map.width);
    return { ok: true, cells, length: pathLength(cells), cost: this.#cost[goal] as number, expanded: this.#expanded };
  }

  /**
   * Cost [cell edges] of the best way from the nearest source to every cell, Infinity where there is none or above `limit`.
   * The answer is valid until the next search of this object.
   */
  flood(map: Costmap, sources: readonly FloodSource[], options: SearchOptions, limit = Infinity): Float64Array {
    this.#prepare(map, options);
    this.#goal = -1;
    for (const { cell, cost } of sources) {
      if (cost < (this.#cost[cell] as number)) this.#cost[cell] = cost;
    }
    const ordered = sources.toSorted((a, b) => a.cost - b.cost);
    const first = ordered[0];
    if (first === undefined) return this.#cost;
    this.#queue.reset(first.cost, BUCKET_WIDTH, this.#escapeSpan(options) + ((ordered.at(-1) ?? first).cost - first.cost));
    for (const { cell } of ordered) this.#begin(map, cell, this.#cost[cell] as number, options.escapeCells);
    this.#run(map, options.maxExpansions, limit);
    return this.#cost;
  }

  /** Cost of the last search's best way to a cell [cell edges]. */
  costOf(cell: number): number {
    return this.#cost[cell] ?? Infinity;
  }

  /** The cell before `cell` on the last search's best way to it; −1 at a source or where none leads. */
  parentOf(cell: number): number {
    return this.#parent[cell] ?? -1;
  }

  /** The way from the nearest source to a cell that the last flood has reached: x, y pairs [cell]. */
  wayTo(cell: number, width: number): Int32Array {
    return this.#trace(cell, width);
  }

  #check(map: Costmap, start: number, goal: number, options: SearchOptions): PlanFailureReason | null {
    const size = map.width * map.height;
    if (!(start >= 0 && start < size)) return 'StartOutsideMap';
    if (!(goal >= 0 && goal < size)) return 'GoalOutsideMap';
    const first = map.costs[start] as number;
    if (first === COST_LETHAL || (first === COST_INSCRIBED && options.escapeCells <= 0)) return 'StartOccupied';
    const last = map.costs[goal] as number;
    if (last === COST_LETHAL || last === COST_INSCRIBED) return 'GoalOccupied';
    return null;
  }

  #prepare(map: Costmap, options: SearchOptions): void {
    const cells = map.width * map.height;
    if (cells !== this.#cells) {
      this.#cells = cells;
      this.#queue = new BucketQueue(cells);
      this.#cost = new Float64Array(cells);
      this.#parent = new Int32Array(cells);
    }
    this.#cost.fill(Infinity);
    this.#parent.fill(-1);
    this.#weights = weightTable(options);
    this.#expanded = 0;
  }

  /** Largest difference of keys between a cell and its neighbour: an edge, and the heuristic's change along it. */
  #span(): number {
    let heaviest = 1;
    for (const weight of this.#weights) if (weight < Infinity && weight > heaviest) heaviest = weight;
    return SQRT2 * (heaviest + 1);
  }

  /** The same with the costs of getting free at the start. */
  #escapeSpan(options: SearchOptions): number {
    return this.#span() + 2 * SQRT2 * ESCAPE_WEIGHT * (options.escapeCells + 1);
  }

  /**
   * Queues the start; where its footprint seems to touch something, the cells around through which it can get free as well,
   * each with the cost of getting there.
   */
  #begin(map: Costmap, start: number, initial: number, escapeCells: number): void {
    const { width, costs } = map;
    this.#queue.push(start, initial + this.#heuristic(start, width));
    if ((costs[start] as number) !== COST_INSCRIBED) return;
    const [startX, startY] = [start % width, Math.floor(start / width)];
    const pending = [start];
    for (let cell = pending.shift(); cell !== undefined; cell = pending.shift()) {
      const x = cell % width;
      const y = Math.floor(cell / width);
      for (let k = 0; k < 8; k += 1) {
        const [nx, ny] = [x + (DX[k] as number), y + (DY[k] as number)];
        if (nx < 0 || ny < 0 || nx >= width || ny >= map.height || Math.hypot(nx - startX, ny - startY) > escapeCells) continue;
        const next = ny * width + nx;
        const tight = (costs[next] as number) === COST_INSCRIBED;
        const through =
          (this.#cost[cell] as number) + (LENGTH[k] as number) * (tight ? ESCAPE_WEIGHT : (this.#weights[costs[next] as number] as number));
        if (!(through < (this.#cost[next] as number))) continue;
        this.#cost[next] = through;
        this.#parent[next] = cell;
        if (tight) pending.push(next);
        else this.#queue.push(next, through + this.#heuristic(next, width));
      }
    }
  }

  #heuristic(cell: number, width: number): number {
    if (this.#goal < 0) return 0;
    return octile((cell % width) - (this.#goal % width), Math.floor(cell / width) - Math.floor(this.#goal / width));
  }

  /** Expands until the goal is settled, the queue or the limit is exhausted; false when the work bound was hit first. */
  #run(map: Costmap, maxExpansions: number, limit: number): boolean {
    const { width, height, costs } = map;
    const cost = this.#cost;
    const parent = this.#parent;
    const weights = this.#weights;
    const queue = this.#queue;
    const goal = this.#goal;
    const goalX = goal % width;
    const goalY = (goal - goalX) / width;
    for (let cell = queue.pop(); cell >= 0; cell = queue.pop()) {
      const here = cost[cell] as number;
      const x = cell % width;
      const y = (cell - x) / width;
      const bound = goal >= 0 ? (cost[goal] as number) : limit;
      if (here + (goal >= 0 ? octile(x - goalX, y - goalY) : 0) >= bound) continue;
      if (this.#expanded >= maxExpansions) return false;
      this.#expanded += 1;
      const west = x > 0 ? (weights[costs[cell - 1] as number] as number) : Infinity;
      const east = x < width - 1 ? (weights[costs[cell + 1] as number] as number) : Infinity;
      const south = y > 0 ? (weights[costs[cell - width] as number] as number) : Infinity;
      const north = y < height - 1 ? (weights[costs[cell + width] as number] as number) : Infinity;
      for (let k = 0; k < 8; k += 1) {
        const dx = DX[k] as number;
        const dy = DY[k] as number;
        const next = cell + dy * width + dx;
        let weight: number;
        if (k === 0) weight = east;
        else if (k === 1) weight = west;
        else if (k === 2) weight = north;
        else if (k === 3) weight = south;
        else {
          if ((dx > 0 ? east : west) === Infinity || (dy > 0 ? north : south) === Infinity) continue;
          weight = (weights[costs[next] as number] as number) * SQRT2;
        }
        const through = here + weight;
        if (!(through < (cost[next] as number))) continue; // also where there is no such cell
        cost[next] = through;
        parent[next] = cell;
        queue.push(next, through + (goal >= 0 ? octile(x + dx - goalX, y + dy - goalY) : 0));
      }
    }
    return true;
  }

  #trace(goal: number, width: number): Int32Array {
    let count = 0;
    for (let cell = goal; cell >= 0; cell = this.#parent[cell] as number) count += 1;
    const cells = new Int32Array(2 * count);
    for (let cell = goal, i = 2 * count - 2; cell >= 0; cell = this.#parent[cell] as number, i -= 2) {
      cells[i] = cell % width;
      cells[i + 1] = Math.floor(cell / width);
    }
    return cells;
  }
}

/** Straight steps first: of equal ways, the straighter is found first. */
const DX = Int32Array.of(1, -1, 0, 0, 1, 1, -1, -1);
const DY = Int32Array.of(0, 0, 1, -1, 1, -1, 1, -1);
const LENGTH = [1, 1, 1, 1, SQRT2, SQRT2, SQRT2, SQRT2];

function octile(dx: number, dy: number): number {
  const ax = dx < 0 ? -dx : dx;
  const ay = dy < 0 ? -dy : dy;
  return ax > ay ? ax + ay - DIAGONAL_SAVING * ay : ax + ay - DIAGONAL_SAVING * ax;
}

/** Length of a polyline of x, y pairs. */
export function pathLength(points: ArrayLike<number>): number {
  let length = 0;
  for (let i = 2; i < points.length; i += 2)
    length += Math.hypot((points[i] as number) - (points[i - 2] as number), (points[i + 1] as number) - (points[i - 1] as number));
  return length;
}
