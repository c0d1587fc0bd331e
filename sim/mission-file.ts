// What a simulated mission starts from, whichever way it runs: the seed's site and the fleet in it.
import type { Clock } from '../shared/ports/clock.ts';
import { type FleetSection, fleetOf } from './scenario/fleet-schema.ts';
import { resolveSite } from './scenario/resolve-site.ts';
import type { WorldSection } from './scenario/world-schema.ts';
import { SeededRandom } from './random/seeded-random.ts';
import { SiteScorer } from './scoring/site-scorer.ts';
import { SimulatedSite } from './simulated-site.ts';
import { DEFAULT_VEHICLE, type VehicleSpec } from './vehicle/vehicle-spec.ts';

export interface SimulatedMission {
  readonly random: SeededRandom;
  readonly fleet: FleetSection;
  readonly site: SimulatedSite;
  readonly scorer: SiteScorer;
  readonly bounds: { readonly minX: number; readonly minY: number; readonly maxX: number; readonly maxY: number };
}

/** Builds the site of a mission: equal seeds give equal sites, sensors and slips. */
export function buildSimulatedMission(
  sections: { readonly world: WorldSection; readonly fleet: FleetSection },
  options: {
    readonly clock: Clock;
    readonly seed: number;
    readonly rovers?: number | undefined;
    readonly vehicle?: VehicleSpec | undefined;
  },
): SimulatedMission {
  const random = new SeededRandom(options.seed);
  const fleet = options.rovers === undefined ? sections.fleet : fleetOf(sections.fleet, options.rovers);
  const definition = resolveSite(sections.world, {
    random: random.fork('site'),
    rovers: fleet.rovers.length,
    roverRadiusM: DEFAULT_VEHICLE.radiusM,
  });
  const site = new SimulatedSite({ clock: options.clock, site: definition, fleet, random, vehicle: options.vehicle });
  const [width, depth] = sections.world.sizeM;
  return { random, fleet, site, scorer: new SiteScorer(site), bounds: { minX: 0, minY: 0, maxX: width, maxY: depth } };
}
