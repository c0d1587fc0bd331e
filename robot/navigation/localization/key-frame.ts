// A place of the trajectory that is remembered: a node of the pose graph and a piece of the map.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SurfacePoints } from './surface-points.ts';

export interface KeyFrame {
  readonly index: number;
  readonly stampSec: number;
  readonly points: SurfacePoints;
  /** Way driven up to here, by odometry [m]. */
  readonly pathM: number;
  /** Pose of the base in the map frame; the pose graph moves it. */
  pose: Pose2;
}
