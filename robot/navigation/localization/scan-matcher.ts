// Where is this scan in the local map? Fine alignment from odometry's guess; a search around it when the guess is poor or fits badly.
import { angleDifference } from '../../../shared/geometry/angle.ts';
import { distance, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SlamConfig } from '../slam-config.ts';
import { correlativeSearch } from './correlative-search.ts';
import { likelihoodPyramid, type LikelihoodPyramid } from './likelihood-pyramid.ts';
import { type Alignment, alignScan, type Prior } from './scan-aligner.ts';
import type { SurfacePoints } from './surface-points.ts';
import { SurfelMap } from './surfel-map.ts';
import { add3, diagonal3, inverse3, type Matrix3, planarDeviation, quadratic3, scale3, ZERO3 } from './symmetric3.ts';

export interface ScanMatch {
  readonly pose: Pose2;
  readonly covariance: Matrix3;
  /** False: the scan did not fit well enough, pose and covariance are the prediction. */
  readonly matched: boolean;
  /** Share of the scan's surface points on known surfaces. */
  readonly score: number;
  /** What the scan alone says about the pose, map axes; zero when not matched. */
  readonly information: Matrix3;
}

/** Above these a starting guess is too poor for fine alignment alone. */
const SEARCH_ABOVE_RAD = 0.05;
const SEARCH_ABOVE_M = 0.12;
/** A scan that fits so much worse than the last ones has a wrong starting guess, or sees something new. */
const POOR_SHARE = 0.8;
/** What slipping wheels may do between two scans, beyond odometry noise. */
const SLIP_M = 0.2;
const SLIP_RAD = 0.25;
/** What a squared Mahalanobis distance from odometry costs in shares of fitting points. */
const SURPRISE_COST = 0.004;
/** A place farther from odometry than even slipping explains is not believed, however well it fits (chi-squared, 3 degrees of freedom, 99 %). */
const MAX_SURPRISE = 11.34;
/** Another place that fits within this share makes the answer doubtful; then the match has this part of its weight. */
const DOUBT = 0.04;
const DOUBTFUL_TRUST = 0.05;
/** Limits of the search window. */
const MAX_SHIFT_M = 1.5;
const MAX_TURN_RAD = 0.8;

export class ScanMatcher {
  readonly #config: SlamConfig;
  #map = new SurfelMap();
  #pyramid: LikelihoodPyramid | null = null;
  /** What share of a scan's points lay on known surfaces lately. */
  #usualRatio = 0.6;

  constructor(config: SlamConfig) {
    this.#config = config;
  }

  setMap(map: SurfelMap): void {
    this.#map = map;
    this.#pyramid = null;
  }

  insert(points: SurfacePoints, pose: Pose2): void {
    this.#map.insert(points, pose);
    this.#pyramid = null;
  }

  match(points: SurfacePoints, predicted: Pose2, covariance: Matrix3): ScanMatch {
    const { align, minInlierRatio, minInliers } = this.#config;
    let found = alignScan(this.#map, points, predicted, priorOf(predicted, covariance), align);
    let trust = 1;
    const poor = found.inlierRatio < POOR_SHARE * this.#usualRatio;
    if (poor || Math.sqrt(covariance[8]) > SEARCH_ABOVE_RAD || planarDeviation(covariance) > SEARCH_ABOVE_M) {
      ({ found, trust } = this.#search(points, found, predicted, covariance));
    }
    const matched = found.inlierRatio >= minInlierRatio && found.inliers >= minInliers;
    this.#usualRatio += ((matched ? found.inlierRatio : 0.5) - this.#usualRatio) / 10;
    if (!matched) return { pose: predicted, covariance, matched, score: found.inlierRatio, information: ZERO3 };
    return {
      pose: found.pose,
      covariance: scale3(found.covariance, 1 / trust),
      matched,
      score: found.inlierRatio,
      information: scale3(found.information, trust),
    };
  }

  /**
   * Looks wider than odometry noise allows. Of `near` and the best places of the search it takes the one that fits best, with
   * odometry as a mild judge; where two places fit alike, the answer counts for little.
   */
  #search(points: SurfacePoints, near: Alignment, predicted: Pose2, covariance: Matrix3): { found: Alignment; trust: number } {
    this.#pyramid ??= likelihoodPyramid(this.#map);
    const window = {
      shiftM: Math.min(MAX_SHIFT_M, SLIP_M + 3 * planarDeviation(covariance)),
      turnRad: Math.min(MAX_TURN_RAD, SLIP_RAD + 3 * Math.sqrt(covariance[8])),
    };
    const coarse = correlativeSearch(this.#pyramid, points, predicted, window, 0.25);
    if (coarse === null) return { found: near, trust: 1 };
    const slip = add3(covariance, diagonal3((SLIP_M / 2) ** 2, (SLIP_M / 2) ** 2, (SLIP_RAD / 2) ** 2));
    const prior = priorOf(predicted, slip);
    const judge = (found: Alignment): { found: Alignment; surprise: number; score: number } => {
      const dx = found.pose.x - predicted.x;
      const dy = found.pose.y - predicted.y;
      const dt = angleDifference(found.pose.theta, predicted.theta);
      const surprise = prior === null ? 0 : quadratic3(prior.information, dx, dy, dt);
      return { found, surprise, score: found.inlierRatio - SURPRISE_COST * surprise };
    };
    const places = [coarse.pose, ...(coarse.rival === null ? [] : [coarse.rival.pose])];
    const candidates = [near, ...places.map((pose) => alignScan(this.#map, points, pose, prior, this.#config.align))]
      .map(judge)
      .filter(({ found, surprise }) => found === near || surprise <= MAX_SURPRISE);
    const best = candidates.reduce((a, b) => (b.score > a.score ? b : a));
    const doubtful = candidates.some((other) => other.score > best.score - DOUBT && !samePlace(other.found.pose, best.found.pose));
    return { found: best.found, trust: doubtful ? DOUBTFUL_TRUST : 1 };
  }
}

function samePlace(a: Pose2, b: Pose2): boolean {
  return distance(a, b) < 0.3 && Math.abs(angleDifference(a.theta, b.theta)) < 0.1;
}

function priorOf(pose: Pose2, covariance: Matrix3): Prior | null {
  const information = inverse3(add3(covariance, TINY));
  return information === null ? null : { pose, information };
}

/** Keeps a perfectly certain prediction invertible. */
const TINY = diagonal3(1e-8, 1e-8, 1e-8);
