// Start poses: checks the given ones and finds more beside them, so that any number of rovers can begin.
import { OutriderError } from '../../shared/errors.ts';
import { distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import { reachableArea } from '../world/reachable-area.ts';
import type { World } from '../world/world.ts';

/** Room around a start beyond the rover's body [m]. */
const START_MARGIN_M = 0.12;
/** Gap between the bodies of two rovers at their starts [m]. */
const START_GAP_M = 0.35;

/** At least `count` starts: the given ones first, then the nearest free places to the first start, facing like it. */
export function completeStarts(world: World, given: readonly Pose2[], count: number, radiusM: number): readonly Pose2[] {
  const starts = [...given];
  for (const start of given) {
    if (!world.isClear(start.x, start.y, radiusM))
      throw new OutriderError('OUT_SIM_SITE', `the start at (${start.x}, ${start.y}) leaves no room for a rover of radius ${radiusM} m`);
  }
  const first = starts[0];
  if (first === undefined) throw new OutriderError('OUT_SIM_SITE', 'the site has no start');
  if (starts.length >= count) return starts;
  const area = reachableArea(world, radiusM + START_MARGIN_M, [first], 0.1);
  const free: { x: number; y: number; away: number }[] = [];
  for (const [cell, value] of area.centre.entries()) {
    if (value === 0) continue;
    const x = ((cell % area.columns) + 0.5) * area.cellM;
    const y = (Math.floor(cell / area.columns) + 0.5) * area.cellM;
    free.push({ x, y, away: Math.hypot(x - first.x, y - first.y) });
  }
  free.sort((a, b) => a.away - b.away || a.y - b.y || a.x - b.x);
  for (const place of free) {
    if (starts.length >= count) break;
    if (starts.every((other) => distance(other, place) >= 2 * radiusM + START_GAP_M))
      starts.push({ x: place.x, y: place.y, theta: first.theta });
  }
  if (starts.length < count) throw new OutriderError('OUT_SIM_SITE', `there is room for ${starts.length} rovers only, ${count} are wanted`);
  return starts;
}
