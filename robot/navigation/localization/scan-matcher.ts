// Scan-to-map matching: Gauss–Newton on the smoothly interpolated map, coarse to fine (Kohlbrecher et al., "A flexible and
// scalable SLAM system with full 3D motion estimation", SSRR 2011), held together by the odometry's prior.
import { normalizeAngle } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { OccupancyGrid } from '../../../shared/mapping/occupancy-grid.ts';

/** Standard deviations of the pose that odometry predicts. */
export interface PosePrior {
  readonly sigmaXyM: number;
  readonly sigmaThetaRad: number;
}

export interface Match {
  readonly pose: Pose2;
  /** Mean agreement of the endpoints with the map at the result, 0 … 1. */
  readonly score: number;
  /** Information matrix of the match (prior included): xx, xy, xt, yy, yt, tt. */
  readonly information: readonly [number, number, number, number, number, number];
}

/** Standard deviation of one endpoint's residual, in units of map agreement: how far a single ray is trusted. */
const SIGMA_RESIDUAL = 3;
const ITERATIONS = 8;

/** Finds the pose near `start` at which the scan's endpoints (sensor at the base, base frame [m]) lie on occupied cells. */
export function matchScan(grid: OccupancyGrid, xs: Float64Array, ys: Float64Array, count: number, start: Pose2, prior: PosePrior): Match {
  let pose = start;
  let information: Match['information'] = [1, 0, 0, 1, 0, 1];
  let score = 0;
  const wXy = 1 / prior.sigmaXyM ** 2;
  const wTheta = 1 / prior.sigmaThetaRad ** 2;
  const wRay = 1 / SIGMA_RESIDUAL ** 2;
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const c = Math.cos(pose.theta);
    const s = Math.sin(pose.theta);
    let h00 = wXy;
    let h11 = wXy;
    let h22 = wTheta;
    let [h01, h02, h12] = [0, 0, 0];
    let g0 = wXy * (start.x - pose.x);
    let g1 = wXy * (start.y - pose.y);
    let g2 = wTheta * normalizeAngle(start.theta - pose.theta);
    let sum = 0;
    for (let i = 0; i < count; i += 1) {
      const rx = c * (xs[i] as number) - s * (ys[i] as number);
      const ry = s * (xs[i] as number) + c * (ys[i] as number);
      sample(grid, pose.x + rx, pose.y + ry);
      sum += sampled.value;
      const residual = 1 - sampled.value;
      const j2 = -sampled.dx * ry + sampled.dy * rx;
      h00 += wRay * sampled.dx * sampled.dx;
      h01 += wRay * sampled.dx * sampled.dy;
      h02 += wRay * sampled.dx * j2;
      h11 += wRay * sampled.dy * sampled.dy;
      h12 += wRay * sampled.dy * j2;
      h22 += wRay * j2 * j2;
      g0 += wRay * sampled.dx * residual;
      g1 += wRay * sampled.dy * residual;
      g2 += wRay * j2 * residual;
    }
    score = count === 0 ? 0 : sum / count;
    information = [h00, h01, h02, h11, h12, h22];
    const step = solve(h00, h01, h02, h11, h12, h22, g0, g1, g2);
    if (step === null) break;
    pose = { x: pose.x + step.x, y: pose.y + step.y, theta: normalizeAngle(pose.theta + step.theta) };
    if (Math.abs(step.x) + Math.abs(step.y) < 1e-4 && Math.abs(step.theta) < 1e-5) break;
  }
  return { pose, score, information };
}

/** Result of {@link sample}; one object, since it is asked for thousands of times a scan. */
const sampled = { value: 0, dx: 0, dy: 0 };

/** Evidence at which a cell counts as fully occupied. */
const SURE = 40;

/** Bilinear agreement 0…1 and its gradient [1/m] at a position [m]; smoothed over 2 × 2 cells so that it slopes to the wall from both sides. */
function sample(grid: OccupancyGrid, xM: number, yM: number): void {
  const r = grid.resolutionM;
  const gx = xM / r - grid.minX - 0.5;
  const gy = yM / r - grid.minY - 0.5;
  const ix = Math.floor(gx);
  const iy = Math.floor(gy);
  if (ix < 1 || iy < 1 || ix >= grid.width - 2 || iy >= grid.height - 2) {
    sampled.value = 0;
    sampled.dx = 0;
    sampled.dy = 0;
    return;
  }
  const v00 = smooth(grid, ix, iy);
  const v10 = smooth(grid, ix + 1, iy);
  const v01 = smooth(grid, ix, iy + 1);
  const v11 = smooth(grid, ix + 1, iy + 1);
  const fx = gx - ix;
  const fy = gy - iy;
  sampled.value = (1 - fy) * ((1 - fx) * v00 + fx * v10) + fy * ((1 - fx) * v01 + fx * v11);
  sampled.dx = ((1 - fy) * (v10 - v00) + fy * (v11 - v01)) / r;
  sampled.dy = ((1 - fx) * (v01 - v00) + fx * (v11 - v10)) / r;
}

/** A cell's agreement, smoothed with its four neighbours. */
function smooth(grid: OccupancyGrid, x: number, y: number): number {
  const cells = grid.evidence;
  const index = y * grid.width + x;
  const here = agreement(cells[index] as number);
  const around =
    agreement(cells[index - 1] as number) +
    agreement(cells[index + 1] as number) +
    agreement(cells[index - grid.width] as number) +
    agreement(cells[index + grid.width] as number);
  return Math.min(1, 0.6 * here + 0.25 * around);
}

function agreement(evidence: number): number {
  return evidence <= 0 ? 0 : evidence >= SURE ? 1 : evidence / SURE;
}

function solve(a: number, b: number, c: number, d: number, e: number, f: number, x: number, y: number, z: number): Pose2 | null {
  const m0 = d * f - e * e;
  const m1 = c * e - b * f;
  const m2 = b * e - c * d;
  const det = a * m0 + b * m1 + c * m2;
  if (Math.abs(det) < 1e-12) return null;
  return {
    x: (m0 * x + m1 * y + m2 * z) / det,
    y: (m1 * x + (a * f - c * c) * y + (b * c - a * e) * z) / det,
    theta: (m2 * x + (b * c - a * e) * y + (a * d - b * b) * z) / det,
  };
}
