// Where is this scan in the local map? Fine alignment from odometry's guess; a search around it when the guess is poor or fits badly.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SlamConfig } from '../slam-config.ts';
import { correlativeSearch } from './correlative-search.ts';
import { likelihoodPyramid, type LikelihoodPyramid } from './likelihood-pyramid.ts';
import { type Alignment, alignScan, type Prior } from './scan-aligner.ts';
import type { SurfacePoints } from './surface-points.ts';
import { SurfelMap } from './surfel-map.ts';
import { add3, diagonal3, inverse3, type Matrix3, planarDeviation, ZERO3 } from './symmetric3.ts';

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
/** A second place that fits nearly as well makes the search's answer a guess. */
const UNIQUE_SHARE = 0.92;
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
    const turnDeviation = Math.sqrt(covariance[8]);
    const shiftDeviation = planarDeviation(covariance);
    const poor = found.inlierRatio < POOR_SHARE * this.#usualRatio;
    if (poor || turnDeviation > SEARCH_ABOVE_RAD || shiftDeviation > SEARCH_ABOVE_M) {
      const window = {
        shiftM: Math.min(MAX_SHIFT_M, SLIP_M + 3 * shiftDeviation),
        turnRad: Math.min(MAX_TURN_RAD, SLIP_RAD + 3 * turnDeviation),
      };
      found = this.#search(points, found, predicted, covariance, window);
    }
    const matched = found.inlierRatio >= minInlierRatio && found.inliers >= minInliers;
    this.#usualRatio += ((matched ? found.inlierRatio : 0.5) - this.#usualRatio) / 10;
    if (!matched) return { pose: predicted, covariance, matched, score: found.inlierRatio, information: ZERO3 };
    return { pose: found.pose, covariance: found.covariance, matched, score: found.inlierRatio, information: found.information };
  }

  /**
   * Looks wider than odometry noise allows, and takes another place than `near` only when the scan fits clearly better there
   * and nowhere else as well.
   */
  #search(
    points: SurfacePoints,
    near: Alignment,
    predicted: Pose2,
    covariance: Matrix3,
    window: { readonly shiftM: number; readonly turnRad: number },
  ): Alignment {
    this.#pyramid ??= likelihoodPyramid(this.#map);
    const coarse = correlativeSearch(this.#pyramid, points, predicted, window, 0.3);
    if (coarse === null || coarse.rivalScore > UNIQUE_SHARE * coarse.score) return near;
    const slip = add3(covariance, diagonal3((SLIP_M / 2) ** 2, (SLIP_M / 2) ** 2, (SLIP_RAD / 2) ** 2));
    const far = alignScan(this.#map, points, coarse.pose, priorOf(predicted, slip), this.#config.align);
    return far.inlierRatio > near.inlierRatio + 0.05 ? far : near;
  }
}

function priorOf(pose: Pose2, covariance: Matrix3): Prior | null {
  const information = inverse3(add3(covariance, TINY));
  return information === null ? null : { pose, information };
}

/** Keeps a perfectly certain prediction invertible. */
const TINY = diagonal3(1e-8, 1e-8, 1e-8);
