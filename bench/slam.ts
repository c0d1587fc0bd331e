// Localisation and mapping: cost per scan, and accuracy on a recorded log with raw odometry where that log is at hand.
import { access } from 'node:fs/promises';
import { evaluateRelativePoseError } from '../robot/navigation/localization/relative-pose-error.ts';
import { Slam } from '../robot/navigation/slam.ts';
import { loadCarmenLog } from '../robot/recording/carmen-log.ts';
import { OccupancyGrid } from '../shared/mapping/occupancy-grid.ts';
import type { LidarScan } from '../shared/ports/lidar-io.ts';
import { atLeast, atMost, type Bench, quantile, type Target } from './bench-result.ts';

/** Looked for from the working directory; the log is not part of the repository. */
const LOG = '../shared/data/carmen/csail-raw.log.gz';

export const bench: Bench = {
  name: 'slam',
  description: 'Localisation and mapping: time per scan, relative pose error on a log with raw odometry, peak memory.',
  async run({ log }) {
    log('drawing scans of 360 rays and 12 m into the grid');
    const drawMs = drawTime();
    const results: Record<string, unknown> = { draw_360_rays_12_m_ms: drawMs };
    const targets: Record<string, Target> = { draw_360_rays_12_m_ms: atMost(drawMs, 0.5) };
    if (await exists(LOG)) {
      log(`locating every scan of ${LOG} by its raw odometry`);
      const run = await locate(LOG);
      Object.assign(results, { raw_odometry_log: run });
      for (const [step, metres, degrees] of [
        ['step_1', 0.04, 1],
        ['step_10', 0.1, 1.2],
        ['step_50', 0.25, 2],
      ] as const) {
        targets[`${step}.mean_m`] = atMost(run[step].mean_m, metres);
        targets[`${step}.mean_deg`] = atMost(run[step].mean_deg, degrees);
      }
      targets['real_time_factor'] = atLeast(run.real_time_factor, 10);
    } else {
      log(`${LOG} is not there: accuracy is not measured`);
    }
    return { results, targets };
  },
};

/** Median time [ms] to draw a scan with nothing in range: the longest rays there are. */
function drawTime(): number {
  const rays = 360;
  const scan: LidarScan = {
    stampSec: 0,
    sequence: 0,
    angleMinRad: -Math.PI,
    angleIncrementRad: (2 * Math.PI) / rays,
    rangeMinM: 0.1,
    rangeMaxM: 12,
    rangesM: new Float32Array(rays).fill(12),
  };
  const grid = new OccupancyGrid();
  const times: number[] = [];
  for (let i = 0; i < 600; i += 1) {
    const start = performance.now();
    grid.integrate(scan, { x: (i % 30) * 0.1, y: (i % 17) * 0.07, theta: i * 0.1 });
    if (i >= 100) times.push(performance.now() - start);
  }
  return quantile(times, 0.5);
}

interface LogRun extends ReturnType<typeof evaluateRelativePoseError> {
  readonly scans: number;
  readonly update_p50_ms: number;
  readonly update_max_ms: number;
  readonly real_time_factor: number;
  readonly loop_closures: number;
  readonly peak_memory_mb: number;
}

async function locate(path: string): Promise<LogRun> {
  const recorded = await loadCarmenLog(path);
  const slam = new Slam({ config: { keepTrajectory: true } });
  const times: number[] = [];
  for (const { scan, odometry } of recorded.scans) {
    const start = performance.now();
    slam.update(scan, odometry);
    times.push(performance.now() - start);
  }
  slam.finish();
  const error = evaluateRelativePoseError(
    slam.trajectory().map(({ pose }) => pose),
    recorded.scans.map(({ corrected }) => corrected),
  );
  const totalMs = times.reduce((sum, time) => sum + time, 0);
  return {
    ...error,
    scans: recorded.scans.length,
    update_p50_ms: quantile(times, 0.5),
    update_max_ms: Math.max(...times),
    real_time_factor: (1000 * recorded.durationSec) / totalMs,
    loop_closures: slam.stats.loops,
    peak_memory_mb: process.resourceUsage().maxRSS / 1024,
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
