// Finds where the rover has been before: matches a key frame against old ones near by and believes it only on evidence: fit, no
// contradiction, no rival place, and companions along the way that agree.
import { between, compose, distance, inverse, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { angleDifference } from '../../../shared/geometry/angle.ts';
import type { SlamConfig } from '../slam-config.ts';
import { correlativeSearch } from './correlative-search.ts';
import { type KeyFrame, surfacesOf, viewCentre } from './key-frame.ts';
import { likelihoodPyramid } from './likelihood-pyramid.ts';
import { rotateCovariance } from './odometry-model.ts';
import type { PoseEdge } from './pose-graph.ts';
import { type Alignment, alignScan } from './scan-aligner.ts';
import type { SurfelMap } from './surfel-map.ts';
import { add3, diagonal3, inverse3 } from './symmetric3.ts';
import { viewConflict } from './view-conflict.ts';

/** What is asked of a closure. */
const MIN_RATIO = 0.55;
const MAX_CONFLICT = 0.3;
const MAX_RIVAL = 0.85;
/** Drift from which a closure needs companions and a search [m]. */
const NARROW_M = 0.4;
const COMPANIONS = 2;
const COMPANION_SPACING_M = 1.2;
const COMPANION_AGREE_M = 0.2;
const COMPANION_AGREE_RAD = 0.06;
/** Drift of scan matching that is reckoned with, per metre of way. */
const DRIFT_PER_M = 0.03;
const DRIFT_RAD_PER_M = 0.0035;
const MAX_SHIFT_M = 4;
const MAX_TURN_RAD = 0.7;
/** Old key frames whose views lie this near are matched together [m], at most so many. */
const CLUSTER_M = 5;
const CLUSTER_FRAMES = 30;
/** … from one visit: within so many key frames of the nearest. */
const CLUSTER_SPAN = 20;
/** Errors of the old map that a closure is matched to: its edge is never stiffer than this [m, rad]. */
const OLD_MAP_NOISE = diagonal3(0.02 ** 2, 0.02 ** 2, 0.004 ** 2);

export class LoopCloser {
  readonly #config: SlamConfig;
  #lastSearchM = Number.NEGATIVE_INFINITY;

  constructor(config: SlamConfig) {
    this.#config = config;
  }

  /**
   * The relation of `frames[at]` to an old key frame, or null. `sinceLoopM`: way driven since the last closure, what drift is reckoned by.
   */
  find(frames: readonly KeyFrame[], at: number, sinceLoopM: number): PoseEdge | null {
    const frame = frames[at] as KeyFrame;
    const shiftM = Math.min(MAX_SHIFT_M, 0.15 + DRIFT_PER_M * sinceLoopM);
    const turnRad = Math.min(MAX_TURN_RAD, 0.05 + DRIFT_RAD_PER_M * sinceLoopM);
    const wide = shiftM > NARROW_M;
    if (wide && frame.pathM - this.#lastSearchM < COMPANION_SPACING_M / 2) return null;
    const nearest = this.#nearestOld(frames, frame, CLUSTER_M / 2 + shiftM);
    if (nearest === null) return null;
    this.#lastSearchM = frame.pathM;
    const map = surfacesOf(this.#cluster(frames, frame, nearest));
    const found = wide ? this.#search(map, frame, shiftM, turnRad) : this.#alignNear(map, frame, frame.pose);
    if (found === null || !this.#fits(map, frame, found)) return null;
    if (wide && !this.#companionsAgree(map, frames, frame, found.pose)) return null;
    const covariance = inverse3(found.information);
    const information = inverse3(add3(rotateCovariance(covariance ?? WIDE, -nearest.pose.theta), OLD_MAP_NOISE));
    if (information === null) return null;
    return { from: nearest.index, to: at, relative: between(nearest.pose, found.pose), information, loop: true };
  }

  /** Old key frames that see the same place as `frame`, by the poses as they are; for the local map after a closure. */
  surroundings(frames: readonly KeyFrame[], frame: KeyFrame): KeyFrame[] {
    return this.#old(frames, frame, CLUSTER_M)
      .slice(0, CLUSTER_FRAMES)
      .map(({ old }) => old);
  }

  #nearestOld(frames: readonly KeyFrame[], frame: KeyFrame, withinM: number): KeyFrame | null {
    return this.#old(frames, frame, withinM)[0]?.old ?? null;
  }

  /** Key frames from before the local map's stretch of the way whose view is near, nearest first. */
  #old(frames: readonly KeyFrame[], frame: KeyFrame, withinM: number): { readonly old: KeyFrame; readonly awayM: number }[] {
    const centre = viewCentre(frame);
    const result: { old: KeyFrame; awayM: number }[] = [];
    for (const old of frames) {
      if (frame.pathM - old.pathM < 1.5 * this.#config.localMapM || frame.index - old.index < this.#config.localMapMinFrames) break;
      const awayM = distance(viewCentre(old), centre);
      if (awayM <= withinM) result.push({ old, awayM });
    }
    return result.sort((a, b) => a.awayM - b.awayM || a.old.index - b.old.index);
  }

  #cluster(frames: readonly KeyFrame[], frame: KeyFrame, nearest: KeyFrame): KeyFrame[] {
    return this.#old(frames, nearestAsViewer(frame, nearest), CLUSTER_M + 1)
      .filter(({ old }) => Math.abs(old.index - nearest.index) <= CLUSTER_SPAN)
      .slice(0, CLUSTER_FRAMES)
      .map(({ old }) => old);
  }

  #search(map: SurfelMap, frame: KeyFrame, shiftM: number, turnRad: number): Alignment | null {
    const coarse = correlativeSearch(likelihoodPyramid(map), frame.points, frame.pose, { shiftM, turnRad }, 0.35);
    if (coarse === null || (coarse.rival?.score ?? 0) > MAX_RIVAL * coarse.score) return null;
    return this.#alignNear(map, frame, coarse.pose);
  }

  #alignNear(map: SurfelMap, frame: KeyFrame, start: Pose2): Alignment {
    return alignScan(map, frame.points, start, null, { ...this.#config.align, rings: 3 });
  }

  #fits(map: SurfelMap, frame: KeyFrame, found: Alignment): boolean {
    if (found.inlierRatio < MIN_RATIO || found.inliers < 2 * this.#config.minInliers) return false;
    return viewConflict(map, frame.scan, this.#config.lidarMount, found.pose) <= MAX_CONFLICT;
  }

  /** Whether earlier key frames, moved along with the closure, fit the old map in the same way. */
  #companionsAgree(map: SurfelMap, frames: readonly KeyFrame[], frame: KeyFrame, pose: Pose2): boolean {
    const correction = compose(pose, inverse(frame.pose));
    let agreeing = 0;
    let lastM = frame.pathM;
    for (let i = frame.index - 1; i >= 0 && agreeing < COMPANIONS; i -= 1) {
      const companion = frames[i] as KeyFrame;
      if (lastM - companion.pathM < COMPANION_SPACING_M) continue;
      if (frame.pathM - companion.pathM > this.#config.localMapM) break;
      lastM = companion.pathM;
      const moved = compose(correction, companion.pose);
      const found = this.#alignNear(map, companion, moved);
      if (found.inlierRatio < MIN_RATIO) continue;
      if (
        distance(found.pose, moved) > COMPANION_AGREE_M ||
        Math.abs(angleDifference(found.pose.theta, moved.theta)) > COMPANION_AGREE_RAD
      ) {
        return false;
      }
      agreeing += 1;
    }
    return agreeing >= COMPANIONS;
  }
}

const WIDE = diagonal3(1, 1, 1);

/** Looks for old frames around `nearest`, with the newness of `frame`. */
function nearestAsViewer(frame: KeyFrame, nearest: KeyFrame): KeyFrame {
  return { ...frame, pose: nearest.pose, points: nearest.points };
}
