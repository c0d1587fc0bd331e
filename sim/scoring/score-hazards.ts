// Matches reported objects with the true hazards: nearest pairs of one class first, each used once.
import { distance } from '../../shared/geometry/pose2.ts';
import type { Hazard } from '../world/hazards.ts';

/** A reported object in the world frame. */
export interface ReportedObject {
  readonly class: string;
  readonly x: number;
  readonly y: number;
}

export interface HazardMatch<T extends ReportedObject> {
  readonly hazard: Hazard;
  /** The report that found it, or null. */
  readonly object: T | null;
  readonly errorM: number | null;
}

export interface HazardScore<T extends ReportedObject> {
  /** One per true hazard, in their order. */
  readonly matches: readonly HazardMatch<T>[];
  /** Reports without a hazard: wrong place, wrong class, or a second report of one. */
  readonly falsePositives: readonly T[];
  readonly found: number;
  readonly total: number;
  readonly meanErrorM: number | null;
}

/** A report further away than this is of something else [m]. */
const MAX_ERROR_M = 1;

export function scoreHazards<T extends ReportedObject>(hazards: readonly Hazard[], objects: readonly T[]): HazardScore<T> {
  const pairs = hazards.flatMap((hazard, h) =>
    objects.flatMap((object, o) => {
      const errorM = distance(hazard, object);
      return object.class === hazard.class && errorM <= MAX_ERROR_M ? [{ h, o, errorM }] : [];
    }),
  );
  pairs.sort((a, b) => a.errorM - b.errorM || a.h - b.h || a.o - b.o);
  const objectOf = new Map<number, { object: T; errorM: number }>();
  const used = new Set<number>();
  for (const { h, o, errorM } of pairs) {
    const object = objects[o];
    if (objectOf.has(h) || used.has(o) || object === undefined) continue;
    objectOf.set(h, { object, errorM });
    used.add(o);
  }
  const matches = hazards.map((hazard, h) => {
    const match = objectOf.get(h);
    return { hazard, object: match?.object ?? null, errorM: match?.errorM ?? null };
  });
  const errors = [...objectOf.values()].map(({ errorM }) => errorM);
  return {
    matches,
    falsePositives: objects.filter((_, o) => !used.has(o)),
    found: objectOf.size,
    total: hazards.length,
    meanErrorM: errors.length === 0 ? null : errors.reduce((sum, value) => sum + value, 0) / errors.length,
  };
}
