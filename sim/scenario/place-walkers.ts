// People who walk to and fro on straight clear ways, drawn by the seed.
import { OutriderError } from '../../shared/errors.ts';
import { distance } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { uniform } from '../random/seeded-random.ts';
import { distanceToSegment } from '../world/ray-index.ts';
import { type MoverDefinition, type SiteDefinition, World } from '../world/world.ts';

const RADIUS_M = 0.25;
const HEIGHT_M = 1.7;
/** Least length of a way, and the room that it keeps to things and to starts [m]. */
const MIN_WAY_M = 2.5;
const SIDE_M = 0.1;
const START_DISTANCE_M = 1.5;
const TRIES = 3000;

export function placeWalkers(site: SiteDefinition, count: number, random: Random): MoverDefinition[] {
  const world = new World(site);
  return Array.from({ length: count }, (_, index) => {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const place = (): { x: number; y: number } => ({ x: random.next() * site.widthM, y: random.next() * site.depthM });
      const [a, b] = [place(), place()];
      if (distance(a, b) < MIN_WAY_M || !isClearWay(world, a, b)) continue;
      if (site.starts.some((start) => distanceToSegment(start.x, start.y, a.x, a.y, b.x, b.y) < START_DISTANCE_M)) continue;
      return { id: `walker-${index + 1}`, radiusM: RADIUS_M, heightM: HEIGHT_M, speedMPerSec: uniform(random, 0.3, 0.9), way: [a, b] };
    }
    throw new OutriderError('OUT_SIM_SITE', `no way of ${MIN_WAY_M} m for walker ${index + 1}`);
  });
}

function isClearWay(world: World, a: { x: number; y: number }, b: { x: number; y: number }): boolean {
  const steps = Math.ceil(distance(a, b) / 0.1);
  for (let step = 0; step <= steps; step += 1) {
    const t = step / steps;
    if (!world.isClear(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y), RADIUS_M + SIDE_M)) return false;
  }
  return true;
}
