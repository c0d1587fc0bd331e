// Follows the rover scan by scan against a local map of key frames, weighing odometry and scan by their covariances, and keeps the
// key frames together in a pose graph.
import { between, compose, distance, inverse, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { SlamConfig } from '../slam-config.ts';
import { type KeyFrame, surfacesOf } from './key-frame.ts';
import { contractEdges, redundantFrame } from './key-frame-pruning.ts';
import { LoopCloser } from './loop-closer.ts';
import { predict, rotateCovariance, stepCovariance } from './odometry-model.ts';
import { optimizePoseGraph, type PoseEdge } from './pose-graph.ts';
import { ScanMatcher } from './scan-matcher.ts';
import { type SurfacePoints, surfacePoints } from './surface-points.ts';
import type { SurfelMap } from './surfel-map.ts';
import { add3, diagonal3, inverse3, type Matrix3, planarDeviation, quadratic3, ZERO3 } from './symmetric3.ts';

export interface TrackStep {
  readonly covariance: Matrix3;
  readonly matched: boolean;
  readonly score: number;
  /** Set when the map has to be drawn anew: where the rover was ← where it is now. */
  readonly correction: Pose2 | null;
  /** A key frame that is no longer needed: later ones have moved up by one. `anchor` is where it stood in the frame before it. */
  readonly forgotten: Forgotten | null;
}

export interface Forgotten {
  readonly key: number;
  readonly anchor: Pose2;
}

/** Uncertainty (relative to the map around) from which scans are not drawn: they would smear [m]. */
const DRAW_LIMIT_M = 0.3;
/** The local map is made anew after so many key frames. */
const REBUILD_EVERY = 8;
/** After a closure, old key frames around belong to the local map for this way [m]. */
const REVISIT_M = 4;
/** Way between closures that say the same [m]. */
const LOOP_SPACING_M = 1;
/** A closure is refused when the solved graph still contradicts it (squared error, 3 degrees of freedom). */
const MAX_LOOP_ERROR = 25;
/** Corrections below this do not show in the grid. */
const REDRAW_M = 0.03;
const REDRAW_RAD = 0.01;

export class Tracker {
  readonly #config: SlamConfig;
  readonly #matcher: ScanMatcher;
  readonly #closer: LoopCloser;
  #frames: KeyFrame[] = [];
  #edges: PoseEdge[] = [];
  #pose: Pose2;
  #covariance: Matrix3 = ZERO3;
  #odometry: Pose2 | null = null;
  #pathM = 0;
  /** Odometry's uncertainty since the last key frame, in the axes of the map. */
  #sinceKey: Matrix3 = ZERO3;
  #lastLoopM = 0;
  #loops = 0;

  constructor(config: SlamConfig, startPose: Pose2) {
    this.#config = config;
    this.#matcher = new ScanMatcher(config);
    this.#closer = new LoopCloser(config);
    this.#pose = startPose;
  }

  get pose(): Pose2 {
    return this.#pose;
  }

  get keyFrameCount(): number {
    return this.#frames.length;
  }

  get loopCount(): number {
    return this.#loops;
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
    this.#sinceKey = predict(this.#pose, this.#sinceKey, delta, noise).covariance;
    let { pose, covariance } = predicted;
    let step = { matched: true, score: 1, information: ZERO3 };
    if (this.#config.localizeBy === 'scan' && this.#frames.length > 0) {
      const match = this.#matcher.match(points, pose, covariance);
      ({ pose, covariance } = match);
      step = match;
    }
    this.#pose = pose;
    this.#covariance = covariance;
    const added = this.#isKeyFrame();
    const correction = added ? this.#addKeyFrame(scan, points, step.information) : null;
    const forgotten = added && this.#config.pruning && this.#loops > 0 ? this.#forget() : null;
    return { covariance, matched: step.matched, score: step.score, correction, forgotten };
  }

  /** Moves everything into another frame: `change` maps present coordinates into new ones. What frames say of each other stays. */
  rebase(change: Pose2): void {
    for (const frame of this.#frames) {
      frame.pose = compose(change, frame.pose);
      frame.drawnPose = frame.pose;
    }
    this.#pose = compose(change, this.#pose);
    this.#covariance = rotateCovariance(this.#covariance, change.theta);
    this.#sinceKey = rotateCovariance(this.#sinceKey, change.theta);
    const last = this.#frames.at(-1);
    if (last !== undefined) this.#matcher.setMap(this.#localMap(last));
  }

  /** Solves the graph once more with all closures; whether the map has to be drawn anew. */
  finish(): boolean {
    return this.#loops > 0 && this.#optimize() && this.#needsRedraw();
  }

  #isKeyFrame(): boolean {
    const last = this.#frames.at(-1);
    if (last === undefined) return true;
    const moved = between(last.pose, this.#pose);
    return Math.hypot(moved.x, moved.y) >= this.#config.keyFrameDistanceM || Math.abs(moved.theta) >= this.#config.keyFrameTurnRad;
  }

  #addKeyFrame(scan: LidarScan, points: SurfacePoints, information: Matrix3): Pose2 | null {
    const last = this.#frames.at(-1);
    const frame: KeyFrame = { index: this.#frames.length, scan, points, pathM: this.#pathM, pose: this.#pose, drawnPose: this.#pose };
    this.#frames.push(frame);
    if (last !== undefined) this.#edges.push(this.#chainEdge(last, frame, information));
    this.#sinceKey = ZERO3;
    const correction = this.#config.loopClosure ? this.#closeLoop(frame) : null;
    if (correction !== null || frame.index % REBUILD_EVERY === 0) this.#matcher.setMap(this.#localMap(frame));
    else this.#matcher.insert(points, frame.pose);
    return correction;
  }

  /** Lets go of an old key frame that others stand for. */
  #forget(): Forgotten | null {
    const key = redundantFrame(this.#frames, 2 * this.#config.localMapM);
    if (key === null) return null;
    const anchor = between(this.keyPose(key - 1), this.keyPose(key));
    this.#edges = contractEdges(this.#edges, key);
    this.#frames = this.#frames
      .filter(({ index }) => index !== key)
      .map((frame) => (frame.index < key ? frame : { ...frame, index: frame.index - 1 }));
    return { key, anchor };
  }

  /** The relation between successive key frames: what the scan says and, where it says nothing, what odometry says. */
  #chainEdge(last: KeyFrame, frame: KeyFrame, information: Matrix3): PoseEdge {
    const relative = between(last.pose, frame.pose);
    const way = Math.hypot(relative.x, relative.y);
    const turn = Math.abs(relative.theta);
    const position = 0.004 + 0.01 * way;
    const heading = 0.0015 + 0.002 * way + 0.005 * turn;
    const floor = diagonal3(position ** 2, position ** 2, heading ** 2);
    const odometry = inverse3(add3(this.#sinceKey, TINY)) ?? ZERO3;
    const covariance = add3(inverse3(add3(information, odometry)) ?? floor, floor);
    const turned = inverse3(rotateCovariance(covariance, -last.pose.theta)) ?? inverse3(floor) ?? ZERO3;
    return { from: last.index, to: frame.index, relative, information: turned, loop: false };
  }

  #closeLoop(frame: KeyFrame): Pose2 | null {
    const sinceLoopM = frame.pathM - this.#lastLoopM;
    if (this.#loops > 0 && sinceLoopM < LOOP_SPACING_M) return null;
    const edge = this.#closer.find(this.#frames, frame.index, sinceLoopM);
    if (edge === null) return null;
    const before = frame.pose;
    this.#edges.push(edge);
    if (!this.#fulfils(edge) && !this.#optimize()) {
      this.#edges.pop();
      return null;
    }
    this.#loops += 1;
    this.#lastLoopM = frame.pathM;
    this.#pose = frame.pose;
    return this.#needsRedraw() ? compose(before, inverse(frame.pose)) : null;
  }

  /** Whether an edge says what the poses say already. */
  #fulfils({ from, to, relative, information }: PoseEdge): boolean {
    const error = between(relative, between(this.keyPose(from), this.keyPose(to)));
    return quadratic3(information, error.x, error.y, error.theta) < 2;
  }

  /** Moves the key frames to where all edges agree best; false, and nothing moves, when the newest closure contradicts the rest. */
  #optimize(): boolean {
    const solution = optimizePoseGraph(
      this.#frames.map(({ pose }) => pose),
      this.#edges,
    );
    if (solution === null || (solution.errors.at(-1) ?? 0) > MAX_LOOP_ERROR) return false;
    for (const [i, pose] of solution.poses.entries()) (this.#frames[i] as KeyFrame).pose = pose;
    return true;
  }

  #needsRedraw(): boolean {
    const moved = this.#frames.some(
      ({ pose, drawnPose }) => distance(pose, drawnPose) > REDRAW_M || Math.abs(between(drawnPose, pose).theta) > REDRAW_RAD,
    );
    if (moved) for (const frame of this.#frames) frame.drawnPose = frame.pose;
    return moved;
  }

  /** The last stretch of the way and, after a closure, what was seen of this place before. */
  #localMap(frame: KeyFrame): SurfelMap {
    const { localMapM, localMapMinFrames, localMapMaxFrames } = this.#config;
    let first = frame.index;
    while (first > 0 && frame.index - first < localMapMaxFrames) {
      const older = this.#frames[first - 1] as KeyFrame;
      if (frame.pathM - older.pathM > localMapM && frame.index - first >= localMapMinFrames) break;
      first -= 1;
    }
    const recent = this.#frames.slice(first);
    const revisiting = this.#loops > 0 && frame.pathM - this.#lastLoopM < REVISIT_M;
    return surfacesOf(revisiting ? [...this.#closer.surroundings(this.#frames, frame), ...recent] : recent);
  }
}

/** Keeps a perfectly certain odometry invertible. */
const TINY = diagonal3(1e-8, 1e-8, 1e-8);
