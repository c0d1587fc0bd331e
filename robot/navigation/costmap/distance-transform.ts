// Exact squared Euclidean distance transform in linear time (Meijster, Roerdink & Hesselink 2000), bounded to the distances that matter.

/** Reusable buffers for grids of one size; `transform` allocates nothing. */
export class DistanceTransform {
  readonly #width: number;
  readonly #height: number;
  readonly #vertical: Uint16Array;
  readonly #stackX: Int32Array;
  readonly #stackFrom: Int32Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#vertical = new Uint16Array(width * height);
    this.#stackX = new Int32Array(width);
    this.#stackFrom = new Int32Array(width);
  }

  /**
   * Writes each cell's squared distance [cell²] between its centre and that of the nearest cell with `obstacles[i] !== 0`.
   * Distances above `maxCells` come out as (maxCells + 1)²; everything up to it is exact.
   */
  transform(obstacles: Uint8Array, maxCells: number, squared: Int32Array): void {
    const cap = Math.min(Math.floor(maxCells) + 1, 20_000);
    this.#scanColumns(obstacles, cap);
    for (let y = 0; y < this.#height; y += 1) this.#scanRow(y * this.#width, cap, squared);
  }

  /** Vertical distance to the nearest obstacle of the same column, row by row (friendly to the cache). */
  #scanColumns(obstacles: Uint8Array, cap: number): void {
    const width = this.#width;
    const vertical = this.#vertical;
    for (let x = 0; x < width; x += 1) vertical[x] = obstacles[x] !== 0 ? 0 : cap;
    for (let i = width; i < vertical.length; i += 1) {
      vertical[i] = obstacles[i] !== 0 ? 0 : Math.min(cap, (vertical[i - width] as number) + 1);
    }
    for (let i = vertical.length - width - 1; i >= 0; i -= 1) {
      const below = (vertical[i + width] as number) + 1;
      if (below < (vertical[i] as number)) vertical[i] = below;
    }
  }

  /** Lower envelope of the parabolas (x − q)² + vertical(q)²; columns at or beyond the cap cannot matter. */
  #scanRow(row: number, cap: number, squared: Int32Array): void {
    const width = this.#width;
    const vertical = this.#vertical;
    const stackX = this.#stackX;
    const from = this.#stackFrom;
    const cap2 = cap * cap;
    let top = -1;
    for (let q = 0; q < width; q += 1) {
      const height = vertical[row + q] as number;
      if (height >= cap) continue;
      const gq = height * height;
      let start = 0;
      while (top >= 0) {
        const p = stackX[top] as number;
        const gp = (vertical[row + p] as number) * (vertical[row + p] as number);
        start = Math.floor((q * q - p * p + gq - gp) / (2 * (q - p))) + 1; // first x at which q is strictly nearer than p
        if (start > (from[top] as number)) break;
        top -= 1;
      }
      if (top < 0) start = 0;
      if (start >= width) continue;
      top += 1;
      stackX[top] = q;
      from[top] = start;
    }
    if (top < 0) {
      squared.fill(cap2, row, row + width);
      return;
    }
    let end = width;
    for (; top >= 0; top -= 1) {
      const q = stackX[top] as number;
      const start = from[top] as number;
      const gq = (vertical[row + q] as number) * (vertical[row + q] as number);
      for (let x = start; x < end; x += 1) {
        const d = (x - q) * (x - q) + gq;
        squared[row + x] = d < cap2 ? d : cap2;
      }
      end = start;
    }
  }
}
