import { describe, expect, it } from 'vitest';
import { FREE, OCCUPIED, type OccupancyMap, UNKNOWN } from '../../shared/mapping/occupancy-map.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { fleetSchema } from '../../sim/scenario/fleet-schema.ts';
import { resolveSite } from '../../sim/scenario/resolve-site.ts';
import { worldSchema } from '../../sim/scenario/world-schema.ts';
import { scoreHazards } from '../../sim/scoring/score-hazards.ts';
import { SiteScorer } from '../../sim/scoring/site-scorer.ts';
import { SimulatedSite } from '../../sim/simulated-site.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import type { Hazard } from '../../sim/world/hazards.ts';
import { sampleSurfaces } from '../../sim/world/surfaces.ts';
import type { World } from '../../sim/world/world.ts';

const CELL_M = 0.05;

/** A map as good as can be: cells with a surface sample are occupied, cells in the open are free, `knownTo` limits x. */
function perfectMap(world: World, knownTo = Number.POSITIVE_INFINITY, shiftX = 0): OccupancyMap {
  const width = Math.round(world.site.widthM / CELL_M);
  const height = Math.round(world.site.depthM / CELL_M);
  const cells = new Int8Array(width * height).fill(UNKNOWN);
  for (let row = 0; row < height; row += 1)
    for (let column = 0; column < width; column += 1) {
      const x = (column + 0.5) * CELL_M;
      if (x < knownTo && !world.isSolid(x, (row + 0.5) * CELL_M)) cells[row * width + column] = FREE;
    }
  const surfaces = sampleSurfaces(world, 0.02);
  for (let k = 0; k < surfaces.length; k += 2) {
    const x = surfaces[k] as number;
    if (x >= knownTo) continue;
    cells[Math.min(height - 1, Math.floor((surfaces[k + 1] as number) / CELL_M)) * width + Math.min(width - 1, Math.floor(x / CELL_M))] =
      OCCUPIED;
  }
  return { width, height, resolutionM: CELL_M, originX: shiftX, originY: 0, cells };
}

async function scannedSite() {
  const clock = new VirtualClock();
  const section = worldSchema.parse({
    sizeM: [10, 8],
    starts: [{ at: [2, 2] }],
    obstructions: [{ shape: 'box', at: [5, 5], sizeM: [1, 1] }],
    hazards: [{ class: 'fire', at: [7, 2] }],
  });
  const site = resolveSite(section, { random: new SeededRandom(1), rovers: 1, roverRadiusM: DEFAULT_VEHICLE.radiusM });
  const simulated = new SimulatedSite({ clock, site, fleet: fleetSchema.parse({ rovers: [{ id: 'a' }] }), random: new SeededRandom(2) });
  const scorer = new SiteScorer(simulated);
  simulated.start();
  await clock.run({ untilSec: 3 });
  return { world: simulated.world, scorer };
}

describe('map scores', () => {
  it('a perfect map scores 1, an empty one 0', async () => {
    const { world, scorer } = await scannedSite();
    const score = scorer.score(perfectMap(world), []);
    expect(score.coverage).toBe(1);
    expect(score.surfaces.precision).toBeGreaterThan(0.999);
    expect(score.surfaces.recall).toBeGreaterThan(0.999);
    expect(score.surfaces.pointsInView).toBeGreaterThan(100);
    expect(score.reachableM2).toBeGreaterThan(60);
    expect(score.reachableM2).toBeLessThan(80);
    expect(scorer.score(null, []).coverage).toBe(0);
    expect(scorer.score(null, []).surfaces.f1).toBe(0);
  });

  it('a map of the left half covers about half', async () => {
    const { world, scorer } = await scannedSite();
    const { coverage } = scorer.score(perfectMap(world, 5), []);
    expect(coverage).toBeGreaterThan(0.4);
    expect(coverage).toBeLessThan(0.6);
  });

  it('a map that lies 30 cm off is wrong, unless the frame says so', async () => {
    const { world, scorer } = await scannedSite();
    const shifted = perfectMap(world, Number.POSITIVE_INFINITY, 0.3);
    expect(scorer.score(shifted, []).surfaces.f1).toBeLessThan(0.75);
    const corrected = scorer.score(shifted, [{ class: 'fire', x: 7.3, y: 2 }], { x: -0.3, y: 0, theta: 0 });
    expect(corrected.surfaces.f1).toBeGreaterThan(0.999);
    expect(corrected.hazards.meanErrorM).toBeCloseTo(0, 9);
  });

  it('invented walls cost precision, missing ones recall', async () => {
    const { world, scorer } = await scannedSite();
    const map = perfectMap(world);
    const invented = { ...map, cells: map.cells.slice() };
    for (let column = 20; column < 60; column += 1) invented.cells[60 * map.width + column] = OCCUPIED;
    const worse = scorer.score(invented, []).surfaces;
    expect(worse.precision).toBeLessThan(0.98);
    expect(worse.recall).toBeGreaterThan(0.999);
    const missing = { ...map, cells: map.cells.map((cell, index) => (index % map.width < 20 && cell === OCCUPIED ? FREE : cell)) };
    expect(scorer.score(missing, []).surfaces.recall).toBeLessThan(0.95);
  });
});

describe('hazard scores', () => {
  const hazard = (id: string, kind: Hazard['class'], x: number, y: number): Hazard => ({
    id,
    class: kind,
    x,
    y,
    yawRad: 0,
    radiusM: 0.3,
    heightM: 1,
    variant: 0,
  });
  const truth = [hazard('fire-1', 'fire', 1, 1), hazard('fire-2', 'fire', 1.8, 1), hazard('drum', 'chemical-drum', 5, 5)];

  it('matches nearest pairs of a class, each once', () => {
    const score = scoreHazards(truth, [
      { class: 'fire', x: 1.6, y: 1 },
      { class: 'fire', x: 1.1, y: 1 },
    ]);
    expect(score.found).toBe(2);
    expect(score.matches[0]?.errorM).toBeCloseTo(0.1, 9);
    expect(score.matches[1]?.errorM).toBeCloseTo(0.2, 9);
    expect(score.matches[2]?.object).toBeNull();
    expect(score.meanErrorM).toBeCloseTo(0.15, 9);
  });

  it('wrong class, wrong place and a second report are false positives', () => {
    const score = scoreHazards(truth, [
      { class: 'fire', x: 5, y: 5 },
      { class: 'chemical-drum', x: 6.2, y: 5 },
      { class: 'chemical-drum', x: 5.1, y: 5 },
      { class: 'chemical-drum', x: 5, y: 5.2 },
    ]);
    expect(score.found).toBe(1);
    expect(score.falsePositives).toHaveLength(3);
  });

  it('no report finds nothing', () => {
    expect(scoreHazards(truth, [])).toMatchObject({ found: 0, total: 3, meanErrorM: null, falsePositives: [] });
  });
});
