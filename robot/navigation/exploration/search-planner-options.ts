// How a rover weighs what it could look at next.

export interface SearchPlannerOptions {
  /** One candidate place per square of this edge [m]. */
  readonly spacingM: number;
  /** At most this many places are looked at closely per choice, unless none was worth it so far. */
  readonly maxEvaluations: number;
  /** Weighted area below which a view is not worth a way [m²]. */
  readonly minGainM2: number;
  /** A viewpoint is done when less than this fraction of what it promised is left. */
  readonly spentFraction: number;
  /** A new viewpoint must be better than the current by this factor. */
  readonly hysteresis: number;
  /** Frontiers shorter than this are slits that nothing is looked for behind [m]. */
  readonly minFrontierM: number;
  /** Worth of an unknown cell against one of unseen floor. */
  readonly unknownWeight: number;
  /** Additional worth of unseen floor that is surrounded by seen floor. */
  readonly remnantBoost: number;
  readonly remnantRadiusM: number;
  /** Cells that stayed unseen are given up after this many tries: a look in vain counts 2, a viewpoint without a way 1. */
  readonly maxTries: number;
  /** Worth of floor within another rover's claim, as a factor. */
  readonly claimedWeight: number;
  /** No viewpoint nearer than this to the claim of a rover that has the shorter way [m]. */
  readonly exclusiveM: number;
  /** A claim counts as if the other rover stood there this fraction of its way from now. */
  readonly claimLead: number;
  /** Share of a place that another rover is nearer to: from 1 to `minShare` over this difference of ways [m]. */
  readonly shareScaleM: number;
  readonly minShare: number;
  /** Speeds for estimates of travel time. */
  readonly speedMPerSec: number;
  readonly turnRadPerSec: number;
  /** Time that every viewpoint costs beyond the way [s]; the larger, the more a far but rich view is preferred to near scraps. */
  readonly overheadSec: number;
  /** Weight of obstacle nearness in ways (see SearchOptions). */
  readonly costWeight: number;
  /** Radius around a place without a way that is left out for a while [m]. */
  readonly banRadiusM: number;
}

export const DEFAULT_SEARCH_PLANNER: SearchPlannerOptions = {
  spacingM: 0.8,
  maxEvaluations: 120,
  minGainM2: 0.7,
  spentFraction: 0.3,
  hysteresis: 1.3,
  minFrontierM: 0.6,
  unknownWeight: 0.6,
  remnantBoost: 0.8,
  remnantRadiusM: 1,
  maxTries: 4,
  claimedWeight: 0.25,
  exclusiveM: 1.5,
  claimLead: 0.3,
  shareScaleM: 5,
  minShare: 0.15,
  speedMPerSec: 0.7,
  turnRadPerSec: 1.2,
  overheadSec: 5,
  costWeight: 1,
  banRadiusM: 0.4,
};
