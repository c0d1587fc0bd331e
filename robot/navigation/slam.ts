// Localisation and mapping of one rover from lidar and odometry: match each scan to the map so far, then draw it in.
import { normalizeAngle } from '../../shared/geometry/angle.ts';
import { between, compose, distance, type Pose2 } from '../../shared/geometry/pose2.ts';
import { OccupancyGrid, type TilePatch } from '../../shared/mapping/occupancy-grid.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { matchScan } from './localization/scan-matcher.ts';

export interface SlamOptions {
  /** Pose of the rover in its map frame at the first scan. */
  readonly startPose: Pose2;
  readonly resolutionM?: number;
}

export interface Located {
  /** Pose of the base in the map frame at the scan's stamp. */
  readonly pose: Pose2;
  /** Whether the scan was matched; false: odometry alone. */
  readonly matched: boolean;
  readonly score: number;
}

/** Scans are drawn in when the rover has moved by this much since the last one, or so long ago. */
const DRAW_EVERY_M = 0.08;
const DRAW_EVERY_RAD = 0.05;
const DRAW_EVERY_SEC = 1;
/** The first scans are all drawn, so that there is something to match to. */
const FIRST_SCANS = 3;
/** A match must agree this well with the map, and must not contradict the odometry by more than this. */
const LEAST_SCORE = 0.35;
const MOST_JUMP_M = 0.3;
const MOST_JUMP_RAD = 0.2;

export class Slam {
  readonly grid: OccupancyGrid;
  #pose: Pose2;
  #lastOdometry: Pose2 | null = null;
  #drawnPose: Pose2;
  #drawnSec = -Infinity;
  #scans = 0;
  #xs = new Float64Array(0);
  #ys = new Float64Array(0);
  #worldXs = new Float64Array(0);
  #worldYs = new Float64Array(0);
  #hits = new Uint8Array(0);

  constructor(options: SlamOptions) {
    this.grid = new OccupancyGrid(options.resolutionM);
    this.#pose = options.startPose;
    this.#drawnPose = options.startPose;
  }

  /** See {@link OccupancyGrid.revision}. */
  get revision(): number {
    return this.grid.revision;
  }

  patchesSince(revision: number): readonly TilePatch[] {
    return this.grid.patchesSince(revision);
  }

  toOccupancyMap(): OccupancyMap {
    return this.grid.toOccupancyMap();
  }

  /** Takes one scan and the odometry pose at its stamp; scans must come in the order of their stamps. */
  update(scan: LidarScan, odometryPose: Pose2): Located {
    const moved = this.#lastOdometry === null ? { x: 0, y: 0, theta: 0 } : between(this.#lastOdometry, odometryPose);
    this.#lastOdometry = odometryPose;
    const predicted = compose(this.#pose, moved);
    const count = this.#project(scan);
    const hits = this.#compactHits(count);
    let located: Located = { pose: predicted, matched: false, score: 0 };
    if (this.#scans >= FIRST_SCANS && hits >= 20) {
      const wayM = Math.hypot(moved.x, moved.y);
      const turnRad = Math.abs(moved.theta);
      const prior = { sigmaXyM: 0.01 + 0.15 * wayM + 0.02 * turnRad, sigmaThetaRad: 0.005 + 0.15 * turnRad + 0.05 * wayM };
      const match = matchScan(this.grid, this.#worldXs, this.#worldYs, hits, predicted, prior);
      const jumpM = distance(match.pose, predicted);
      const jumpRad = Math.abs(normalizeAngle(match.pose.theta - predicted.theta));
      const matched = match.score >= LEAST_SCORE && jumpM <= MOST_JUMP_M && jumpRad <= MOST_JUMP_RAD;
      located = { pose: matched ? match.pose : predicted, matched, score: match.score };
    }
    this.#pose = located.pose;
    this.#scans += 1;
    if (this.#isDrawDue(scan.stampSec)) this.#draw(scan, count);
    return located;
  }

  #isDrawDue(stampSec: number): boolean {
    if (this.#scans <= FIRST_SCANS) return true;
    const turned = Math.abs(normalizeAngle(this.#pose.theta - this.#drawnPose.theta));
    return distance(this.#pose, this.#drawnPose) >= DRAW_EVERY_M || turned >= DRAW_EVERY_RAD || stampSec - this.#drawnSec >= DRAW_EVERY_SEC;
  }

  #draw(scan: LidarScan, count: number): void {
    const c = Math.cos(this.#pose.theta);
    const s = Math.sin(this.#pose.theta);
    this.#project(scan);
    for (let i = 0; i < count; i += 1) {
      this.#worldXs[i] = this.#pose.x + c * (this.#xs[i] as number) - s * (this.#ys[i] as number);
      this.#worldYs[i] = this.#pose.y + s * (this.#xs[i] as number) + c * (this.#ys[i] as number);
    }
    this.grid.integrate(this.#pose.x, this.#pose.y, this.#worldXs, this.#worldYs, this.#hits, count);
    this.#drawnPose = this.#pose;
    this.#drawnSec = scan.stampSec;
  }

  /** Endpoints in the base frame; a ray without a return ends, free, at the sensor's reach. */
  #project(scan: LidarScan): number {
    const n = scan.rangesM.length;
    if (this.#xs.length < n) {
      this.#xs = new Float64Array(n);
      this.#ys = new Float64Array(n);
      this.#worldXs = new Float64Array(n);
      this.#worldYs = new Float64Array(n);
      this.#hits = new Uint8Array(n);
    }
    let count = 0;
    for (let i = 0; i < n; i += 1) {
      const range = scan.rangesM[i] as number;
      if (Number.isNaN(range) || range < scan.rangeMinM) continue;
      const hit = range <= scan.rangeMaxM;
      const reach = hit ? range : scan.rangeMaxM;
      const angle = scan.angleMinRad + i * scan.angleIncrementRad;
      this.#xs[count] = reach * Math.cos(angle);
      this.#ys[count] = reach * Math.sin(angle);
      this.#hits[count] = hit ? 1 : 0;
      count += 1;
    }
    return count;
  }

  /** Copies the endpoints that are surfaces to the front of the scratch arrays, for matching. */
  #compactHits(count: number): number {
    let hits = 0;
    for (let i = 0; i < count; i += 1) {
      if (this.#hits[i] !== 1) continue;
      this.#worldXs[hits] = this.#xs[i] as number;
      this.#worldYs[hits] = this.#ys[i] as number;
      hits += 1;
    }
    return hits;
  }
}
