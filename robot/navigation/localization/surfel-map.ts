// The surfaces that scans are matched against: small averaged patches (surfels) with a position and a normal, in a grid of lists.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SurfacePoints } from './surface-points.ts';

/** Edge of a surfel's cell [m]: patches of one wall within it are averaged. */
const CELL_M = 0.1;
/** Patches whose normals differ more than acos(0.75) ≈ 41° are kept apart: corners stay sharp, thin walls keep two sides. */
const SAME_NORMAL = 0.75;
/** A point belongs to a surfel within this along its line and across it [m]. */
const SAME_ALONG_M = 0.07;
const SAME_ACROSS_M = 0.06;
/** Averages remember about this many observations, so that a surfel can follow a small correction of the map. */
const MEMORY = 30;
const GROW = 64;

/** Surfels within a growing rectangle. All coordinates are metres in the map frame. */
export class SurfelMap {
  #heads = new Int32Array(0);
  #width = 0;
  #height = 0;
  #left = 0;
  #bottom = 0;
  #capacity = 1024;
  #x = new Float64Array(this.#capacity);
  #y = new Float64Array(this.#capacity);
  #normalX = new Float64Array(this.#capacity);
  #normalY = new Float64Array(this.#capacity);
  #count = new Float64Array(this.#capacity);
  #next = new Int32Array(this.#capacity);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Position and normal of surfel `i`. */
  x(i: number): number {
    return this.#x[i] as number;
  }

  y(i: number): number {
    return this.#y[i] as number;
  }

  normalX(i: number): number {
    return this.#normalX[i] as number;
  }

  normalY(i: number): number {
    return this.#normalY[i] as number;
  }

  /** Adds the points of a scan taken at the base pose `at`. Points without a line are left out. */
  insert(points: SurfacePoints, at: Pose2): void {
    const c = Math.cos(at.theta);
    const s = Math.sin(at.theta);
    for (let i = 0; i < points.count; i += 1) {
      if ((points.planarity[i] as number) < 0.3) continue;
      const px = points.x[i] as number;
      const py = points.y[i] as number;
      const nx = points.normalX[i] as number;
      const ny = points.normalY[i] as number;
      this.#add(at.x + c * px - s * py, at.y + s * px + c * py, c * nx - s * ny, s * nx + c * ny);
    }
  }

  /** The surfel nearest to (x, y) within `rings` cells around, with a normal within 60° of (nx, ny); −1 when there is none. */
  nearest(x: number, y: number, nx: number, ny: number, rings: number): number {
    const column = Math.floor(x / CELL_M) - this.#left;
    const row = Math.floor(y / CELL_M) - this.#bottom;
    const firstColumn = column - rings < 0 ? 0 : column - rings;
    const lastColumn = column + rings >= this.#width ? this.#width - 1 : column + rings;
    const firstRow = row - rings < 0 ? 0 : row - rings;
    const lastRow = row + rings >= this.#height ? this.#height - 1 : row + rings;
    let best = -1;
    let bestSquared = Infinity;
    for (let r = firstRow; r <= lastRow; r += 1) {
      for (let q = firstColumn; q <= lastColumn; q += 1) {
        for (let i = this.#heads[r * this.#width + q] as number; i >= 0; i = this.#next[i] as number) {
          const dx = (this.#x[i] as number) - x;
          const dy = (this.#y[i] as number) - y;
          const squared = dx * dx + dy * dy;
          if (squared >= bestSquared) continue;
          if ((this.#normalX[i] as number) * nx + (this.#normalY[i] as number) * ny < 0.5) continue;
          best = i;
          bestSquared = squared;
        }
      }
    }
    return best;
  }

  #add(x: number, y: number, nx: number, ny: number): void {
    const column = Math.floor(x / CELL_M);
    const row = Math.floor(y / CELL_M);
    this.#cover(column, row);
    const i = this.#sameSurface(x, y, nx, ny);
    if (i >= 0) {
      this.#average(i, x, y, nx, ny);
      return;
    }
    const added = this.#size;
    if (added === this.#capacity) this.#enlarge();
    this.#x[added] = x;
    this.#y[added] = y;
    this.#normalX[added] = nx;
    this.#normalY[added] = ny;
    this.#count[added] = 1;
    const cell = (row - this.#bottom) * this.#width + column - this.#left;
    this.#next[added] = this.#heads[cell] as number;
    this.#heads[cell] = added;
    this.#size += 1;
  }

  /**
   * The surfel that a point belongs to, or −1. It is looked for across cell borders: a wall that lies on a border would fall into two
   * layers otherwise, and between two layers a scan feels no pull.
   */
  #sameSurface(x: number, y: number, nx: number, ny: number): number {
    const column = Math.floor(x / CELL_M) - this.#left;
    const row = Math.floor(y / CELL_M) - this.#bottom;
    let best = -1;
    let bestAlong = SAME_ALONG_M;
    for (let r = Math.max(0, row - 1); r <= row + 1 && r < this.#height; r += 1) {
      for (let q = Math.max(0, column - 1); q <= column + 1 && q < this.#width; q += 1) {
        for (let i = this.#heads[r * this.#width + q] as number; i >= 0; i = this.#next[i] as number) {
          const mx = this.#normalX[i] as number;
          const my = this.#normalY[i] as number;
          if (mx * nx + my * ny < SAME_NORMAL) continue;
          const dx = x - (this.#x[i] as number);
          const dy = y - (this.#y[i] as number);
          const across = mx * dx + my * dy;
          if (across > SAME_ACROSS_M || across < -SAME_ACROSS_M) continue;
          const along = Math.abs(mx * dy - my * dx);
          if (along >= bestAlong) continue;
          best = i;
          bestAlong = along;
        }
      }
    }
    return best;
  }

  #average(i: number, x: number, y: number, nx: number, ny: number): void {
    const count = Math.min((this.#count[i] as number) + 1, MEMORY);
    this.#count[i] = count;
    const mx = (this.#normalX[i] as number) + (nx - (this.#normalX[i] as number)) / count;
    const my = (this.#normalY[i] as number) + (ny - (this.#normalY[i] as number)) / count;
    const length = Math.hypot(mx, my);
    this.#normalX[i] = mx / length;
    this.#normalY[i] = my / length;
    // Only across: a surfel stays in its cell's neighbourhood, and where along the wall it sits says nothing.
    const across = ((x - (this.#x[i] as number)) * mx + (y - (this.#y[i] as number)) * my) / length / count;
    this.#x[i] = (this.#x[i] as number) + (across * mx) / length;
    this.#y[i] = (this.#y[i] as number) + (across * my) / length;
  }

  #enlarge(): void {
    const copy = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(this.#capacity);
      to.set(from);
      return to;
    };
    this.#capacity *= 2;
    this.#x = copy(this.#x);
    this.#y = copy(this.#y);
    this.#normalX = copy(this.#normalX);
    this.#normalY = copy(this.#normalY);
    this.#count = copy(this.#count);
    const next = new Int32Array(this.#capacity);
    next.set(this.#next);
    this.#next = next;
  }

  /** Makes the index cover a cell; it grows in blocks, so that this is rare. */
  #cover(column: number, row: number): void {
    const right = this.#left + this.#width;
    const top = this.#bottom + this.#height;
    if (column >= this.#left && column < right && row >= this.#bottom && row < top) return;
    const down = (value: number): number => Math.floor(value / GROW) * GROW;
    const empty = this.#width === 0;
    const left = empty ? down(column) : Math.min(this.#left, down(column));
    const bottom = empty ? down(row) : Math.min(this.#bottom, down(row));
    const width = Math.max(empty ? 0 : right, down(column) + GROW) - left;
    const height = Math.max(empty ? 0 : top, down(row) + GROW) - bottom;
    const heads = new Int32Array(width * height).fill(-1);
    for (let r = 0; r < this.#height; r += 1) {
      const from = this.#heads.subarray(r * this.#width, (r + 1) * this.#width);
      heads.set(from, (r + this.#bottom - bottom) * width + this.#left - left);
    }
    this.#heads = heads;
    this.#left = left;
    this.#bottom = bottom;
    this.#width = width;
    this.#height = height;
  }
}
