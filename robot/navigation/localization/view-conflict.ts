// Does a scan contradict a map? Surfaces that the scan looks straight through cannot be there: evidence against a match that mere
// overlap of points does not give (negative information).
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { SurfelMap } from './surfel-map.ts';

/** A surface this much nearer than what the beams around it met has been looked through [m]. */
const THROUGH_M = 0.35;
const AGREE_M = 0.2;
/** Surfaces seen from behind or at a grazing angle say nothing. */
const MIN_FACING = 0.3;

/** Share of the map's surfaces in view that the scan, taken from base pose `at`, looks through; 0 … 1, and 0 when none is in view. */
export function viewConflict(map: SurfelMap, scan: LidarScan, mount: Pose2, at: Pose2): number {
  const sensor = compose(at, mount);
  const { rangesM, angleMinRad, angleIncrementRad } = scan;
  const beams = rangesM.length;
  let agreed = 0;
  let through = 0;
  for (let i = 0; i < map.size; i += 1) {
    const dx = map.x(i) - sensor.x;
    const dy = map.y(i) - sensor.y;
    const range = Math.hypot(dx, dy);
    if (range < 0.3 || -(dx * map.normalX(i) + dy * map.normalY(i)) < MIN_FACING * range) continue;
    const turns = (Math.atan2(dy, dx) - sensor.theta - angleMinRad) / (2 * Math.PI);
    const beam = Math.round(((turns - Math.floor(turns)) * 2 * Math.PI) / angleIncrementRad);
    if (beam < 1 || beam >= beams - 1) continue;
    const a = rangesM[beam - 1] as number;
    const b = rangesM[beam] as number;
    const c = rangesM[beam + 1] as number;
    const nearest = Math.min(a, b, c); // NaN where a beam is not valid: neither comparison holds then
    if (range < nearest - THROUGH_M) through += 1;
    else if (Math.abs(range - b) < AGREE_M) agreed += 1;
  }
  return agreed + through === 0 ? 0 : through / (agreed + through);
}
