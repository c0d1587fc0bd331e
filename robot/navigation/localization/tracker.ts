// The front end: follows the rover scan by scan against a local map of recent key frames, weighing odometry and scan by their covariances.
import { between, compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { SlamConfig } from '../slam-config.ts';
import { correlativeSearch } from './correlative-search.ts';
import type { KeyFrame } from './key-frame.ts';
import { likelihoodPyramid, type LikelihoodPyramid } from './likelihood-pyramid.ts';
import { predict, stepCovariance } from './odometry-model.ts';
import { type Alignment, alignScan, type Prior } from './scan-aligner.ts';
import { type SurfacePoints, surfacePoints } from './surface-points.ts';
import { SurfelMap } from './surfel-map.ts';
import { add3, diagonal3, inverse3, type Matrix3, planarDeviation, ZERO3 } from './symmetric3.ts';

export interface TrackStep {
  readonly covariance: Matrix3;
  readonly matched: boolean;
  readonly score: number;
  /** Set when the pose graph moved: where the rover was before ← where it is now (drawn map ← corrected map). */
  readonly correction: Pose2 | null;
}

/** Above these a starting guess is too poor for fine alignment alone. */
const SEARCH_ABOVE_RAD = 0.05;
const SEARCH_ABOVE_M = 0.12;
/** A scan that fits so much worse than the last ones has a wrong starting guess, or sees something new. */
const POOR_SHARE = 0.8;
/** What a slipping wheel may do between two scans, beyond odometry noise. */
const SLIP_M = 0.2;
const SLIP_RAD = 0.25;
/** A second place that fits nearly as well makes the search's answer a guess. */
const UNIQUE_SHARE = 0.92;
/** Limits of the search window. */
const MAX_SHIFT_M = 1.5;
const MAX_TURN_RAD = 0.8;
/** Uncertainty (relative to the map around) from which scans are not drawn: they would smear. */
const DRAW_LIMIT_M = 0.3;

export class Tracker {
  readonly #config: SlamConfig;
  readonly #frames: KeyFrame[] = [];
  #local = new SurfelMap();
  #pyramid: LikelihoodPyramid | null = null;
  #pose: Pose2;
  #covariance: Matrix3 = ZERO3;
  #odometry: Pose2 | null = null;
  #pathM = 0;
  /** What share of a scan's points lay on known surfaces lately. */
  #usualRatio = 0.6;

  constructor(config: SlamConfig, startPose: Pose2) {
    this.#config = config;
    this.#pose = startPose;
  }

  get pose(): Pose2 {
    return this.#pose;
  }

  get keyFrameCount(): number {
    return this.#frames.length;
  }

  get loopCount(): number {
    return 0;
  }

  /** Whether the pose is known well enough to draw by it. */
  get trustworthy(): boolean {
    return this.#config.localizeBy === 'odometry' || planarDeviation(this.#covariance) < DRAW_LIMIT_M;
  }

  keyPose(key: number): Pose2 {
    return (this.#frames[key] as KeyFrame).pose;
  }

  update(scan: LidarScan, odometry: Pose2): TrackStep {
    const delta = this.#odometry === null ? { x: 0, y: 0, theta: 0 } : between(this.#odometry, odometry);
    this.#odometry = odometry;
    this.#pathM += Math.hypot(delta.x, delta.y);
    const points = surfacePoints(scan, {
      mount: this.#config.lidarMount,
      maxRangeM: this.#config.maxMatchRangeM,
      spacingM: this.#config.pointSpacingM,
      windowM: this.#config.normalWindowM,
    });
    const noise = stepCovariance(delta, this.#config.odometryNoise);
    const predicted = predict(this.#pose, this.#covariance, delta, noise);
    this.#pose = predicted.pose;
    this.#covariance = predicted.covariance;
    let matched = true;
    let score = 1;
    if (this.#config.localizeBy === 'scan' && this.#frames.length > 0) {
      const found = this.#match(points);
      matched = found.matched;
      score = found.score;
    }
    if (this.#isKeyFrame()) this.#addKeyFrame(points, scan.stampSec);
    return { covariance: this.#covariance, matched, score, correction: null };
  }

  finish(): boolean {
    return false;
  }

  #match(points: SurfacePoints): { matched: boolean; score: number } {
    const { align, minInlierRatio, minInliers } = this.#config;
    const information = inverse3(add3(this.#covariance, FLOOR));
    const prior: Prior | null = information === null ? null : { pose: this.#pose, information };
    let found = alignScan(this.#local, points, this.#pose, prior, align);
    const turnDeviation = Math.sqrt(this.#covariance[8]);
    const shiftDeviation = planarDeviation(this.#covariance);
    const poor = found.inlierRatio < POOR_SHARE * this.#usualRatio;
    if (poor || turnDeviation > SEARCH_ABOVE_RAD || shiftDeviation > SEARCH_ABOVE_M) {
      found = this.#search(points, found, shiftDeviation, turnDeviation);
    }
    const good = found.inlierRatio >= minInlierRatio && found.inliers >= minInliers;
    if (good) {
      this.#pose = found.pose;
      this.#covariance = found.covariance;
      this.#usualRatio += (found.inlierRatio - this.#usualRatio) / 10;
    } else {
      this.#usualRatio += (0.5 - this.#usualRatio) / 10;
    }
    return { matched: good, score: found.inlierRatio };
  }

  /**
   * Looks wider than the odometry noise allows (wheels slip), and takes another place than `near` only when the scan fits
   * clearly better there and nowhere else as well.
   */
  #search(points: SurfacePoints, near: Alignment, shiftDeviation: number, turnDeviation: number): Alignment {
    this.#pyramid ??= likelihoodPyramid(this.#local);
    const window = {
      shiftM: Math.min(MAX_SHIFT_M, SLIP_M + 3 * shiftDeviation),
      turnRad: Math.min(MAX_TURN_RAD, SLIP_RAD + 3 * turnDeviation),
    };
    const coarse = correlativeSearch(this.#pyramid, points, this.#pose, window, 0.3);
    if (coarse === null || coarse.rivalScore > UNIQUE_SHARE * coarse.score) return near;
    const slip = add3(this.#covariance, diagonal3((SLIP_M / 2) ** 2, (SLIP_M / 2) ** 2, (SLIP_RAD / 2) ** 2));
    const information = inverse3(slip);
    const prior = information === null ? null : { pose: this.#pose, information };
    const far = alignScan(this.#local, points, coarse.pose, prior, this.#config.align);
    return far.inlierRatio > near.inlierRatio + 0.05 ? far : near;
  }

  #isKeyFrame(): boolean {
    const last = this.#frames.at(-1);
    if (last === undefined) return true;
    const moved = between(last.pose, this.#pose);
    return Math.hypot(moved.x, moved.y) >= this.#config.keyFrameDistanceM || Math.abs(moved.theta) >= this.#config.keyFrameTurnRad;
  }

  #addKeyFrame(points: SurfacePoints, stampSec: number): void {
    const frame: KeyFrame = { index: this.#frames.length, stampSec, points, pathM: this.#pathM, pose: this.#pose };
    this.#frames.push(frame);
    if (frame.index % REBUILD_EVERY === 0) this.#rebuild();
    else this.#local.insert(points, this.#pose);
    this.#pyramid = null;
  }

  /** Makes the local map anew from the last stretch of the way. */
  #rebuild(): void {
    const { localMapM, localMapMinFrames, localMapMaxFrames } = this.#config;
    this.#local = new SurfelMap();
    const last = this.#frames.length - 1;
    let first = last;
    while (first > 0 && last - first < localMapMaxFrames) {
      const frame = this.#frames[first - 1] as KeyFrame;
      if (this.#pathM - frame.pathM > localMapM && last - first >= localMapMinFrames) break;
      first -= 1;
    }
    for (let i = first; i <= last; i += 1) {
      const frame = this.#frames[i] as KeyFrame;
      this.#local.insert(frame.points, frame.pose);
    }
  }
}

const REBUILD_EVERY = 8;
/** Keeps a perfectly certain prediction invertible. */
const FLOOR = diagonal3(1e-8, 1e-8, 1e-8);
