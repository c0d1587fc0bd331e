// What a Navigator is told each control cycle and what it answers. Map frame throughout, SI units, time passed in.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { Twist2 } from '../../../shared/geometry/twist2.ts';
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { PlanFailureReason } from '../planning/plan-result.ts';
import type { RecoveryName } from '../control/recovery.ts';

/** A round place [m], map frame: a hazard to keep away from. */
export interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radiusM: number;
}

/** The place that another rover has announced to be heading for. */
export interface RoverClaim {
  readonly x: number;
  readonly y: number;
  readonly radiusM: number;
  readonly pathLengthM: number;
}

/** What is known of another rover of the mission from its telemetry. */
export interface OtherRover {
  readonly id: string;
  readonly pose: Pose2;
  /** When it was there, on this rover's clock [s]. Silent rovers lose their claim, then their right of way. */
  readonly stampSec: number;
  readonly linearMPerSec: number;
  readonly goal: RoverClaim | null;
  /** The way that it means to take, map frame [m]; may be empty. */
  readonly path: readonly (readonly [number, number])[];
}

/** One control cycle's knowledge. */
export interface NavigatorInput {
  /** Now [s]; never runs backwards. */
  readonly stampSec: number;
  /** Estimated pose of base_link in the map frame. */
  readonly pose: Pose2;
  /** Measured velocity. */
  readonly twist: Twist2;
  /** The newest scan; null before the first or when the lidar is unplugged. */
  readonly scan: LidarScan | null;
  /** The rover's own partial map; null before the first. May be the same object, changed in place. */
  readonly ownMap: OccupancyMap | null;
  /** The fleet's merged map, or null while cut off. A new object whenever it has changed. */
  readonly mergedMap: OccupancyMap | null;
  readonly others: readonly OtherRover[];
  /** Poses of base_link from which a camera frame was taken *and* handed to the detector since the last cycle. */
  readonly viewedFrom: readonly Pose2[];
  /** Hazards that are known to stand somewhere, whether or not the lidar can see them. */
  readonly keepOut?: readonly Disc[];
}

/** As in the rover state message. */
export type NavigatorActivity = 'starting' | 'exploring' | 'inspecting' | 'recovering' | 'waiting' | 'done' | 'stopped';

/** The viewpoint that the rover is heading for; `radiusM` says how far its claim reaches. */
export interface NavigatorGoal extends RoverClaim {
  readonly theta: number;
}

/** Why the rover does not get on, by name. Planner failures bear Nav2's names. */
export interface NavigatorFailure {
  readonly reason: PlanFailureReason | 'NoScan' | 'NoMap' | 'Blocked' | 'RecoveriesExhausted';
  readonly detail: string;
}

export interface NavigatorOutput {
  /** What the drive is to do until the next cycle. It has passed the collision monitor. */
  readonly command: Twist2;
  readonly activity: NavigatorActivity;
  readonly goal: NavigatorGoal | null;
  /** The way ahead, map frame [m]; empty when standing. */
  readonly path: readonly (readonly [number, number])[];
  /** No reachable frontier or uninspected floor is left for anyone. Can turn false again when new ground appears. */
  readonly done: boolean;
  readonly recovery: RecoveryName | null;
  readonly failure?: NavigatorFailure;
}
