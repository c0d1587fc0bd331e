// A place of the trajectory that is remembered: a node of the pose graph and a piece of the map.
import { type Point2, type Pose2, transformPoint } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { SurfacePoints } from './surface-points.ts';
import { SurfelMap } from './surfel-map.ts';

export interface KeyFrame {
  readonly index: number;
  readonly scan: LidarScan;
  readonly points: SurfacePoints;
  /** Way driven up to here, by odometry [m]. */
  readonly pathM: number;
  /** Pose of the base in the map frame; the pose graph moves it. */
  pose: Pose2;
  /** Pose by which the grid shows this frame. */
  drawnPose: Pose2;
}

/** The middle of what a key frame sees, map frame: where a scanner with a narrow view looks, not where it stands. */
export function viewCentre(frame: KeyFrame): Point2 {
  return transformPoint(frame.pose, { x: frame.points.centreX, y: frame.points.centreY });
}

/** The surfaces that `frames` saw, by their present poses. */
export function surfacesOf(frames: Iterable<KeyFrame>): SurfelMap {
  const map = new SurfelMap();
  for (const frame of frames) map.insert(frame.points, frame.pose);
  return map;
}
