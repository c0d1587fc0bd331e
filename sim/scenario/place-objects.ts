// Places hazards and props at random spots that a rover can drive around and see, without cutting any way off.
import { OutriderError } from '../../shared/errors.ts';
import { distance, type Point2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { type Hazard, HAZARD_SIZES, type ObjectSize, type Prop, PROP_SIZES } from '../world/hazards.ts';
import { reachableArea } from '../world/reachable-area.ts';
import { type SiteDefinition, World } from '../world/world.ts';
import type { WorldSection } from './world-schema.ts';

/** Free way around a placed object beyond a rover's diameter [m]. */
const WAY_MARGIN_M = 0.3;
const START_DISTANCE_M = 1.6;
const TRIES_PER_OBJECT = 4000;

/** Hazards in the order of the section; those without a place get one from the seed. Throws OUT_SIM_SITE without room. */
export function placeHazards(site: SiteDefinition, section: WorldSection, random: Random, roverRadiusM: number): Hazard[] {
  const fixed = section.hazards.flatMap(({ at }) => (at === undefined ? [] : [{ x: at[0], y: at[1] }]));
  const spots = spotFinder(site, random.fork('spots'), roverRadiusM);
  const looks = random.fork('looks');
  const counts = new Map<string, number>();
  const taken: Point2[] = [...fixed];
  return section.hazards.map((wanted) => {
    const size = HAZARD_SIZES[wanted.class];
    const number = (counts.get(wanted.class) ?? 0) + 1;
    counts.set(wanted.class, number);
    const fixedAt = wanted.at === undefined ? null : { x: wanted.at[0], y: wanted.at[1] };
    const at = fixedAt ?? spots(size, (spot) => taken.every((other) => distance(other, spot) >= section.hazardSpacingM));
    if (at === null)
      throw new OutriderError(
        'OUT_SIM_SITE',
        `no room for hazard ${wanted.class} ${number}: make the site larger or hazardSpacingM smaller`,
      );
    if (fixedAt === null) taken.push(at);
    const turn = looks.next() * 2 * Math.PI;
    const yawRad = wanted.yawDeg === undefined ? turn : (wanted.yawDeg * Math.PI) / 180;
    return { id: `${wanted.class}-${number}`, class: wanted.class, ...at, yawRad, ...size, variant: looks.integer(1024) };
  });
}

/** Props like hazards, but they may stand as near to things as a rover still passes. */
export function placeProps(site: SiteDefinition, section: WorldSection, random: Random, roverRadiusM: number): Prop[] {
  const spots = spotFinder(site, random.fork('spots'), roverRadiusM);
  const looks = random.fork('looks');
  const taken: Point2[] = [...site.hazards];
  return section.props.map(({ kind, at: fixed, yawDeg }) => {
    const at =
      fixed === undefined
        ? spots(PROP_SIZES[kind], (spot) => taken.every((other) => distance(other, spot) >= 1.4))
        : { x: fixed[0], y: fixed[1] };
    if (at === null) throw new OutriderError('OUT_SIM_SITE', `no room for prop ${kind}`);
    taken.push(at);
    return { kind, ...at, yawRad: (yawDeg * Math.PI) / 180, variant: looks.integer(1024) };
  });
}

/** Draws places where an object of a size can be driven around everywhere, away from the starts. */
function spotFinder(
  site: SiteDefinition,
  random: Random,
  roverRadiusM: number,
): (size: ObjectSize, accept: (spot: Point2) => boolean) => Point2 | null {
  const world = new World(site);
  const area = reachableArea(world, roverRadiusM, site.starts, 0.1);
  return (size, accept) => {
    const clearM = size.radiusM + 2 * roverRadiusM + WAY_MARGIN_M;
    for (let attempt = 0; attempt < TRIES_PER_OBJECT; attempt += 1) {
      const x = random.next() * site.widthM;
      const y = random.next() * site.depthM;
      if (area.centre[Math.floor(y / area.cellM) * area.columns + Math.floor(x / area.cellM)] !== 1) continue;
      const spot = { x, y };
      if (!world.isClear(x, y, clearM)) continue;
      if (site.starts.some((start) => distance(start, spot) < START_DISTANCE_M) || !accept(spot)) continue;
      return spot;
    }
    return null;
  };
}
