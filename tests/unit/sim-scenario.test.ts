import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseYaml } from '../../shared/config/load-yaml.ts';
import { distance } from '../../shared/geometry/pose2.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { fleetOf, fleetSchema } from '../../sim/scenario/fleet-schema.ts';
import { randomSite } from '../../sim/scenario/random-site.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { LAYOUTS, worldSchema, type WorldSectionInput } from '../../sim/scenario/world-schema.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import { reachableArea } from '../../sim/world/reachable-area.ts';
import { World } from '../../sim/world/world.ts';

const radiusM = DEFAULT_VEHICLE.radiusM;
const resolve = (section: WorldSectionInput, seed: number, rovers = 3) =>
  resolveSite(worldSchema.parse(section), { random: new SeededRandom(seed), rovers, roverRadiusM: radiusM });

const searchAndRescue = (): { world: WorldSectionInput; fleet: unknown } =>
  parse(readFileSync(new URL('../../missions/search-and-rescue.yaml', import.meta.url), 'utf8')) as {
    world: WorldSectionInput;
    fleet: unknown;
  };

/** Every hazard can be seen from somewhere a rover can be, one to three metres away. */
function isVisibleFromFloor(
  world: World,
  area: ReturnType<typeof reachableArea>,
  hazard: { x: number; y: number; radiusM: number },
): boolean {
  for (let turn = 0; turn < 24; turn += 1) {
    const angle = (2 * Math.PI * turn) / 24;
    for (const away of [1, 1.5, 2.5]) {
      const x = hazard.x + away * Math.cos(angle);
      const y = hazard.y + away * Math.sin(angle);
      const cell = Math.floor(y / area.cellM) * area.columns + Math.floor(x / area.cellM);
      if (area.centre[cell] !== 1) continue;
      const hit = world.castRay(x, y, angle + Math.PI, away);
      if (Math.abs(hit - (away - hazard.radiusM)) < 1e-6) return true;
    }
  }
  return false;
}

describe('search-and-rescue site', () => {
  it.each([1, 11, 42])('seed %i: hazards stand apart, in view of reachable floor, and cut nothing off', (seed) => {
    const { world: section } = searchAndRescue();
    const site = resolve(section, seed);
    const world = new World(site);
    const area = reachableArea(world, radiusM, site.starts, 0.1);
    expect(site.hazards.length).toBeGreaterThanOrEqual(8);
    expect(new Set(site.hazards.map((hazard) => hazard.class)).size).toBeGreaterThanOrEqual(4);
    for (const [index, hazard] of site.hazards.entries()) {
      for (const other of site.hazards.slice(index + 1)) expect(distance(hazard, other)).toBeGreaterThanOrEqual(3);
      expect(isVisibleFromFloor(world, area, hazard)).toBe(true);
    }
    const bare = new World({ ...site, hazards: [] });
    const before = reachableArea(bare, radiusM, site.starts, 0.1);
    const footprint = site.hazards.reduce((sum, hazard) => sum + Math.PI * (hazard.radiusM + radiusM) ** 2, 0);
    const lost = before.centre.reduce((sum, value, cell) => sum + value - (area.centre[cell] as number), 0) * 0.01;
    expect(lost).toBeLessThan(footprint * 1.1);
    for (const start of site.starts) expect(world.clearance(start.x, start.y, 2)).toBeGreaterThan(radiusM + 0.1);
  });

  it('places hazards anew for another seed and alike for the same', () => {
    const { world: section } = searchAndRescue();
    const places = (seed: number) => resolve(section, seed).hazards.map(({ x, y }) => [x, y]);
    expect(places(5)).toEqual(places(5));
    expect(places(5)).not.toEqual(places(6));
  });

  it('has a valid fleet that grows to any size', () => {
    const fleet = fleetSchema.parse(searchAndRescue().fleet);
    expect(fleetOf(fleet, 2).rovers).toHaveLength(2);
    const many = fleetOf(fleet, 12);
    expect(new Set(many.rovers.map(({ id }) => id)).size).toBe(12);
  });
});

describe('scenario library', () => {
  const missions = new URL('../../missions/', import.meta.url);
  const files = readdirSync(missions).filter((name) => name.endsWith('.yaml'));

  it('has a scenario for every layout', () => {
    const layouts = files.map(
      (name) => (parse(readFileSync(new URL(name, missions), 'utf8')) as { world: WorldSectionInput }).world.layout,
    );
    for (const layout of LAYOUTS) expect(layouts).toContain(layout);
  });

  it.each(files)('%s is valid and makes a site for ten seeds', (name) => {
    const { world: section, fleet } = parse(readFileSync(new URL(name, missions), 'utf8')) as { world: WorldSectionInput; fleet: unknown };
    const rovers = fleetSchema.parse(fleet).rovers.length;
    for (let seed = 1; seed <= 10; seed += 1) expect(resolve(section, seed, rovers).hazards.length).toBe(section.hazards?.length);
  });
});

describe('random layouts', () => {
  const hazards: WorldSectionInput['hazards'] = [
    { class: 'survivor' },
    { class: 'fire' },
    { class: 'chemical-drum' },
    { class: 'gas-cylinder' },
  ];

  it.each(LAYOUTS)('%s: nearly all free floor can be reached, with four rovers and four hazards', (layout) => {
    for (const seed of [1, 2, 3]) {
      const site = resolve({ sizeM: [24, 16], layout, hazards }, seed, 4);
      const world = new World(site);
      const area = reachableArea(world, radiusM, [site.starts[0] as { x: number; y: number }], 0.1);
      for (const start of site.starts) {
        const cell = Math.floor(start.y / 0.1) * area.columns + Math.floor(start.x / 0.1);
        expect(area.centre[cell]).toBe(1);
      }
      let free = 0;
      let reached = 0;
      for (let row = 0; row < area.rows; row += 1)
        for (let column = 0; column < area.columns; column += 1) {
          if (!world.isClear((column + 0.5) * 0.1, (row + 0.5) * 0.1, radiusM + 0.1)) continue;
          free += 1;
          reached += area.centre[row * area.columns + column] as number;
        }
      expect(reached / free).toBeGreaterThan(0.99);
      for (const hazard of site.hazards) expect(isVisibleFromFloor(world, area, hazard)).toBe(true);
    }
  });

  it('keeps a layout by its own seed while hazards move', () => {
    const section: WorldSectionInput = { sizeM: [24, 16], layout: 'office', layoutSeed: 4, hazards };
    const a = resolve(section, 1);
    const b = resolve(section, 2);
    expect(a.solids).toEqual(b.solids);
    expect(a.hazards).not.toEqual(b.hazards);
  });
});

describe('random sites', () => {
  it('are drawn by the seed alone, each kind among them, whatever the number of rovers', () => {
    const sites = Array.from({ length: 40 }, (_, seed) => randomSite(seed, 4));
    expect(new Set(sites.map(({ world }) => world.layout))).toEqual(new Set(LAYOUTS));
    expect(new Set(sites.map(({ world }) => world.sizeM.join())).size).toBe(40);
    expect(sites.some(({ world }) => world.walkers > 0)).toBe(true);
    expect(randomSite(7, 1).world).toEqual(randomSite(7, 4).world);
    expect(randomSite(7, 6).fleet.rovers).toHaveLength(6);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i makes a site that four rovers can search', (seed) => {
    const { world } = randomSite(seed, 4);
    const site = resolveSite(world, { random: new SeededRandom(seed), rovers: 4, roverRadiusM: radiusM });
    expect(site.starts.length).toBeGreaterThanOrEqual(4);
    expect(site.hazards.length).toBe(world.hazards.length);
  });
});

describe('bad sites', () => {
  it('lists every unknown key and impossible value', () => {
    const text = 'sizeM: [10, 10]\nstarts: [{ at: [20, 1] }]\nwals: []\nfloor: lava\n';
    expect(() => parseYaml(text, 'site.yaml', worldSchema)).toThrow(/floor[\s\S]*wals/);
    const outside = 'sizeM: [10, 10]\nstarts: [{ at: [20, 1] }]\n';
    expect(() => parseYaml(outside, 'site.yaml', worldSchema)).toThrow(/starts\.0\.at: lies outside the site/);
  });

  it('refuses a start inside a wall and a site without room', () => {
    expect(() => resolve({ sizeM: [6, 6], starts: [{ at: [0.1, 0.1] }] }, 1)).toThrow(/leaves no room/);
    const crowded: WorldSectionInput = {
      sizeM: [4, 4],
      starts: [{ at: [2, 2] }],
      hazards: Array.from({ length: 20 }, () => ({ class: 'fire' as const })),
    };
    expect(() => resolve(crowded, 1, 1)).toThrow(/no room for 20 hazards/);
    const inWall: WorldSectionInput = { sizeM: [6, 6], starts: [{ at: [3, 3] }], hazards: [{ class: 'fire', at: [0.2, 3] }] };
    expect(() => resolve(inWall, 1, 1)).toThrow(/stands in something solid/);
    expect(() => resolve({ sizeM: [2.5, 2.5], starts: [{ at: [1.2, 1.2] }] }, 1, 40)).toThrow(/room for \d+ rovers only/);
  });
});
