// Fine scan matching: Gauss–Newton on point-to-line distances with a robust weight and the predicted pose as prior
// (Censi, PL-ICP, ICRA 2008; Chen & Medioni 1991; the prior makes it an iterated Kalman update).
import { normalizeAngle } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { SurfacePoints } from './surface-points.ts';
import type { SurfelMap } from './surfel-map.ts';
import { add3, inverse3, type Matrix3, scale3, solve3, ZERO3 } from './symmetric3.ts';

export interface AlignOptions {
  /** Standard deviation of a point's distance to its surface [m]: sensor noise and rough surfaces together. */
  readonly deviationM: number;
  /** Share of the points that count as independent; neighbouring beams err alike. */
  readonly independence: number;
  /** Distance at which a point counts a quarter [m]. */
  readonly robustM: number;
  /** Cells (10 cm) around a point in which its surface is looked for in the first rounds. */
  readonly rings: number;
}

export interface Alignment {
  readonly pose: Pose2;
  /** Of `pose`, map frame; contains the prior. */
  readonly covariance: Matrix3;
  /** What the scan alone says (its share of the information, about the base's position, map frame). */
  readonly information: Matrix3;
  /** Points with a line that lie on a surface, and their share of all points with a line. */
  readonly inliers: number;
  readonly inlierRatio: number;
  /** Root mean square distance of the inliers to their surfaces [m]. */
  readonly residualM: number;
}

export interface Prior {
  readonly pose: Pose2;
  /** Information (inverse covariance) of the prediction, map frame. */
  readonly information: Matrix3;
}

const MAX_ROUNDS = 16;
/** A point within this of its surface's line is explained by it [m]. */
const INLIER_M = 0.08;

/** Moves `points` from `start` onto `map`. */
export function alignScan(map: SurfelMap, points: SurfacePoints, start: Pose2, prior: Prior | null, options: AlignOptions): Alignment {
  const gain = options.independence / (options.deviationM * options.deviationM);
  const priorInformation = prior?.information ?? ZERO3;
  let pose = start;
  let rings = options.rings;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const robust = round < 2 ? 2 * options.robustM : options.robustM;
    const system = linearize(map, points, pose, rings, robust);
    if (system.inliers < 3) break;
    let [g0, g1, g2] = [gain * system.g0, gain * system.g1, gain * system.g2];
    if (prior !== null) {
      const dx = prior.pose.x - pose.x;
      const dy = prior.pose.y - pose.y;
      const dt = normalizeAngle(prior.pose.theta - pose.theta);
      const p = prior.information;
      g0 += p[0] * dx + p[1] * dy + p[2] * dt;
      g1 += p[3] * dx + p[4] * dy + p[5] * dt;
      g2 += p[6] * dx + p[7] * dy + p[8] * dt;
    }
    const step = solve3(add3(add3(scale3(system.information, gain), priorInformation), DAMPING), g0, g1, g2);
    if (step === null) break;
    const [x, y, theta] = step;
    pose = { x: pose.x + x, y: pose.y + y, theta: normalizeAngle(pose.theta + theta) };
    const moved = Math.hypot(x, y) + 3 * Math.abs(theta);
    if (moved < 0.05 && round >= 1) rings = 1;
    if (moved < 4e-5 && round >= 2) break;
  }
  const last = linearize(map, points, pose, 1, options.robustM);
  const information = scale3(last.information, gain);
  return {
    pose,
    information,
    covariance: inverse3(add3(information, priorInformation)) ?? HUGE,
    inliers: last.inliers,
    inlierRatio: last.usable === 0 ? 0 : last.inliers / last.usable,
    residualM: last.inliers === 0 ? 0 : Math.sqrt(last.squared / last.inliers),
  };
}

/** Keeps directions that no point and no prior holds where they are. */
const DAMPING: Matrix3 = [1e-3, 0, 0, 0, 1e-3, 0, 0, 0, 1e-3];
const HUGE: Matrix3 = [1e6, 0, 0, 0, 1e6, 0, 0, 0, 1e3];

interface System {
  information: Matrix3;
  g0: number;
  g1: number;
  g2: number;
  inliers: number;
  usable: number;
  squared: number;
}

/** Normal equations of the point-to-line distances at `pose`, about the base's position. */
function linearize(map: SurfelMap, points: SurfacePoints, pose: Pose2, rings: number, robustM: number): System {
  const c = Math.cos(pose.theta);
  const s = Math.sin(pose.theta);
  const sharpness = 1 / (robustM * robustM);
  let [a00, a01, a02, a11, a12, a22] = [0, 0, 0, 0, 0, 0];
  let [g0, g1, g2] = [0, 0, 0];
  let [inliers, usable, squared] = [0, 0, 0];
  for (let i = 0; i < points.count; i += 1) {
    const planarity = points.planarity[i] as number;
    if (planarity < 0.3) continue;
    usable += 1;
    const px = points.x[i] as number;
    const py = points.y[i] as number;
    const rx = c * px - s * py;
    const ry = s * px + c * py;
    const qx = pose.x + rx;
    const qy = pose.y + ry;
    const ux = points.normalX[i] as number;
    const uy = points.normalY[i] as number;
    const surfel = map.nearest(qx, qy, c * ux - s * uy, s * ux + c * uy, rings);
    if (surfel < 0) continue;
    const nx = map.normalX(surfel);
    const ny = map.normalY(surfel);
    const error = nx * (map.x(surfel) - qx) + ny * (map.y(surfel) - qy);
    const shrink = 1 / (1 + error * error * sharpness);
    const weight = planarity * shrink * shrink; // Geman–McClure
    const lever = ny * rx - nx * ry;
    a00 += weight * nx * nx;
    a01 += weight * nx * ny;
    a02 += weight * nx * lever;
    a11 += weight * ny * ny;
    a12 += weight * ny * lever;
    a22 += weight * lever * lever;
    g0 += weight * nx * error;
    g1 += weight * ny * error;
    g2 += weight * lever * error;
    if (error < INLIER_M && error > -INLIER_M) {
      inliers += 1;
      squared += error * error;
    }
  }
  return { information: [a00, a01, a02, a01, a11, a12, a02, a12, a22], g0, g1, g2, inliers, usable, squared };
}
