// Straight lines through a grid, cell by cell (Amanatides & Woo 1987), for any-angle planning and shortcuts.
import type { Costmap } from '../costmap/costmap.ts';

/**
 * Weighted length [cell edges] of the straight line between the centres of two cells; Infinity when it enters a cell of
 * infinite weight or squeezes between two diagonal neighbours of which one has it.
 */
export function lineCost(map: Costmap, weights: Float64Array, x0: number, y0: number, x1: number, y1: number): number {
  const { width, costs } = map;
  const dx = Math.abs(x1 - x0);
  const dy = Math.abs(y1 - y0);
  const stepX = x1 > x0 ? 1 : -1;
  const stepY = y1 > y0 ? 1 : -1;
  const length = Math.hypot(dx, dy);
  let x = x0;
  let y = y0;
  let weight = weights[costs[y * width + x] as number] as number;
  let total = 0;
  let t = 0;
  // Parameters (0…1 along the line) of the next vertical and horizontal cell borders.
  let nextX = dx === 0 ? Infinity : 0.5 / dx;
  let nextY = dy === 0 ? Infinity : 0.5 / dy;
  while (x !== x1 || y !== y1) {
    const border = Math.min(nextX, nextY);
    total += (border - t) * weight;
    t = border;
    if (Math.abs(nextX - nextY) < 1e-12) {
      if (weights[costs[y * width + x + stepX] as number] === Infinity || weights[costs[(y + stepY) * width + x] as number] === Infinity)
        return Infinity;
      x += stepX;
      y += stepY;
      nextX += 1 / dx;
      nextY += 1 / dy;
    } else if (nextX < nextY) {
      x += stepX;
      nextX += 1 / dx;
    } else {
      y += stepY;
      nextY += 1 / dy;
    }
    weight = weights[costs[y * width + x] as number] as number;
    if (weight === Infinity) return Infinity;
  }
  return (total + (1 - t) * weight) * length;
}
