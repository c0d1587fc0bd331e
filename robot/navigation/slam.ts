// Simultaneous localisation and mapping from lidar and odometry: scans are matched to a local map of surfaces, key frames form a
// pose graph, and the grid is drawn from them. Pure and deterministic: no timers, no I/O; the caller gives scans in order.
import { between, compose, IDENTITY, inverse, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { OccupancyGrid } from '../../shared/mapping/occupancy-grid.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { TilePatch } from '../../shared/mapping/tiles.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { type Forgotten, Tracker } from './localization/tracker.ts';
import { rotateCovariance } from './localization/odometry-model.ts';
import type { Matrix3 } from './localization/symmetric3.ts';
import { MapDrawer } from './mapping/map-drawer.ts';
import { DEFAULT_SLAM_CONFIG, type SlamConfig } from './slam-config.ts';

export interface SlamOptions {
  readonly config?: Partial<SlamConfig>;
  /** Pose in the map frame at the first scan; default: the origin. */
  readonly startPose?: Pose2;
}

export interface SlamEstimate {
  /** Pose of the base in the map frame, at the scan's time. */
  readonly pose: Pose2;
  /** Row-major 3×3 over x, y, theta [m², m·rad, rad²], relative to the map around. */
  readonly covariance: Matrix3;
  /** Whether the scan agreed with the map; otherwise the pose is odometry's. */
  readonly matched: boolean;
  /** Share of the scan's surface points that lie on known surfaces, 0 … 1. */
  readonly score: number;
}

export interface TrajectoryPose {
  readonly stampSec: number;
  readonly pose: Pose2;
}

export class Slam {
  readonly config: SlamConfig;
  readonly #tracker: Tracker;
  readonly #drawer: MapDrawer;
  readonly #trajectory: { readonly stampSec: number; key: number; offset: Pose2 }[] = [];
  /** Map as it is drawn ← corrected map; not the identity while a redraw is under way. */
  #drawn: Pose2 = IDENTITY;
  /** New frame ← old frame, for a map that is being drawn in another frame, and for one that has been. */
  #frameChange: { readonly change: Pose2; readonly complete: boolean } | null = null;
  #lastDrawn: { readonly pose: Pose2; readonly stampSec: number } | null = null;
  #lastRefreshSec = Number.NEGATIVE_INFINITY;

  constructor(options: SlamOptions = {}) {
    this.config = { ...DEFAULT_SLAM_CONFIG, ...options.config };
    this.#tracker = new Tracker(this.config, options.startPose ?? IDENTITY);
    this.#drawer = new MapDrawer(this.config.grid);
  }

  /** The rover's partial map, in its map frame. */
  get grid(): OccupancyGrid {
    return this.#drawer.grid;
  }

  get revision(): number {
    return this.grid.revision;
  }

  get stats(): { readonly keyFrames: number; readonly loops: number; readonly scansKept: number; readonly redrawing: boolean } {
    const { keyFrameCount, loopCount } = this.#tracker;
    return { keyFrames: keyFrameCount, loops: loopCount, scansKept: this.#drawer.scanCount, redrawing: this.#drawer.redrawing };
  }

  /** Copies of the map's tiles that changed after `revision`. */
  patchesSince(revision: number): TilePatch[] {
    return this.grid.patchesSince(revision);
  }

  toOccupancyMap(): OccupancyMap {
    return this.grid.toOccupancyMap();
  }

  /**
   * Takes a scan and the odometry pose [m, rad, odometry frame] of the same moment. Scans must come in order of their stamps.
   */
  update(scan: LidarScan, odometryPose: Pose2): SlamEstimate {
    const step = this.#tracker.update(scan, odometryPose);
    if (step.forgotten !== null) this.#forget(step.forgotten);
    if (step.correction !== null) {
      // The past has moved: what is published stays where the drawn map has the rover until the map is drawn anew.
      this.#drawn = compose(this.#drawn, step.correction);
      this.#drawer.startRedraw();
    }
    if (this.#drawer.advance((key) => this.#tracker.keyPose(key))) this.#redrawn();
    const pose = compose(this.#drawn, this.#tracker.pose);
    this.#draw(scan, pose);
    if (this.config.keepTrajectory) {
      const key = this.#tracker.keyFrameCount - 1;
      this.#trajectory.push({ stampSec: scan.stampSec, key, offset: between(this.#tracker.keyPose(key), this.#tracker.pose) });
    }
    const covariance = rotateCovariance(step.covariance, this.#drawn.theta);
    return { pose, covariance, matched: step.matched, score: step.score };
  }

  /** Completes what is spread over updates: the last correction and its redraw. For the end of a log or mission. */
  finish(): void {
    if (this.#tracker.finish()) this.#drawer.startRedraw();
    if (this.#drawer.advance((key) => this.#tracker.keyPose(key), true)) this.#redrawn();
  }

  /**
   * Moves map and pose into another frame: `change` maps present coordinates into new ones. The map is drawn anew over the next updates;
   * until then poses and map stay in the old frame. {@link takeFrameChange} says when they have changed.
   */
  rebase(change: Pose2): void {
    this.#tracker.rebase(change);
    this.#drawn = compose(this.#drawn, inverse(change));
    this.#drawer.startRedraw();
    this.#frameChange = { change: compose(change, this.#frameChange?.change ?? IDENTITY), complete: false };
  }

  /** Whether a change of the frame is under way. */
  get rebasing(): boolean {
    return this.#frameChange !== null;
  }

  /** New frame ← old frame, once, when poses and map have changed into the new one; otherwise null. */
  takeFrameChange(): Pose2 | null {
    if (this.#frameChange?.complete !== true) return null;
    const { change } = this.#frameChange;
    this.#frameChange = null;
    return change;
  }

  #forget({ key, anchor }: Forgotten): void {
    this.#drawer.forget(key);
    for (const entry of this.#trajectory) {
      if (entry.key < key) continue;
      if (entry.key === key) entry.offset = compose(anchor, entry.offset);
      entry.key -= 1;
    }
  }

  #redrawn(): void {
    this.#drawn = IDENTITY;
    if (this.#frameChange !== null) this.#frameChange = { change: this.#frameChange.change, complete: true };
  }

  /** The poses of all scans so far, by the newest state of the pose graph. Needs `keepTrajectory`. */
  trajectory(): TrajectoryPose[] {
    return this.#trajectory.map(({ stampSec, key, offset }) => ({ stampSec, pose: compose(this.#tracker.keyPose(key), offset) }));
  }

  #draw(scan: LidarScan, pose: Pose2): void {
    const { drawDistanceM, drawTurnRad, drawPeriodSec, lidarMount } = this.config;
    const last = this.#lastDrawn;
    const sensor = compose(pose, lidarMount);
    if (last !== null) {
      const moved = Math.hypot(pose.x - last.pose.x, pose.y - last.pose.y);
      const turned = Math.abs(between(last.pose, pose).theta);
      if (moved < drawDistanceM && turned < drawTurnRad) {
        if (scan.stampSec - this.#lastRefreshSec < drawPeriodSec) return;
        this.#lastRefreshSec = scan.stampSec;
        this.#drawer.refresh(scan, sensor);
        return;
      }
    }
    if (!this.#tracker.trustworthy) return;
    const key = this.#tracker.keyFrameCount - 1;
    this.#drawer.add(scan, key, compose(between(this.#tracker.keyPose(key), this.#tracker.pose), lidarMount), sensor);
    this.#lastDrawn = { pose, stampSec: scan.stampSec };
    this.#lastRefreshSec = scan.stampSec;
  }
}
