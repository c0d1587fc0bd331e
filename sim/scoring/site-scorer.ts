// Scores a run from the truth's side: coverage, walls, hazards, collisions. The rovers never see any of it.
import { IDENTITY, type Pose2, transformPoint } from '../../shared/geometry/pose2.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { SimulatedSite } from '../simulated-site.ts';
import { type ReachableArea, reachableArea } from '../world/reachable-area.ts';
import { type HazardScore, type ReportedObject, scoreHazards } from './score-hazards.ts';
import { scoreCoverage, scoreSurfaces, type SurfaceScore } from './score-map.ts';
import { ViewedSurfaces } from './viewed-surfaces.ts';

export interface SiteScore<T extends ReportedObject> {
  readonly coverage: number;
  readonly reachableM2: number;
  readonly surfaces: SurfaceScore;
  readonly hazards: HazardScore<T>;
  readonly collisions: number;
}

export class SiteScorer {
  readonly reachable: ReachableArea;
  readonly #site: SimulatedSite;
  readonly #viewed: ViewedSurfaces;

  /** Begins to watch the site's lidars: create it before the site starts. */
  constructor(site: SimulatedSite) {
    this.#site = site;
    const radiusM = site.rovers[0]?.vehicle.spec.radiusM ?? 0;
    this.reachable = reachableArea(
      site.world,
      radiusM,
      site.rovers.map(({ vehicle }) => vehicle.pose),
    );
    this.#viewed = new ViewedSurfaces(site.world);
    site.observeScans(this.#viewed.observe);
  }

  /** `mapToWorld` is the pose of the map's frame in the world (identity where the start poses are given in it). */
  score<T extends ReportedObject>(map: OccupancyMap | null, objects: readonly T[], mapToWorld: Pose2 = IDENTITY): SiteScore<T> {
    const inWorld = objects.map((object) => ({ ...object, ...transformPoint(mapToWorld, object) }));
    return {
      coverage: scoreCoverage(map, this.reachable, mapToWorld),
      reachableM2: this.reachable.areaM2,
      surfaces: scoreSurfaces(map, this.#site.world, this.#viewed.points(), mapToWorld),
      hazards: scoreHazards(this.#site.world.site.hazards, inWorld),
      collisions: this.#site.collisions,
    };
  }
}
