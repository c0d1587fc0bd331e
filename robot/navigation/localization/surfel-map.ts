// The surfaces that scans are matched against: small averaged patches (surfels) with a position and a normal, in a grid of lists.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SurfacePoints } from './surface-points.ts';

/** Edge of a surfel's cell [m]: patches of one wall within it are averaged. */
const CELL_M = 0.1;
/** Patches whose normals differ more than acos(0.75) ≈ 41° are kept apart: corners stay sharp, thin walls keep two sides. */
const SAME_NORMAL = 0.75;
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
    const cell = (row - this.#bottom) * this.#width + column - this.#left;
    for (let i = this.#heads[cell] as number; i >= 0; i = this.#next[i] as number) {
      if ((this.#normalX[i] as number) * nx + (this.#normalY[i] as number) * ny < SAME_NORMAL) continue;
      const count = Math.min((this.#count[i] as number) + 1, MEMORY);
      this.#count[i] = count;
      this.#x[i] = (this.#x[i] as number) + (x - (this.#x[i] as number)) / count;
      this.#y[i] = (this.#y[i] as number) + (y - (this.#y[i] as number)) / count;
      const mx = (this.#normalX[i] as number) + (nx - (this.#normalX[i] as number)) / count;
      const my = (this.#normalY[i] as number) + (ny - (this.#normalY[i] as number)) / count;
      const length = Math.hypot(mx, my);
      this.#normalX[i] = mx / length;
      this.#normalY[i] = my / length;
      return;
    }
    const i = this.#size;
    if (i === this.#capacity) this.#enlarge();
    this.#x[i] = x;
    this.#y[i] = y;
    this.#normalX[i] = nx;
    this.#normalY[i] = ny;
    this.#count[i] = 1;
    this.#next[i] = this.#heads[cell] as number;
    this.#heads[cell] = i;
    this.#size += 1;
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
