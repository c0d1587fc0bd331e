// Exact ray casting and nearest-distance queries over segments and circles, by a uniform grid
// (traversal: Amanatides & Woo, "A Fast Voxel Traversal Algorithm for Ray Tracing", 1987).

export interface IndexBounds {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

const CELL_M = 0.5;
const EDGE_M = 0.01;

export class RayIndex {
  /** x1, y1, x2, y2 of each segment [m]. */
  readonly segments: Float64Array;
  /** x, y, radius of each circle [m]. */
  readonly circles: Float64Array;
  readonly #minX: number;
  readonly #minY: number;
  readonly #columns: number;
  readonly #rows: number;
  /** Items of cell k: items[start[k] … start[k + 1]); numbers below the segment count are segments, then circles. */
  readonly #start: Int32Array;
  readonly #items: Int32Array;
  readonly #segmentCount: number;
  readonly #stamps: Int32Array;
  #stamp = 0;

  constructor(bounds: IndexBounds, segments: Float64Array, circles: Float64Array) {
    this.segments = segments;
    this.circles = circles;
    const { minX, minY, maxX, maxY } = enclose(bounds, segments, circles);
    this.#minX = minX;
    this.#minY = minY;
    this.#columns = Math.max(1, Math.ceil((maxX - minX) / CELL_M));
    this.#rows = Math.max(1, Math.ceil((maxY - minY) / CELL_M));
    this.#segmentCount = segments.length / 4;
    const cells: number[][] = Array.from({ length: this.#columns * this.#rows }, () => []);
    for (let item = 0; item < this.#segmentCount; item += 1) this.#insertSegment(cells, item);
    for (let item = 0; item < circles.length / 3; item += 1) this.#insertCircle(cells, item);
    this.#start = new Int32Array(cells.length + 1);
    for (const [cell, items] of cells.entries()) this.#start[cell + 1] = (this.#start[cell] as number) + items.length;
    this.#items = Int32Array.from(cells.flat());
    this.#stamps = new Int32Array(this.#segmentCount + circles.length / 3);
  }

  /** Distance [m] from (x, y) along the unit vector (dx, dy) to the first surface within `maxM`; Infinity if there is none. */
  cast(x: number, y: number, dx: number, dy: number, maxM: number): number {
    const columns = this.#columns;
    const rows = this.#rows;
    let gx = (x - this.#minX) / CELL_M;
    let gy = (y - this.#minY) / CELL_M;
    let entry = 0;
    if (gx < 0 || gy < 0 || gx >= columns || gy >= rows) {
      entry = this.#entryDistance(gx, gy, dx, dy) * CELL_M;
      if (entry > maxM) return Number.POSITIVE_INFINITY;
      gx += (dx * entry) / CELL_M;
      gy += (dy * entry) / CELL_M;
    }
    let cx = Math.min(columns - 1, Math.max(0, Math.floor(gx)));
    let cy = Math.min(rows - 1, Math.max(0, Math.floor(gy)));
    const stepX = dx > 0 ? 1 : -1;
    const stepY = dy > 0 ? 1 : -1;
    const deltaX = dx === 0 ? Number.POSITIVE_INFINITY : CELL_M / Math.abs(dx);
    const deltaY = dy === 0 ? Number.POSITIVE_INFINITY : CELL_M / Math.abs(dy);
    let nextX = dx === 0 ? Number.POSITIVE_INFINITY : entry + (dx > 0 ? cx + 1 - gx : gx - cx) * deltaX;
    let nextY = dy === 0 ? Number.POSITIVE_INFINITY : entry + (dy > 0 ? cy + 1 - gy : gy - cy) * deltaY;
    this.#stamp += 1;
    let best = maxM;
    let hit = false;
    for (;;) {
      const cell = cy * columns + cx;
      const end = this.#start[cell + 1] as number;
      for (let slot = this.#start[cell] as number; slot < end; slot += 1) {
        const item = this.#items[slot] as number;
        if (this.#stamps[item] === this.#stamp) continue;
        this.#stamps[item] = this.#stamp;
        const t =
          item < this.#segmentCount ? this.#castSegment(item, x, y, dx, dy) : this.#castCircle(item - this.#segmentCount, x, y, dx, dy);
        if (t <= best) {
          best = t;
          hit = true;
        }
      }
      const leave = nextX < nextY ? nextX : nextY;
      if (best <= leave) return hit ? best : Number.POSITIVE_INFINITY;
      if (nextX < nextY) {
        cx += stepX;
        nextX += deltaX;
        if (cx < 0 || cx >= columns) return hit ? best : Number.POSITIVE_INFINITY;
      } else {
        cy += stepY;
        nextY += deltaY;
        if (cy < 0 || cy >= rows) return hit ? best : Number.POSITIVE_INFINITY;
      }
    }
  }

  /** Distance [m] to the nearest surface (segments and circles' rims), at most `maxM`. */
  nearest(x: number, y: number, maxM: number): number {
    let best = maxM;
    const low = (value: number): number => Math.floor((value - maxM) / CELL_M);
    const x0 = Math.max(0, low(x - this.#minX));
    const y0 = Math.max(0, low(y - this.#minY));
    const x1 = Math.min(this.#columns - 1, Math.floor((x - this.#minX + maxM) / CELL_M));
    const y1 = Math.min(this.#rows - 1, Math.floor((y - this.#minY + maxM) / CELL_M));
    this.#stamp += 1;
    for (let cy = y0; cy <= y1; cy += 1) {
      for (let cx = x0; cx <= x1; cx += 1) {
        const cell = cy * this.#columns + cx;
        const end = this.#start[cell + 1] as number;
        for (let slot = this.#start[cell] as number; slot < end; slot += 1) {
          const item = this.#items[slot] as number;
          if (this.#stamps[item] === this.#stamp) continue;
          this.#stamps[item] = this.#stamp;
          const d = item < this.#segmentCount ? this.#distanceToSegment(item, x, y) : this.#distanceToRim(item - this.#segmentCount, x, y);
          if (d < best) best = d;
        }
      }
    }
    return best;
  }

  #castSegment(item: number, x: number, y: number, dx: number, dy: number): number {
    const s = this.segments;
    const k = item * 4;
    const ax = (s[k] as number) - x;
    const ay = (s[k + 1] as number) - y;
    const ex = (s[k + 2] as number) - (s[k] as number);
    const ey = (s[k + 3] as number) - (s[k + 1] as number);
    const denominator = dx * ey - dy * ex;
    if (denominator === 0) return Number.POSITIVE_INFINITY; // parallel: the neighbours at its ends are hit instead
    const t = (ax * ey - ay * ex) / denominator;
    if (t < 0) return Number.POSITIVE_INFINITY;
    const u = (ax * dy - ay * dx) / denominator;
    return u >= 0 && u <= 1 ? t : Number.POSITIVE_INFINITY;
  }

  #castCircle(item: number, x: number, y: number, dx: number, dy: number): number {
    const c = this.circles;
    const k = item * 3;
    return castCircle(x, y, dx, dy, c[k] as number, c[k + 1] as number, c[k + 2] as number);
  }

  #distanceToSegment(item: number, x: number, y: number): number {
    const s = this.segments;
    const k = item * 4;
    return distanceToSegment(x, y, s[k] as number, s[k + 1] as number, s[k + 2] as number, s[k + 3] as number);
  }

  #distanceToRim(item: number, x: number, y: number): number {
    const c = this.circles;
    const k = item * 3;
    return Math.abs(Math.hypot(x - (c[k] as number), y - (c[k + 1] as number)) - (c[k + 2] as number));
  }

  /** Distance in cells at which a ray from outside enters the grid; Infinity if it never does. */
  #entryDistance(gx: number, gy: number, dx: number, dy: number): number {
    let near = 0;
    let far = Number.POSITIVE_INFINITY;
    for (const [g, d, size] of [
      [gx, dx, this.#columns],
      [gy, dy, this.#rows],
    ] as const) {
      if (d === 0) {
        if (g < 0 || g > size) return Number.POSITIVE_INFINITY;
        continue;
      }
      const a = -g / d;
      const b = (size - g) / d;
      near = Math.max(near, Math.min(a, b));
      far = Math.min(far, Math.max(a, b));
    }
    return near <= far ? near : Number.POSITIVE_INFINITY;
  }

  #insertSegment(cells: number[][], item: number): void {
    const s = this.segments;
    const k = item * 4;
    const [x1, y1, x2, y2] = [s[k] as number, s[k + 1] as number, s[k + 2] as number, s[k + 3] as number];
    const reach = CELL_M * Math.SQRT1_2 + 1e-9;
    this.#eachCell(Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2), (cell, x, y) => {
      if (distanceToSegment(x, y, x1, y1, x2, y2) <= reach) cells[cell]?.push(item);
    });
  }

  #insertCircle(cells: number[][], item: number): void {
    const c = this.circles;
    const k = item * 3;
    const [x, y, r] = [c[k] as number, c[k + 1] as number, c[k + 2] as number];
    this.#eachCell(x - r, y - r, x + r, y + r, (cell) => cells[cell]?.push(this.#segmentCount + item));
  }

  #eachCell(x1: number, y1: number, x2: number, y2: number, visit: (cell: number, centreX: number, centreY: number) => void): void {
    const clampX = (x: number): number => Math.min(this.#columns - 1, Math.max(0, Math.floor((x - this.#minX) / CELL_M)));
    const clampY = (y: number): number => Math.min(this.#rows - 1, Math.max(0, Math.floor((y - this.#minY) / CELL_M)));
    const slack = 1e-9; // a surface on a cell's edge belongs to both sides
    for (let cy = clampY(y1 - slack); cy <= clampY(y2 + slack); cy += 1) {
      for (let cx = clampX(x1 - slack); cx <= clampX(x2 + slack); cx += 1) {
        visit(cy * this.#columns + cx, this.#minX + (cx + 0.5) * CELL_M, this.#minY + (cy + 0.5) * CELL_M);
      }
    }
  }
}

/** The bounds, widened to hold every surface with a little room: what sticks out of a site is met all the same. */
function enclose(bounds: IndexBounds, segments: Float64Array, circles: Float64Array): IndexBounds {
  let { minX, minY, maxX, maxY } = bounds;
  const take = (x: number, y: number, r: number): void => {
    minX = Math.min(minX, x - r - EDGE_M);
    minY = Math.min(minY, y - r - EDGE_M);
    maxX = Math.max(maxX, x + r + EDGE_M);
    maxY = Math.max(maxY, y + r + EDGE_M);
  };
  for (let k = 0; k < segments.length; k += 2) take(segments[k] as number, segments[k + 1] as number, 0);
  for (let k = 0; k < circles.length; k += 3) take(circles[k] as number, circles[k + 1] as number, circles[k + 2] as number);
  return { minX, minY, maxX, maxY };
}

/** Distance [m] along a ray to a circle's rim from outside (0 from inside); Infinity where it misses. */
export function castCircle(x: number, y: number, dx: number, dy: number, cx: number, cy: number, radius: number): number {
  const mx = cx - x;
  const my = cy - y;
  const along = mx * dx + my * dy;
  const gap = mx * mx + my * my - radius * radius;
  if (gap <= 0) return 0;
  if (along <= 0) return Number.POSITIVE_INFINITY;
  const discriminant = along * along - gap;
  return discriminant < 0 ? Number.POSITIVE_INFINITY : along - Math.sqrt(discriminant);
}

/** Distance [m] from a point to a segment. */
export function distanceToSegment(x: number, y: number, x1: number, y1: number, x2: number, y2: number): number {
  const ex = x2 - x1;
  const ey = y2 - y1;
  const length2 = ex * ex + ey * ey;
  const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * ex + (y - y1) * ey) / length2));
  const dx = x - x1 - t * ex;
  const dy = y - y1 - t * ey;
  return Math.sqrt(dx * dx + dy * dy);
}
