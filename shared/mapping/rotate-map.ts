// A map turned about its frame's origin, resampled to whole cells.
import type { Pose2 } from '../geometry/pose2.ts';
import type { OccupancyMap } from './occupancy-map.ts';
import { drawMerged } from './registration/merge-maps.ts';

/** The map as it looks in a frame that is turned by −`yawRad`: a point p of the old frame is R(yaw)·p in the new one. */
export function rotateMap(map: OccupancyMap, yawRad: number): OccupancyMap {
  const pose: Pose2 = { x: 0, y: 0, theta: yawRad };
  return drawMerged([{ name: 'map', map }], new Map([['map', pose]]));
}
