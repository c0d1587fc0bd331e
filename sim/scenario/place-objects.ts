// Places hazards and props at random spots that a rover can drive around and see, without cutting any way off.
import { OutriderError } from '../../shared/errors.ts';
import { distance, type Point2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { type Hazard, HAZARD_SIZES, type ObjectSize, type Prop, PROP_SIZES } from '../world/hazards.ts';
import { type ReachableArea, reachableArea } from '../world/reachable-area.ts';
import { type SiteDefinition, World } from '../world/world.ts';
import type { WorldSection } from './world-schema.ts';

/** Free way around a placed object beyond a rover's diameter [m]. */
const WAY_MARGIN_M = 0.3;
const START_DISTANCE_M = 1.6;
const TRIES_PER_OBJECT = 2500;
const DRAWS = 12;

/** Hazards in the order of the section; those without a place get one from the seed. Throws OUT_SIM_SITE without room. */
export function placeHazards(site: SiteDefinition, section: WorldSection, random: Random, roverRadiusM: number): Hazard[] {
  const places = hazardPlaces(site, section, random, roverRadiusM);
  const looks = random.fork('looks');
  const counts = new Map<string, number>();
  return section.hazards.map((wanted, index) => {
    const number = (counts.get(wanted.class) ?? 0) + 1;
    counts.set(wanted.class, number);
    const turn = looks.next() * 2 * Math.PI;
    const yawRad = wanted.yawDeg === undefined ? turn : (wanted.yawDeg * Math.PI) / 180;
    const at = places[index] as Point2;
    return {
      id: `${wanted.class}-${number}`,
      class: wanted.class,
      ...at,
      yawRad,
      ...HAZARD_SIZES[wanted.class],
      variant: looks.integer(1024),
    };
  });
}

/** One place per hazard. Unlucky early places can leave no room for later ones: then all are drawn again. */
function hazardPlaces(site: SiteDefinition, section: WorldSection, random: Random, roverRadiusM: number): Point2[] {
  const world = new World(site);
  const fixed = section.hazards.map(({ class: kind, at }) => {
    if (at === undefined) return null;
    if (!world.isClear(at[0], at[1], HAZARD_SIZES[kind].radiusM))
      throw new OutriderError('OUT_SIM_SITE', `the ${kind} at (${at[0]}, ${at[1]}) stands in something solid`);
    return { x: at[0], y: at[1] };
  });
  const area = reachableArea(world, roverRadiusM, site.starts, 0.1);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const spots = spotFinder(world, area, random.fork(`spots:${draw}`), roverRadiusM);
    const taken = fixed.filter((at) => at !== null);
    const places: Point2[] = [];
    for (const [index, { class: kind }] of section.hazards.entries()) {
      const given = fixed[index] ?? null;
      const at = given ?? spots(HAZARD_SIZES[kind], (spot) => taken.every((other) => distance(other, spot) >= section.hazardSpacingM));
      if (at === null) break;
      if (given === null) taken.push(at);
      places.push(at);
    }
    if (places.length === section.hazards.length) return places;
  }
  throw new OutriderError('OUT_SIM_SITE', `no room for ${section.hazards.length} hazards: make the site larger or hazardSpacingM smaller`);
}

/** Props like hazards, but they may stand as near to things as a rover still passes. */
export function placeProps(site: SiteDefinition, section: WorldSection, random: Random, roverRadiusM: number): Prop[] {
  if (section.props.length === 0) return [];
  const world = new World(site);
  const spots = spotFinder(world, reachableArea(world, roverRadiusM, site.starts, 0.1), random.fork('spots'), roverRadiusM);
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
  world: World,
  area: ReachableArea,
  random: Random,
  roverRadiusM: number,
): (size: ObjectSize, accept: (spot: Point2) => boolean) => Point2 | null {
  const { widthM, depthM, starts } = world.site;
  return (size, accept) => {
    const clearM = size.radiusM + 2 * roverRadiusM + WAY_MARGIN_M;
    for (let attempt = 0; attempt < TRIES_PER_OBJECT; attempt += 1) {
      const x = random.next() * widthM;
      const y = random.next() * depthM;
      if (area.centre[Math.floor(y / area.cellM) * area.columns + Math.floor(x / area.cellM)] !== 1) continue;
      const spot = { x, y };
      if (!world.isClear(x, y, clearM)) continue;
      if (starts.some((start) => distance(start, spot) < START_DISTANCE_M) || !accept(spot)) continue;
      return spot;
    }
    return null;
  };
}
