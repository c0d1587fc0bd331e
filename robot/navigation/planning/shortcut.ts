// Takes the stairs out of a grid path: straight lines wherever they cost no more than the way they replace.
import type { Costmap } from '../costmap/costmap.ts';
import { type SearchOptions, weightTable } from './grid-search.ts';
import { lineCost } from './line-of-sight.ts';

/** How far ahead a single line may reach [path cells]. Bounds the work per point. */
const REACH = 128;

/**
 * The turning points (x, y pairs [cell]) of a path over `cells`. Each line is passable and costs at most
 * `tolerance` (a factor ≥ 1) times the weighted path that it replaces, so that clearance is not traded for length.
 */
export function shortcut(map: Costmap, cells: Int32Array, options: SearchOptions, tolerance = 1.001): Int32Array {
  const count = cells.length / 2;
  if (count <= 2) return cells;
  const weights = weightTable(options);
  const along = new Float64Array(count);
  for (let i = 1; i < count; i += 1) {
    const step = lineCost(
      map,
      weights,
      cells[2 * i - 2] as number,
      cells[2 * i - 1] as number,
      cells[2 * i] as number,
      cells[2 * i + 1] as number,
    );
    along[i] = (along[i - 1] as number) + step;
  }
  const isStraightAsCheap = (i: number, j: number): boolean =>
    lineCost(map, weights, cells[2 * i] as number, cells[2 * i + 1] as number, cells[2 * j] as number, cells[2 * j + 1] as number) <=
    ((along[j] as number) - (along[i] as number)) * tolerance;

  const kept: number[] = [cells[0] as number, cells[1] as number];
  for (let i = 0; i < count - 1;) {
    let good = i + 1;
    let stride = 1;
    while (stride <= REACH && good < count - 1) {
      const candidate = Math.min(count - 1, good + stride);
      if (!isStraightAsCheap(i, candidate)) break;
      good = candidate;
      stride *= 2;
    }
    for (; stride >= 1; stride = Math.floor(stride / 2)) {
      const candidate = good + stride;
      if (candidate < count && isStraightAsCheap(i, candidate)) good = candidate;
    }
    kept.push(cells[2 * good] as number, cells[2 * good + 1] as number);
    i = good;
  }
  return Int32Array.from(kept);
}
