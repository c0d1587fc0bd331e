// The global planner: right on every MovingAI scenario, fast on costmaps of 384 × 384 cells; beside it the any-angle planner.
import { DistanceTransform } from '../robot/navigation/costmap/distance-transform.ts';
import { GridSearch, SHORTEST_PATH } from '../robot/navigation/planning/grid-search.ts';
import type { PlanResult } from '../robot/navigation/planning/plan-result.ts';
import { shortcut } from '../robot/navigation/planning/shortcut.ts';
import { ThetaStar } from '../robot/navigation/planning/theta-star.ts';
import type { Costmap } from '../robot/navigation/costmap/costmap.ts';
import { SeededRandom } from '../sim/random/seeded-random.ts';
import { atMost, type Bench, quantile } from './bench-result.ts';
import { loadMovingAi, MOVINGAI_FOLDER } from './support/movingai.ts';
import { freeCell, randomCostmap } from './support/random-costmap.ts';

const SIZE = 384;
const MAPS = 5;
const QUERIES_PER_MAP = 60;
const OPTIONS = { costWeight: 2.5, unknownWeight: Infinity, escapeCells: 5, maxExpansions: Infinity };
const TOLERANCE = 1e-3;

export const bench: Bench = {
  name: 'planner',
  description: 'global planning: optimality on MovingAI, latency on 384 × 384 costmaps',
  async run({ log }) {
    const optimality = checkOptimality(log);
    const latency = timeQueries();
    return {
      results: { ...optimality, ...latency, distance_transform_600x400_ms: timeTransform() },
      targets: {
        suboptimal_scenarios: atMost(optimality.movingai_scenarios === 0 ? null : optimality.movingai_suboptimal, 0),
        p50_ms: atMost(latency.p50_ms, 20),
        p99_ms: atMost(latency.p99_ms, 20),
      },
    };
  },
};

/** Runs every scenario; counts those whose length is not the published optimum. */
function checkOptimality(log: (line: string) => void) {
  const problems = loadMovingAi();
  if (problems.length === 0) log(`no MovingAI data in ${MOVINGAI_FOLDER}: optimality is not measured`);
  const search = new GridSearch();
  let scenarios = 0;
  let suboptimal = 0;
  let worst = 0;
  for (const { map, scenarios: all } of problems) {
    for (const { startX, startY, goalX, goalY, optimal } of all) {
      const result = search.plan(map, startY * map.width + startX, goalY * map.width + goalX, SHORTEST_PATH);
      const error = result.ok ? Math.abs(result.length - optimal) : Infinity;
      scenarios += 1;
      worst = Math.max(worst, error);
      if (error > TOLERANCE) suboptimal += 1;
    }
  }
  return { movingai_scenarios: scenarios, movingai_suboptimal: suboptimal, movingai_worst_error: worst };
}

function timeQueries() {
  const random = new SeededRandom('planner-bench');
  const search = new GridSearch();
  const theta = new ThetaStar();
  const times: number[] = [];
  const cpuTimes: number[] = [];
  const shortcutTimes: number[] = [];
  const thetaTimes: number[] = [];
  let expanded = 0;
  let failed = 0;
  for (let k = 0; k < MAPS; k += 1) {
    const map = randomCostmap(SIZE, random);
    for (let query = 0; query < QUERIES_PER_MAP; query += 1) {
      const start = freeCell(map, random);
      const goal = freeCell(map, random);
      const result = timedMedian(times, cpuTimes, () => search.plan(map, start, goal, OPTIONS));
      expanded += result.expanded;
      if (!result.ok) failed += 1;
      else timed(shortcutTimes, () => shortcut(map, result.cells, OPTIONS));
      if (query % 6 === 0) timed(thetaTimes, () => planAnyAngle(theta, map, start, goal));
    }
  }
  return {
    queries: times.length,
    p50_ms: quantile(times, 0.5),
    p99_ms: quantile(times, 0.99),
    max_ms: quantile(times, 1),
    p50_cpu_ms: quantile(cpuTimes, 0.5),
    p99_cpu_ms: quantile(cpuTimes, 0.99),
    mean_expanded_cells: expanded / times.length,
    no_path: failed,
    shortcut_p99_ms: quantile(shortcutTimes, 0.99),
    theta_star_p50_ms: quantile(thetaTimes, 0.5),
    theta_star_p99_ms: quantile(thetaTimes, 0.99),
  };
}

function planAnyAngle(theta: ThetaStar, map: Costmap, start: number, goal: number): PlanResult {
  return theta.plan(map, start, goal, OPTIONS);
}

function timeTransform(): number {
  const random = new SeededRandom('transform-bench');
  const obstacles = Uint8Array.from({ length: 600 * 400 }, () => (random.next() < 0.02 ? 1 : 0));
  const squared = new Int32Array(obstacles.length);
  const transform = new DistanceTransform(600, 400);
  const times: number[] = [];
  for (let k = 0; k < 30; k += 1) timed(times, () => transform.transform(obstacles, 1000, squared));
  return quantile(times, 0.5);
}

/** Median of three runs, and the mean processor time of a run: what the planner takes even where the machine has other work. */
function timedMedian<T>(times: number[], cpuTimes: number[], work: () => T): T {
  const samples: number[] = [];
  const before = process.cpuUsage();
  timed(samples, work);
  timed(samples, work);
  const result = timed(samples, work);
  const { user, system } = process.cpuUsage(before);
  times.push(quantile(samples, 0.5));
  cpuTimes.push((user + system) / 3000);
  return result;
}

function timed<T>(times: number[], work: () => T): T {
  const before = performance.now();
  const result = work();
  times.push(performance.now() - before);
  return result;
}
