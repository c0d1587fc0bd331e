// One registration as data: what the host function and its thread do.
import type { OccupancyMap } from '../../mapping/occupancy-map.ts';
import { registerMaps } from '../../mapping/registration/register-maps.ts';
import { CELL_SIZE_M } from '../../mapping/tiles.ts';
import type { GridRecord, RegistrationOutcome } from '../host/registration.ts';

export function registerGrids(ticket: number, a: GridRecord, b: GridRecord): RegistrationOutcome {
  const registration = registerMaps(toMap(a), toMap(b));
  if (registration === null) return { ticket, x: 0, y: 0, theta: 0, confidence: 0, accepted: false };
  const { transform, verdict } = registration;
  return { ticket, x: transform.x, y: transform.y, theta: transform.theta, confidence: verdict.confidence, accepted: verdict.accepted };
}

const toMap = (grid: GridRecord): OccupancyMap => ({ ...grid, resolutionM: CELL_SIZE_M });
