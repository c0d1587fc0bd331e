// Fine alignment of a hypothesis: points of one map onto the walls of the other, robust Gauss–Newton with annealed reach.
import { normalizeAngle } from '../../geometry/angle.ts';
import type { Pose2 } from '../../geometry/pose2.ts';
import type { Surface } from './surface.ts';

export interface RefineOptions {
  /** Reach of the robust kernel [m], from coarse to fine. */
  readonly reachesM: readonly number[];
  readonly iterationsPerReach: number;
  /** At most so many points of B are used. */
  readonly maxPoints: number;
}

/** Moves `start` (B's frame → A's frame) to the nearest local optimum of wall agreement. */
export function refineTransform(a: Surface, b: Surface, start: Pose2, options: RefineOptions): Pose2 {
  const stride = Math.max(1, Math.ceil(b.xs.length / options.maxPoints));
  let pose = start;
  for (const reachM of options.reachesM) {
    for (let iteration = 0; iteration < options.iterationsPerReach; iteration += 1) {
      const step = gaussNewtonStep(a, b, pose, reachM, stride);
      if (step === null) break;
      pose = { x: pose.x + step.x, y: pose.y + step.y, theta: normalizeAngle(pose.theta + step.theta) };
      if (Math.hypot(step.x, step.y) < 0.05 * a.resolutionM && Math.abs(step.theta) < 1e-4) break;
    }
  }
  return pose;
}

/** One step on Σ ρ(d(T·p)), d the distance field of A, ρ Geman–McClure with the given reach; rotation about the points' centroid. */
function gaussNewtonStep(a: Surface, b: Surface, pose: Pose2, reachM: number, stride: number): Pose2 | null {
  const c = Math.cos(pose.theta);
  const s = Math.sin(pose.theta);
  let [h00, h01, h02, h11, h12, h22, g0, g1, g2, used] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const limitM = 3 * reachM;
  for (let i = 0; i < b.xs.length; i += stride) {
    const bx = b.xs[i] as number;
    const by = b.ys[i] as number;
    const rx = c * bx - s * by;
    const ry = s * bx + c * by;
    const gx = (rx + pose.x - a.originX) / a.resolutionM - 0.5;
    const gy = (ry + pose.y - a.originY) / a.resolutionM - 0.5;
    const ix = Math.floor(gx);
    const iy = Math.floor(gy);
    if (ix < 0 || iy < 0 || ix >= a.width - 1 || iy >= a.height - 1) continue;
    const index = iy * a.width + ix;
    const d00 = a.distanceM[index] as number;
    if (d00 > limitM) continue;
    const d10 = a.distanceM[index + 1] as number;
    const d01 = a.distanceM[index + a.width] as number;
    const d11 = a.distanceM[index + a.width + 1] as number;
    const fx = gx - ix;
    const fy = gy - iy;
    const d = (1 - fy) * ((1 - fx) * d00 + fx * d10) + fy * ((1 - fx) * d01 + fx * d11);
    const dx = ((1 - fy) * (d10 - d00) + fy * (d11 - d01)) / a.resolutionM;
    const dy = ((1 - fx) * (d01 - d00) + fx * (d11 - d10)) / a.resolutionM;
    const ratio = 1 + (d / reachM) ** 2;
    const weight = 1 / (ratio * ratio);
    const j2 = -dx * ry + dy * rx;
    h00 += weight * dx * dx;
    h01 += weight * dx * dy;
    h02 += weight * dx * j2;
    h11 += weight * dy * dy;
    h12 += weight * dy * j2;
    h22 += weight * j2 * j2;
    g0 += weight * dx * d;
    g1 += weight * dy * d;
    g2 += weight * j2 * d;
    used += 1;
  }
  if (used < 10) return null;
  return solve3(h00 + 1e-6, h01, h02, h11 + 1e-6, h12, h22 + 1e-6, -g0, -g1, -g2);
}

/** Solves a symmetric positive definite 3×3 system by Cramer's rule; null when it is singular. */
function solve3(a: number, b: number, c: number, d: number, e: number, f: number, x: number, y: number, z: number): Pose2 | null {
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
