// Buildings for tests of maps: walls from a seed, and what a rover would map of a part of them in a frame of its own.
import { inverse, type Pose2, transformPoint } from '../../shared/geometry/pose2.ts';
import { FREE, OCCUPIED, type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';
import type { TilePatch } from '../../shared/mapping/tiles.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';

/** A wall from a to b [m]. */
export type Wall = readonly [number, number, number, number];

/** A building of 24 m × 16 m with rooms of different sizes and clutter, all from the seed. */
export function building(seed: number): Wall[] {
  const random = new SeededRandom(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  const walls: Wall[] = [
    [0, 0, 24, 0],
    [24, 0, 24, 16],
    [24, 16, 0, 16],
    [0, 16, 0, 0],
  ];
  for (let x = between(3, 6); x < 22; x += between(3, 7)) {
    const door = between(1, 5);
    walls.push([x, 0, x, door], [x, door + 1, x, 7]);
    if (random.next() < 0.6) walls.push([x + between(0.5, 2), 16, x + between(0.5, 2), between(10, 14)]);
  }
  walls.push([0, 7, between(4, 8), 7], [between(10, 14), 7, 24, 7]);
  for (let i = 0; i < 12; i += 1) {
    const [x, y, w, h] = [between(1, 21), between(1, 14), between(0.4, 1.6), between(0.4, 1.6)];
    walls.push([x, y, x + w, y], [x + w, y, x + w, y + h], [x + w, y + h, x, y + h], [x, y + h, x, y]);
  }
  return walls;
}

/** Draws the part of a building that lies in `box`, as seen in a frame that `frame` maps into the building. */
export function draw(walls: readonly Wall[], frame: Pose2, box: readonly [number, number, number, number]): OccupancyMap {
  const resolutionM = 0.05;
  const size = 700;
  const origin = -size * resolutionM * 0.5;
  const cells = new Int8Array(size * size).fill(UNKNOWN);
  const [left, bottom, right, top] = box;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = transformPoint(frame, { x: origin + (column + 0.5) * resolutionM, y: origin + (row + 0.5) * resolutionM });
      if (at.x > left && at.x < right && at.y > bottom && at.y < top) cells[row * size + column] = FREE;
    }
  }
  const back = inverse(frame);
  for (const [x0, y0, x1, y1] of walls) {
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 0.02);
    for (let i = 0; i <= steps; i += 1) {
      const world = { x: x0 + ((x1 - x0) * i) / steps, y: y0 + ((y1 - y0) * i) / steps };
      if (world.x < left - 0.1 || world.x > right + 0.1 || world.y < bottom - 0.1 || world.y > top + 0.1) continue;
      const at = transformPoint(back, world);
      const column = Math.floor((at.x - origin) / resolutionM);
      const row = Math.floor((at.y - origin) / resolutionM);
      if (column >= 0 && row >= 0 && column < size && row < size) cells[row * size + column] = OCCUPIED;
    }
  }
  return { width: size, height: size, resolutionM, originX: origin, originY: origin, cells };
}

/** A map as the tiles that a rover would send; `revision` counts its sendings. */
export function patchesOf(map: OccupancyMap, revision: number): TilePatch[] {
  const tiles = new Map<string, TilePatch>();
  const [left, bottom] = [Math.round(map.originX / map.resolutionM), Math.round(map.originY / map.resolutionM)];
  for (let row = 0; row < map.height; row += 1) {
    for (let column = 0; column < map.width; column += 1) {
      const cell = map.cells[row * map.width + column] as number;
      if (cell === UNKNOWN) continue;
      const [x, y] = [left + column, bottom + row];
      const key = `${x >> 6},${y >> 6}`;
      let tile = tiles.get(key);
      if (tile === undefined) tiles.set(key, (tile = { tileX: x >> 6, tileY: y >> 6, revision, cells: new Int8Array(4096) }));
      tile.cells[((y & 63) << 6) | (x & 63)] = cell === OCCUPIED ? 60 : -60;
    }
  }
  return [...tiles.values()];
}
