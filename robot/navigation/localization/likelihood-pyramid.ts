// How likely a return is at each place, given known surfaces, in coarser and coarser upper bounds (Olson, ICRA 2009; Hess et al., ICRA 2016).
import type { SurfelMap } from './surfel-map.ts';

/** One level: cell (x, y) bounds the likelihood in the base cells x·step … x·step + 2·step − 1, and alike in y. */
export interface LikelihoodLevel {
  readonly step: number;
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array;
}

export interface LikelihoodPyramid {
  /** Edge of a base cell [m]. */
  readonly cellM: number;
  /** Lower-left corner [m]. */
  readonly originX: number;
  readonly originY: number;
  /** From base cells to the coarsest. */
  readonly levels: readonly LikelihoodLevel[];
}

/** Edge of a base cell [m]. */
export const LIKELIHOOD_CELL_M = 0.1;
/** Blur of a surface [m]: half a search step must still see it. */
const DEVIATION_M = 0.1;
const REACH_CELLS = 3;
const STEPS = [2, 8] as const;

/** Rasters the surfaces of `map`; 255 is "a surface is here". */
export function likelihoodPyramid(map: SurfelMap): LikelihoodPyramid {
  const cellM = LIKELIHOOD_CELL_M;
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < map.size; i += 1) {
    left = Math.min(left, map.x(i));
    bottom = Math.min(bottom, map.y(i));
    right = Math.max(right, map.x(i));
    top = Math.max(top, map.y(i));
  }
  if (map.size === 0) [left, bottom, right, top] = [0, 0, 0, 0];
  const originX = left - REACH_CELLS * cellM;
  const originY = bottom - REACH_CELLS * cellM;
  const width = Math.ceil((right - left) / cellM) + 2 * REACH_CELLS + 1;
  const height = Math.ceil((top - bottom) / cellM) + 2 * REACH_CELLS + 1;
  const values = new Uint8Array(width * height);
  const sharpness = 1 / (2 * DEVIATION_M * DEVIATION_M);
  for (let i = 0; i < map.size; i += 1) {
    const x = (map.x(i) - originX) / cellM - 0.5;
    const y = (map.y(i) - originY) / cellM - 0.5;
    const column = Math.round(x);
    const row = Math.round(y);
    for (let r = row - REACH_CELLS + 1; r < row + REACH_CELLS; r += 1) {
      for (let q = column - REACH_CELLS + 1; q < column + REACH_CELLS; q += 1) {
        if (r < 0 || q < 0 || r >= height || q >= width) continue;
        const squared = ((q - x) * (q - x) + (r - y) * (r - y)) * cellM * cellM;
        const value = Math.round(255 * Math.exp(-squared * sharpness));
        if (value > (values[r * width + q] as number)) values[r * width + q] = value;
      }
    }
  }
  const base = { step: 1, width, height, values };
  return { cellM, originX, originY, levels: [base, ...STEPS.map((step) => coarsen(base, step))] };
}

function coarsen(base: LikelihoodLevel, step: number): LikelihoodLevel {
  // One column and row more on the low side: a block may begin outside and reach in.
  const width = Math.ceil(base.width / step) + 1;
  const height = Math.ceil(base.height / step) + 1;
  const values = new Uint8Array(width * height);
  for (let y = 0; y < base.height; y += 1) {
    const row = Math.floor(y / step) + 1;
    for (let x = 0; x < base.width; x += 1) {
      const value = base.values[y * base.width + x] as number;
      if (value === 0) continue;
      const column = Math.floor(x / step) + 1;
      for (const at of [row * width + column, row * width + column - 1, (row - 1) * width + column, (row - 1) * width + column - 1]) {
        if (value > (values[at] as number)) values[at] = value;
      }
    }
  }
  return { step, width, height, values };
}
