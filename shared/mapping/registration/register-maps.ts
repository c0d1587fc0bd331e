// Registration of two maps with unknown relative pose: exhaustive search, fine alignment, and a verdict that asks for evidence.
import { normalizeAngle } from '../../geometry/angle.ts';
import type { Pose2 } from '../../geometry/pose2.ts';
import type { OccupancyMap } from '../occupancy-map.ts';
import { type Evidence, weigh } from './evidence.ts';
import { refineTransform } from './refine.ts';
import { DEFAULT_SEARCH, searchTransforms } from './search.ts';
import { type Surface, toSurface } from './surface.ts';
import { type Verdict, judge } from './verdict.ts';

export interface Registration {
  /** Maps B's frame (metres; origin lower left of an image) into A's. */
  readonly transform: Pose2;
  readonly evidence: Evidence;
  /** Evidence of the best hypothesis that places B elsewhere; null when there is none. */
  readonly rival: Evidence | null;
  readonly verdict: Verdict;
}

/** Registers B to A. Null when one of the maps has too few surfaces to be placed at all. */
export function registerMaps(mapA: OccupancyMap, mapB: OccupancyMap): Registration | null {
  const a = toSurface(mapA);
  const b = toSurface(mapB);
  if (a === null || b === null) return null;
  const candidates = searchTransforms(a, b, DEFAULT_SEARCH);
  const toleranceM = toleranceOf(a, b);
  const coarse = candidates.map(({ transform }) => {
    const aligned = refineTransform(a, b, transform, { reachesM: [8 * toleranceM, 4 * toleranceM], iterationsPerReach: 6, maxPoints: 400 });
    return place(a, b, aligned, 2 * toleranceM, COARSE_STRIDE);
  });
  const promising = thin(
    coarse.toSorted((p, q) => q.support - p.support),
    b,
    4 * toleranceM,
  ).slice(0, 12);
  const fine = promising.map(({ transform }) => {
    const reachesM = [4 * toleranceM, 2 * toleranceM, toleranceM];
    return place(a, b, refineTransform(a, b, transform, { reachesM, iterationsPerReach: 10, maxPoints: 3000 }), toleranceM);
  });
  const ranked = thin(
    fine.toSorted((p, q) => q.support - p.support),
    b,
    6 * toleranceM,
  );
  const [best, second] = ranked;
  if (best === undefined) return null;
  const rival = second?.evidence ?? null;
  return {
    transform: best.transform,
    evidence: best.evidence,
    rival,
    verdict: judge(best.evidence, best.support, second?.support ?? null, a, b),
  };
}

/** The coarse pass asks every so many-th surface point. */
const COARSE_STRIDE = 4;

interface Placement {
  readonly transform: Pose2;
  readonly evidence: Evidence;
  readonly support: number;
}

function place(a: Surface, b: Surface, transform: Pose2, toleranceM: number, stride = 1): Placement {
  const evidence = weigh(a, b, transform, toleranceM, stride);
  return { transform, evidence, support: supportOf(evidence) };
}

/** One number to rank hypotheses by: walls that agree, less those that contradict. */
export function supportOf(evidence: Evidence): number {
  return evidence.agreeing - CONFLICT_WEIGHT * evidence.conflicting;
}

/** A wall in the other's free space counts against a hypothesis as much as so many agreeing ones count for it. */
const CONFLICT_WEIGHT = 1.5;

/**
 * How far apart walls of two maps may be and still be the same [m]: one percent of the smaller map, for maps are bent a little,
 * but three to six cells.
 */
function toleranceOf(a: Surface, b: Surface): number {
  const cellM = Math.max(a.resolutionM, b.resolutionM);
  const extentM = Math.min(Math.hypot(a.width, a.height) * a.resolutionM, Math.hypot(b.width, b.height) * b.resolutionM);
  return Math.min(6 * cellM, Math.max(3 * cellM, extentM / 100));
}

/** Keeps the first of those that place the middle of B (nearly) alike. */
function thin(placements: readonly Placement[], b: Surface, nearM: number): Placement[] {
  const kept: Placement[] = [];
  const cx = b.originX + (b.width * b.resolutionM) / 2;
  const cy = b.originY + (b.height * b.resolutionM) / 2;
  const radiusM = (Math.hypot(b.width, b.height) * b.resolutionM) / 4;
  for (const placement of placements) {
    const near = kept.some(({ transform }) => {
      const turn = Math.abs(normalizeAngle(transform.theta - placement.transform.theta));
      const [px, py] = apply(transform, cx, cy);
      const [qx, qy] = apply(placement.transform, cx, cy);
      return Math.hypot(px - qx, py - qy) + turn * radiusM <= nearM;
    });
    if (!near) kept.push(placement);
  }
  return kept;
}

function apply(transform: Pose2, x: number, y: number): [number, number] {
  const c = Math.cos(transform.theta);
  const s = Math.sin(transform.theta);
  return [transform.x + c * x - s * y, transform.y + s * x + c * y];
}
