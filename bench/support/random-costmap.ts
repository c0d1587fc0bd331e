// A costmap of rooms, doors and clutter for timing planners: the same for the same seed.
import type { Random } from '../../shared/ports/random.ts';
import { type Costmap, COST_INSCRIBED, inflate, inflationCells, inflationTable } from '../../robot/navigation/costmap/costmap.ts';
import { DistanceTransform } from '../../robot/navigation/costmap/distance-transform.ts';

const INFLATION = { inscribedRadiusM: 0.24, inflationRadiusM: 0.8, costScalingFactor: 4 };
const ROOM_CELLS = 64;
const DOOR_CELLS = 14;

/** A square costmap of `size` cells of 5 cm. */
export function randomCostmap(size: number, random: Pick<Random, 'integer'>): Costmap {
  const obstacles = new Uint8Array(size * size);
  for (let wall = 0; wall < size; wall += ROOM_CELLS) {
    for (let i = 0; i < size; i += 1) obstacles[wall * size + i] = obstacles[i * size + wall] = 1;
  }
  for (let wall = ROOM_CELLS; wall < size; wall += ROOM_CELLS) {
    for (let room = 0; room < size; room += ROOM_CELLS) {
      const door = room + 4 + random.integer(ROOM_CELLS - DOOR_CELLS - 8);
      for (let i = door; i < Math.min(size - 1, door + DOOR_CELLS); i += 1) obstacles[wall * size + i] = obstacles[i * size + wall] = 0;
    }
  }
  for (let box = 0; box < (size / 32) ** 2; box += 1) {
    const [x0, y0, w, h] = [random.integer(size - 12), random.integer(size - 12), 2 + random.integer(9), 2 + random.integer(9)];
    for (let y = y0; y < y0 + h; y += 1) obstacles.fill(1, y * size + x0, y * size + x0 + w);
  }
  const squared = new Int32Array(size * size);
  new DistanceTransform(size, size).transform(obstacles, inflationCells(0.05, INFLATION), squared);
  const costs = new Uint8Array(size * size);
  inflate(new Uint8Array(size * size).fill(1), squared, inflationTable(0.05, INFLATION), costs);
  return { width: size, height: size, resolutionM: 0.05, originX: 0, originY: 0, costs };
}

/** A cell that the footprint may be on. */
export function freeCell(map: Costmap, random: Pick<Random, 'integer'>): number {
  for (;;) {
    const cell = random.integer(map.costs.length);
    if ((map.costs[cell] as number) < COST_INSCRIBED) return cell;
  }
}
