// What a simulated mission's report is made of: the truth's verdict and each rover's figures.
import type { ModuleStats, MoveReport, RecoveredEvent } from '../shared/elastic/module-events.ts';
import type { CommonView } from '../shared/mapping/common-view.ts';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import type { MapObject } from '../shared/protocol/map-view.ts';
import type { SimulatedMission } from './mission-file.ts';
import type { PoseError } from './scoring/pose-error.ts';
import type { SimulatedRover } from './simulated-rover.ts';

/** What became of one module. */
export interface ModuleFacts {
  readonly stats: ModuleStats;
  readonly moves: readonly MoveReport[];
  readonly recoveries: readonly RecoveredEvent[];
}

/** A map of nothing: what a mission has that never got one. */
export const EMPTY_MAP: OccupancyMap = { width: 1, height: 1, resolutionM: 0.05, originX: 0, originY: 0, cells: Int8Array.of(-1) };

export function roverFacts(
  body: SimulatedRover,
  history: { readonly mapServer: ModuleFacts; readonly detector: ModuleFacts },
  error: PoseError,
) {
  return {
    rover: body.id,
    device: body.deviceName,
    distanceM: body.vehicle.distanceM,
    batteryEnd: body.power.update().batteryFraction,
    temperatureMaxC: body.device.maxTemperatureC,
    poseErrorMeanM: error.meanM,
    collisions: body.vehicle.collisions,
    ...history,
  };
}

/** The truth's verdict on the common view. */
export function missionScore(simulated: SimulatedMission, view: CommonView) {
  const confirmed: MapObject[] = view.objects.filter(({ status }) => status === 'confirmed');
  const score = simulated.scorer.score(view.map(), confirmed);
  return {
    coverage: score.coverage,
    surfaces: score.surfaces,
    collisions: score.collisions,
    matches: score.hazards.matches.map(({ hazard, object, errorM }) => ({ class: hazard.class, x: hazard.x, y: hazard.y, object, errorM })),
    falsePositives: score.hazards.falsePositives,
  };
}
