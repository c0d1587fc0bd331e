// Everything that can be set about a rover's navigation, with defaults for a small rover (0.18 m radius, wheels that do 1 m/s).
import { IDENTITY, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { BeliefOptions } from '../costmap/belief-grid.ts';
import type { InflationOptions } from '../costmap/costmap.ts';
import type { ObstacleLayerOptions } from '../costmap/obstacle-layer.ts';
import type { CollisionMonitorOptions } from '../control/collision-monitor.ts';
import { rectangle } from '../control/polygon.ts';
import type { PursuitOptions } from '../control/pure-pursuit.ts';
import type { RecoveryOptions } from '../control/recovery.ts';
import type { VelocityLimits } from '../control/velocity-limits.ts';
import type { CameraCone } from '../exploration/camera-cone.ts';
import { DEFAULT_SEARCH_PLANNER, type SearchPlannerOptions } from '../exploration/search-planner-options.ts';
import type { SearchOptions } from '../planning/grid-search.ts';
import type { RightOfWayOptions } from './right-of-way.ts';

/** When the parts of the Navigator do their work. */
export interface NavigatorTiming {
  /** The belief and the costmap are rebuilt this often [s]. */
  readonly mapPeriodSec: number;
  /** Viewpoints are reconsidered this often [s]. */
  readonly goalPeriodSec: number;
  /** The way is planned anew this often even when nothing blocks it [s]. */
  readonly pathPeriodSec: number;
  /** At a viewpoint the rover waits this long for a picture to be searched: three frames of a slow detector on board [s]. */
  readonly dwellSec: number;
  /** Without progress for this long while it means to move, a rover is stuck [s]. */
  readonly stuckSec: number;
  /** A place to which no way leads is left out for this long [s]. */
  readonly banSec: number;
  /** A place to which another rover blocks the way is left out for this long [s]. */
  readonly postponeSec: number;
  /** Telemetry older than this no longer claims anything [s]. */
  readonly claimTimeoutSec: number;
  /** The control period assumed for the first step [s]. */
  readonly controlPeriodSec: number;
}

export interface NavigatorConfig {
  readonly id: string;
  readonly footprintRadiusM: number;
  /** Pose of the lidar in the base frame. */
  readonly lidarMount: Pose2;
  readonly camera: CameraCone;
  readonly belief: BeliefOptions;
  readonly inflation: InflationOptions;
  readonly obstacles: ObstacleLayerOptions;
  readonly planning: SearchOptions;
  readonly limits: VelocityLimits;
  readonly pursuit: PursuitOptions;
  readonly monitor: CollisionMonitorOptions;
  readonly recovery: RecoveryOptions;
  readonly search: SearchPlannerOptions;
  readonly rightOfWay: RightOfWayOptions;
  readonly timing: NavigatorTiming;
}

/** What most callers set; everything else follows from it. */
export interface NavigatorOptions {
  readonly id: string;
  readonly footprintRadiusM?: number;
  readonly maxLinearMPerSec?: number;
  readonly maxAngularRadPerSec?: number;
  readonly maxAccelerationMPerSec2?: number;
  /** Speed that a wheel can reach [m/s] and the distance between left and right wheels [m]. */
  readonly wheels?: { readonly maxMPerSec: number; readonly baseM: number };
  readonly lidarMount?: Pose2;
  readonly camera?: CameraCone;
  /** Edge of a navigation cell [m]. */
  readonly resolutionM?: number;
  /** Replaces whole sections. */
  readonly overrides?: Partial<Omit<NavigatorConfig, 'id'>>;
}

/** A full configuration from the few figures that differ between rovers. */
export function defineNavigatorConfig(options: NavigatorOptions): NavigatorConfig {
  const radius = options.footprintRadiusM ?? 0.18;
  const linear = options.maxLinearMPerSec ?? 0.95;
  const angular = options.maxAngularRadPerSec ?? 2.5;
  const acceleration = options.maxAccelerationMPerSec2 ?? 1.2;
  const limits: VelocityLimits = {
    maxLinearMPerSec: linear,
    maxReverseMPerSec: Math.min(0.3, linear),
    maxAngularRadPerSec: angular,
    maxAccelerationMPerSec2: acceleration,
    maxDecelerationMPerSec2: acceleration * 1.5,
    maxAngularAccelerationRadPerSec2: 6,
    maxWheelMPerSec: options.wheels?.maxMPerSec ?? linear + 0.02,
    wheelBaseM: options.wheels?.baseM ?? 0.24,
  };
  return {
    id: options.id,
    footprintRadiusM: radius,
    lidarMount: options.lidarMount ?? IDENTITY,
    camera: options.camera ?? { fovRad: Math.PI / 2, minRangeM: 0.4, maxRangeM: 5.5 },
    belief: { resolutionM: options.resolutionM ?? 0.1, occupiedFrom: 65, freeTo: 25 },
    inflation: { inscribedRadiusM: radius + 0.06, inflationRadiusM: radius + 0.62, costScalingFactor: 4 },
    obstacles: { rangeM: 4, decaySec: 2 },
    planning: { costWeight: 2.5, unknownWeight: Infinity, escapeCells: 5, maxExpansions: 400_000 },
    limits,
    pursuit: {
      maxLinearMPerSec: linear,
      maxAngularRadPerSec: angular,
      maxDecelerationMPerSec2: acceleration,
      maxAngularAccelerationRadPerSec2: 6,
      lookaheadSec: 0.8,
      minLookaheadM: 0.3,
      maxLookaheadM: 0.8,
      regulatedRadiusM: 0.7,
      proximityM: 0.3,
      minRegulatedMPerSec: 0.2,
      rotateFromRad: 0.9,
      rotateUntilRad: 0.35,
      positionToleranceM: 0.15,
      headingToleranceRad: 0.12,
    },
    monitor: {
      footprintRadiusM: radius,
      marginM: 0.05,
      decelerationMPerSec2: acceleration,
      reactionSec: 0.15,
      scanTimeoutSec: 0.3,
      maxBlindFraction: 0.5,
      stopPolygons: [
        { appliesTo: 'forward', points: rectangle(0, -radius * 0.9, radius + 0.06, radius * 0.9) },
        { appliesTo: 'backward', points: rectangle(-radius - 0.06, -radius * 0.9, 0, radius * 0.9) },
      ],
    },
    recovery: { backUpM: 0.3, backUpMPerSec: 0.15, spinRad: Math.PI / 2, spinRadPerSec: 1, waitSec: 2, timeoutSec: 5 },
    search: { ...DEFAULT_SEARCH_PLANNER, speedMPerSec: 0.7 * linear, turnRadPerSec: 0.7 * angular },
    rightOfWay: { clearanceM: 2 * radius + 0.25, horizonM: 3.5, noticeM: 5, sameTimeSec: 2.5, standingSec: 1 },
    timing: {
      mapPeriodSec: 0.4,
      goalPeriodSec: 1,
      pathPeriodSec: 2.5,
      dwellSec: 4.5,
      stuckSec: 3,
      banSec: 20,
      postponeSec: 5,
      claimTimeoutSec: 5,
      controlPeriodSec: 0.1,
    },
    ...options.overrides,
  };
}
