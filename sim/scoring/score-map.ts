// Measures a merged map against the truth: how much of the reachable floor it knows, and how well its walls lie.
import { IDENTITY, inverse, type Pose2, transformPoint } from '../../shared/geometry/pose2.ts';
import { type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';
import type { ReachableArea } from '../world/reachable-area.ts';
import type { World } from '../world/world.ts';

/** Occupied from here on [%], as map_server has it. */
const OCCUPIED_PERCENT = 65;
const TOLERANCE_M = 0.1;

export interface SurfaceScore {
  /** Share of occupied cells whose centre lies within 10 cm of a true surface. */
  readonly precision: number;
  /** Share of the surface points in view with an occupied cell's centre within 10 cm. */
  readonly recall: number;
  readonly f1: number;
  readonly occupiedCells: number;
  readonly pointsInView: number;
}

/** Share of the reachable floor that the map knows, 0 to 1. `mapToWorld` is the map frame's pose in the world. */
export function scoreCoverage(map: OccupancyMap | null, area: ReachableArea, mapToWorld: Pose2 = IDENTITY): number {
  if (map === null) return 0;
  const worldToMap = inverse(mapToWorld);
  let total = 0;
  let known = 0;
  for (let row = 0; row < area.rows; row += 1) {
    for (let column = 0; column < area.columns; column += 1) {
      if (area.floor[row * area.columns + column] === 0) continue;
      total += 1;
      const at = transformPoint(worldToMap, { x: (column + 0.5) * area.cellM, y: (row + 0.5) * area.cellM });
      if (cellAt(map, at.x, at.y) !== UNKNOWN) known += 1;
    }
  }
  return total === 0 ? 0 : known / total;
}

/** Compares occupied cells with true surfaces; `inView` are surface points that a lidar saw (interleaved x, y). */
export function scoreSurfaces(map: OccupancyMap | null, world: World, inView: Float64Array, mapToWorld: Pose2 = IDENTITY): SurfaceScore {
  const pointsInView = inView.length / 2;
  if (map === null) return { precision: 0, recall: 0, f1: 0, occupiedCells: 0, pointsInView };
  let occupiedCells = 0;
  let right = 0;
  for (let row = 0; row < map.height; row += 1) {
    for (let column = 0; column < map.width; column += 1) {
      if ((map.cells[row * map.width + column] as number) < OCCUPIED_PERCENT) continue;
      occupiedCells += 1;
      const at = transformPoint(mapToWorld, {
        x: map.originX + (column + 0.5) * map.resolutionM,
        y: map.originY + (row + 0.5) * map.resolutionM,
      });
      if (world.index.nearest(at.x, at.y, 2 * TOLERANCE_M) <= TOLERANCE_M) right += 1;
    }
  }
  const worldToMap = inverse(mapToWorld);
  let found = 0;
  for (let k = 0; k < pointsInView; k += 1) {
    const at = transformPoint(worldToMap, { x: inView[2 * k] as number, y: inView[2 * k + 1] as number });
    if (hasOccupiedNear(map, at.x, at.y)) found += 1;
  }
  const precision = occupiedCells === 0 ? 0 : right / occupiedCells;
  const recall = pointsInView === 0 ? 0 : found / pointsInView;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1, occupiedCells, pointsInView };
}

function cellAt(map: OccupancyMap, x: number, y: number): number {
  const column = Math.floor((x - map.originX) / map.resolutionM);
  const row = Math.floor((y - map.originY) / map.resolutionM);
  return column < 0 || row < 0 || column >= map.width || row >= map.height ? UNKNOWN : (map.cells[row * map.width + column] as number);
}

function hasOccupiedNear(map: OccupancyMap, x: number, y: number): boolean {
  const reach = Math.ceil(TOLERANCE_M / map.resolutionM);
  const column = Math.floor((x - map.originX) / map.resolutionM);
  const row = Math.floor((y - map.originY) / map.resolutionM);
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const cx = column + dx;
      const cy = row + dy;
      if (cx < 0 || cy < 0 || cx >= map.width || cy >= map.height) continue;
      if ((map.cells[cy * map.width + cx] as number) < OCCUPIED_PERCENT) continue;
      const centreX = map.originX + (cx + 0.5) * map.resolutionM;
      const centreY = map.originY + (cy + 0.5) * map.resolutionM;
      if (Math.hypot(centreX - x, centreY - y) <= TOLERANCE_M) return true;
    }
  }
  return false;
}
