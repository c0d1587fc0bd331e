// A site that nobody has laid out: the seed draws its kind, size, contents, the people in it and the network.
import { DEVICE_NAMES } from '../device/device-profile.ts';
import { pick, SeededRandom, uniform } from '../random/seeded-random.ts';
import type { HazardClass } from '../world/hazards.ts';
import { FLOORS } from '../world/materials.ts';
import { type FleetSection, fleetSchema } from './fleet-schema.ts';
import { LAYOUTS, type WorldSection, worldSchema } from './world-schema.ts';

export interface RandomSite {
  readonly world: WorldSection;
  readonly fleet: FleetSection;
}

/** Smallest and largest site that is drawn [m]. */
const WIDTH_M = [14, 26] as const;
const DEPTH_M = [12, 18] as const;
const HAZARDS = [3, 8] as const;
/** What every detector that comes with Outrider knows. */
const CLASSES: readonly HazardClass[] = ['survivor', 'gas-cylinder', 'chemical-drum', 'fire'];

/** The site and fleet of one seed; equal seeds give equal sites, whatever the number of rovers. */
export function randomSite(seed: number, rovers: number): RandomSite {
  const random = new SeededRandom(seed).fork('random-site');
  const layout = pick(random, LAYOUTS);
  const openAir = layout === 'rubble' || layout === 'open-field';
  const sizeM = [tenths(uniform(random, ...WIDTH_M)), tenths(uniform(random, ...DEPTH_M))];
  const hazards = HAZARDS[0] + random.integer(HAZARDS[1] - HAZARDS[0] + 1);
  const walkers = layout === 'office' || layout === 'warehouse' ? random.integer(3) : 0;
  const models = DEVICE_NAMES.filter((name) => name !== 'edge-server');
  return {
    world: worldSchema.parse({
      name: layout,
      sizeM,
      layout,
      walkers,
      floor: pick(random, FLOORS),
      ceilingM: openAir ? 0 : 2.8,
      hazards: Array.from({ length: hazards }, () => ({ class: pick(random, CLASSES) })),
    }),
    fleet: fleetSchema.parse({
      link: pick(random, ['lan', '5g']),
      slip: layout === 'rubble' ? 1.5 : 1,
      rovers: Array.from({ length: rovers }, (_, k) => ({ id: `rover-${k + 1}`, device: models[k % models.length] })),
    }),
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
