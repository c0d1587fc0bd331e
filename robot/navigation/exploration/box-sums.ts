// Sums over axis-aligned boxes in constant time (summed-area table, Crow 1984).
import type { GridFrame } from '../costmap/grid-frame.ts';

export class BoxSums {
  #width = 0;
  #height = 0;
  #sums: Float64Array = new Float64Array(0);

  /** Builds the table of value(i) over all cells. */
  build(frame: GridFrame, value: (cell: number) => number): void {
    const { width, height } = frame;
    if (width !== this.#width || height !== this.#height) {
      this.#width = width;
      this.#height = height;
      this.#sums = new Float64Array((width + 1) * (height + 1));
    }
    const sums = this.#sums;
    for (let y = 0, cell = 0; y < height; y += 1) {
      let row = 0;
      let at = (y + 1) * (width + 1) + 1;
      for (let x = 0; x < width; x += 1, cell += 1, at += 1) {
        row += value(cell);
        sums[at] = (sums[at - width - 1] as number) + row;
      }
    }
  }

  /** Sum over the cells within `radius` cells of (x, y) in both axes, clipped to the grid. */
  around(x: number, y: number, radius: number): number {
    const x0 = Math.max(0, x - radius);
    const y0 = Math.max(0, y - radius);
    const x1 = Math.min(this.#width, x + radius + 1);
    const y1 = Math.min(this.#height, y + radius + 1);
    const stride = this.#width + 1;
    const sums = this.#sums;
    return (
      (sums[y1 * stride + x1] as number) -
      (sums[y0 * stride + x1] as number) -
      (sums[y1 * stride + x0] as number) +
      (sums[y0 * stride + x0] as number)
    );
  }
}
