// Localisation measured on a recorded log: the trajectory that SLAM finds from scans and odometry against the log's corrected poses
// or against known relations between its scans.
import {
  evaluateRelations,
  evaluateRelativePoseError,
  type Relation,
  type RelationError,
  type RelativePoseError,
} from '../navigation/localization/relative-pose-error.ts';
import { Slam } from '../navigation/slam.ts';
import { TRUSTED_ODOMETRY } from '../navigation/slam-config.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import type { CarmenLog } from './carmen-log.ts';

export interface LogEvaluation extends RelativePoseError {
  readonly relations?: RelationError;
  readonly scans: number;
  readonly key_frames: number;
  readonly loops: number;
  /** Measured: wall time of localisation and mapping [s], how many times faster than the log, and the process' peak memory [MB]. */
  readonly wall_s: number;
  readonly real_time_factor: number;
  readonly peak_rss_mb: number;
}

/** Runs SLAM over the whole log as one rover. With `corrected`, the log's poses are taken as they are. */
export function localizeLog(log: CarmenLog, odometry: 'corrected' | 'raw'): Slam {
  const slam = new Slam({
    startPose: (log.scans[0] as CarmenLog['scans'][number]).corrected,
    config: { keepTrajectory: true, ...(odometry === 'corrected' ? TRUSTED_ODOMETRY : {}) },
  });
  for (const { scan, corrected, odometry: raw } of log.scans) slam.update(scan, odometry === 'corrected' ? corrected : raw);
  slam.finish();
  return slam;
}

/** The map of a part of a log by its corrected poses: what merged maps are compared with. */
export function mapOfLog(scans: CarmenLog['scans']): OccupancyMap {
  const slam = new Slam({ startPose: scans[0]?.corrected ?? { x: 0, y: 0, theta: 0 }, config: TRUSTED_ODOMETRY });
  for (const { scan, corrected } of scans) slam.update(scan, corrected);
  slam.finish();
  return slam.toOccupancyMap();
}

export function evaluateLog(
  log: CarmenLog,
  odometry: 'corrected' | 'raw',
  relations: readonly Relation[] | null,
): { readonly evaluation: LogEvaluation; readonly map: OccupancyMap } {
  const started = performance.now();
  const slam = localizeLog(log, odometry);
  const wallSec = (performance.now() - started) / 1000;
  const trajectory = slam.trajectory();
  const reference = log.scans.map(({ corrected }) => corrected);
  const estimated = trajectory.map(({ pose }) => pose);
  const timed = trajectory.map(({ pose }, index) => ({ timeSec: (log.scans[index] as CarmenLog['scans'][number]).timeSec, pose }));
  const evaluation: LogEvaluation = {
    ...evaluateRelativePoseError(estimated, reference),
    ...(relations === null ? {} : { relations: evaluateRelations(timed, relations) }),
    scans: log.scans.length,
    key_frames: slam.stats.keyFrames,
    loops: slam.stats.loops,
    wall_s: wallSec,
    real_time_factor: log.durationSec / wallSec,
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
  };
  return { evaluation, map: slam.toOccupancyMap() };
}
