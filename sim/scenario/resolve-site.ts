// From a `world:` section and a seed to a site without anything random left in it.
import { OutriderError } from '../../shared/errors.ts';
import type { Point2, Pose2 } from '../../shared/geometry/pose2.ts';
import type { Random } from '../../shared/ports/random.ts';
import { SeededRandom } from '../random/seeded-random.ts';
import { boxSolid, signedArea2, type Solid, wallSolids } from '../world/solid.ts';
import { type SiteDefinition, World } from '../world/world.ts';
import { buildLayout } from './layouts.ts';
import { placeHazards, placeProps } from './place-objects.ts';
import { completeStarts } from './place-starts.ts';
import { placeWalkers } from './place-walkers.ts';
import type { WorldSection } from './world-schema.ts';

export interface ResolveOptions {
  /** Equal streams give equal sites. */
  readonly random: Random;
  /** Starts needed; missing ones are found next to the given ones. */
  readonly rovers: number;
  /** Radius of a rover's body [m]: every way and place is checked for it. */
  readonly roverRadiusM: number;
}

/** Throws OUT_SIM_SITE when a fixed start or hazard stands in a wall, or when there is no room for what is wanted. */
export function resolveSite(section: WorldSection, options: ResolveOptions): SiteDefinition {
  const { random, rovers, roverRadiusM } = options;
  const [widthM, depthM] = section.sizeM;
  const solids = [
    ...outerWalls(section),
    ...section.walls.flatMap((wall) => wallSolids(wall.path.map(toPoint), wall.thicknessM, wall.heightM, wall.material)),
  ];
  for (const item of section.obstructions) solids.push(toSolid(item));
  const starts: Pose2[] = section.starts.map(({ at, yawDeg }) => ({ x: at[0], y: at[1], theta: toRad(yawDeg) }));
  if (section.layout !== undefined) {
    const layoutRandom = section.layoutSeed === undefined ? random.fork('layout') : new SeededRandom(section.layoutSeed).fork('layout');
    const layout = buildLayout(section.layout, { widthM, depthM, roverRadiusM, random: layoutRandom });
    solids.push(...layout.solids);
    if (starts.length === 0) starts.push(layout.start);
  }
  const bare: SiteDefinition = {
    name: section.name,
    widthM,
    depthM,
    floor: section.floor,
    ceilingM: section.ceilingM,
    solids,
    hazards: [],
    props: [],
    starts,
    movers: section.movers.map((mover) => ({ ...mover, way: mover.way.map(toPoint) })),
    appearance: withoutGaps(section.appearance),
    textureSeed: random.fork('textures').integer(2 ** 31),
  };
  const allStarts = completeStarts(new World(bare), starts, rovers, roverRadiusM);
  const withStarts: SiteDefinition = { ...bare, starts: allStarts };
  const hazards = placeHazards(withStarts, section, random.fork('hazards'), roverRadiusM);
  const withHazards: SiteDefinition = { ...withStarts, hazards };
  const props = placeProps(withHazards, section, random.fork('props'), roverRadiusM);
  const withProps: SiteDefinition = { ...withHazards, props };
  const walkers = placeWalkers(withProps, section.walkers, random.fork('walkers'));
  return { ...withProps, movers: [...withProps.movers, ...walkers] };
}

function outerWalls(section: WorldSection): Solid[] {
  if (section.outerWalls === null) return [];
  const { thicknessM, heightM, material } = section.outerWalls;
  const [width, depth] = section.sizeM;
  const h = thicknessM / 2;
  const corners = [
    { x: h, y: h },
    { x: width - h, y: h },
    { x: width - h, y: depth - h },
    { x: h, y: depth - h },
    { x: h, y: h },
  ];
  return wallSolids(corners, thicknessM, heightM, material);
}

function toSolid(item: WorldSection['obstructions'][number]): Solid {
  const { heightM, material } = item;
  if (item.shape === 'cylinder') return { kind: 'cylinder', x: item.at[0], y: item.at[1], radiusM: item.radiusM, heightM, material };
  if (item.shape === 'box') {
    const box = { x: item.at[0], y: item.at[1], sizeX: item.sizeM[0], sizeY: item.sizeM[1], yawRad: toRad(item.yawDeg) };
    return boxSolid(box, heightM, material);
  }
  const vertices = item.vertices.map(toPoint);
  const area2 = signedArea2(vertices);
  if (Math.abs(area2) < 1e-6) throw new OutriderError('OUT_SIM_SITE', 'a polygon obstruction has no area');
  return { kind: 'polygon', vertices: area2 > 0 ? vertices : vertices.toReversed(), heightM, material };
}

/** Without keys that are undefined, so that defaults stay. */
function withoutGaps(appearance: WorldSection['appearance']): SiteDefinition['appearance'] {
  return Object.fromEntries(Object.entries(appearance).filter(([, value]) => value !== undefined));
}

function toPoint(at: readonly [number, number]): Point2 {
  return { x: at[0], y: at[1] };
}

function toRad(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
