// When a registration may be believed. A wrong merge costs a mission; one that waits for more evidence costs little, so each
// of several independent kinds of evidence can veto, and the weakest decides.
import type { Evidence } from './evidence.ts';
import type { Surface } from './surface.ts';

export interface Verdict {
  readonly accepted: boolean;
  /** 0 … 1; accepted from 0.5 on. It is the weakest of the criteria, not a probability. */
  readonly confidence: number;
  /** Criteria that speak against the merge, in plain words; empty when accepted. */
  readonly reasons: readonly string[];
}

/** A criterion is 0 at `none`, 1 at `full`, linear between; half way is the least that is accepted. */
interface Criterion {
  readonly value: number;
  readonly none: number;
  readonly full: number;
  readonly reason: string;
}

/**
 * Judges the best hypothesis against the best rival (which places B elsewhere; null: none found).
 * Bounds were chosen on indoor maps of several buildings such that right and wrong registrations lie clearly on either side.
 */
export function judge(best: Evidence, bestSupport: number, rivalSupport: number | null, a: Surface, b: Surface): Verdict {
  const floorOfSmallerM2 = Math.min(a.freeCells * a.resolutionM ** 2, b.freeCells * b.resolutionM ** 2);
  const criteria: Criterion[] = [
    { value: best.agreeing, none: 300, full: 1100, reason: `too little wall in common (${best.agreeingM.toFixed(1)} m)` },
    { value: best.agreement, none: 0.3, full: 0.46, reason: `only ${percent(best.agreement)} of the walls in the overlap agree` },
    {
      value: best.conflicting / Math.max(1, best.agreeing + best.conflicting),
      none: 0.34,
      full: 0.14,
      reason: `${best.conflicting} wall cells stand in the other map's free space`,
    },
    {
      value: rivalSupport === null || bestSupport <= 0 ? (bestSupport <= 0 ? 1 : 0) : rivalSupport / bestSupport,
      none: 0.7,
      full: 0.3,
      reason: 'another placement explains the maps nearly as well',
    },
    {
      value: best.sharedFloorM2 / Math.max(1e-9, floorOfSmallerM2),
      none: 0.05,
      full: 0.35,
      reason: `the maps share only ${best.sharedFloorM2.toFixed(0)} m² of floor`,
    },
    {
      value: best.constraint,
      none: 0.02,
      full: 0.18,
      reason: 'the walls in common run in one direction only: the place along them is a guess',
    },
  ];
  const grades = criteria.map(({ value, none, full }) => Math.min(1, Math.max(0, (value - none) / (full - none))));
  const confidence = Math.min(...grades);
  const reasons = criteria.filter((_, index) => (grades[index] ?? 0) < 0.5).map(({ reason }) => reason);
  return { accepted: reasons.length === 0, confidence, reasons };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
