// What localisation and mapping can be told. The defaults serve planar lidars of 8 to 80 m on rovers and the logs of larger robots alike.
import { IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { OccupancyGridOptions } from '../../shared/mapping/occupancy-grid.ts';
import type { OdometryNoise } from './localization/odometry-model.ts';
import type { AlignOptions } from './localization/scan-aligner.ts';

export interface SlamConfig {
  /** Pose of the lidar in the base frame. */
  readonly lidarMount: Pose2;
  /** `scan`: scans correct the odometry; `odometry`: the odometry is exact (poses that were corrected elsewhere). */
  readonly localizeBy: 'scan' | 'odometry';
  readonly odometryNoise: OdometryNoise;
  readonly align: AlignOptions;
  /** Returns beyond this are not matched [m]. */
  readonly maxMatchRangeM: number;
  /** Points nearer to each other than this are one for matching [m]. */
  readonly pointSpacingM: number;
  /** Half length of the line that gives a point its normal [m]. Too short, and noisy normals hold the rover back along corridors. */
  readonly normalWindowM: number;
  /** Share of the points that must lie on known surfaces for a match to count, and their least number. */
  readonly minInlierRatio: number;
  readonly minInliers: number;
  /** A key frame is made each time the rover has moved this far [m] or turned [rad]. */
  readonly keyFrameDistanceM: number;
  readonly keyFrameTurnRad: number;
  /** Way back along which key frames make up the local map [m], and their number. */
  readonly localMapM: number;
  readonly localMapMinFrames: number;
  readonly localMapMaxFrames: number;
  /** A scan is drawn into the map after this way [m], turn [rad] or time [s]; the last one is drawn but not kept. */
  readonly drawDistanceM: number;
  readonly drawTurnRad: number;
  readonly drawPeriodSec: number;
  readonly loopClosure: boolean;
  /** Let go of old key frames whose view others have: a bounded area then needs bounded memory, however long the mission. */
  readonly pruning: boolean;
  readonly grid: OccupancyGridOptions;
  /** Keep the pose of every scan for {@link Slam.trajectory}. */
  readonly keepTrajectory: boolean;
}

export const DEFAULT_SLAM_CONFIG: SlamConfig = {
  lidarMount: IDENTITY,
  localizeBy: 'scan',
  odometryNoise: {
    positionM: 0.002,
    positionPerM: 0.1,
    positionPerRad: 0.05,
    headingRad: 0.002,
    headingPerM: 0.3,
    headingPerRad: 0.2,
  },
  align: { deviationM: 0.03, independence: 0.2, robustM: 0.08, rings: 2 },
  maxMatchRangeM: 30,
  pointSpacingM: 0.03,
  normalWindowM: 0.25,
  minInlierRatio: 0.35,
  minInliers: 20,
  keyFrameDistanceM: 0.3,
  keyFrameTurnRad: 0.35,
  localMapM: 10,
  localMapMinFrames: 8,
  localMapMaxFrames: 40,
  drawDistanceM: 0.15,
  drawTurnRad: 0.15,
  drawPeriodSec: 0.5,
  loopClosure: true,
  pruning: true,
  grid: {},
  keepTrajectory: false,
};

/** For input whose poses are right already: they are taken as they are. */
export const TRUSTED_ODOMETRY: Partial<SlamConfig> = { localizeBy: 'odometry', loopClosure: false };
