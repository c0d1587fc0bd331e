// Nonlinear least squares over key frame poses and the relations measured between them (Grisetti et al., A tutorial on graph-based SLAM,
// 2010), with a robust weight on loop closures (dynamic covariance scaling: Agarwal et al., ICRA 2013).
import { normalizeAngle } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { BlockSystem } from './block-elimination.ts';
import { type Matrix3, multiply3, quadratic3, scale3, transpose3 } from './symmetric3.ts';

/** A measured relation between two key frames. */
export interface PoseEdge {
  readonly from: number;
  readonly to: number;
  /** Pose of `to` in the frame of `from`. */
  readonly relative: Pose2;
  /** Inverse covariance of `relative`, in the axes of the `from` frame. */
  readonly information: Matrix3;
  /** Loop closures may be wrong: they lose weight where they contradict everything else. */
  readonly loop: boolean;
}

export interface GraphSolution {
  readonly poses: readonly Pose2[];
  /** Squared Mahalanobis error of each edge at the solution, without robust weight. */
  readonly errors: Float64Array;
}

const MAX_ROUNDS = 20;
/** Squared error (3 degrees of freedom) from which a loop closure loses weight. */
const LOOP_SCALE = 12;
/** Holds the first pose where it is. */
const ANCHOR = Float64Array.of(1e12, 0, 0, 0, 1e12, 0, 0, 0, 1e12);

/** Gauss–Newton from `initial`; null when the system cannot be solved. The first pose stays fixed. */
export function optimizePoseGraph(initial: readonly Pose2[], edges: readonly PoseEdge[]): GraphSolution | null {
  let poses = [...initial];
  // Drift makes true closures look wrong at first: all have full weight then, and the doubt grows as the graph comes together
  // (graduated non-convexity: Yang et al., RA-L 2020).
  const worst = edges.reduce((most, edge) => (edge.loop ? Math.max(most, edgeError(edge, poses).squared) : most), 0);
  let doubtFrom = Math.max(LOOP_SCALE, worst);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const system = new BlockSystem(poses.length);
    system.addDiagonal(0, ANCHOR);
    for (const edge of edges) addEdge(system, edge, poses, doubtFrom);
    const step = system.solve();
    if (step === null) return null;
    let largest = 0;
    poses = poses.map((pose, i) => {
      if (i === 0) return pose; // held, and not moved by rounding either
      const { x, y, theta } = pose;
      const dx = step[3 * i] as number;
      const dy = step[3 * i + 1] as number;
      const dt = step[3 * i + 2] as number;
      largest = Math.max(largest, Math.abs(dx), Math.abs(dy), Math.abs(dt));
      return { x: x + dx, y: y + dy, theta: normalizeAngle(theta + dt) };
    });
    if (largest < 5e-4 && doubtFrom === LOOP_SCALE) break;
    doubtFrom = Math.max(LOOP_SCALE, doubtFrom / 5);
  }
  return { poses, errors: Float64Array.from(edges, (edge) => edgeError(edge, poses).squared) };
}

interface EdgeError {
  /** Predicted minus measured, in the axes of the `from` frame. */
  readonly x: number;
  readonly y: number;
  readonly theta: number;
  readonly squared: number;
}

/** How far an edge is from being fulfilled. */
function edgeError({ from, to, relative, information }: PoseEdge, poses: readonly Pose2[]): EdgeError {
  const a = poses[from] as Pose2;
  const b = poses[to] as Pose2;
  const c = Math.cos(a.theta);
  const s = Math.sin(a.theta);
  const x = c * (b.x - a.x) + s * (b.y - a.y) - relative.x;
  const y = -s * (b.x - a.x) + c * (b.y - a.y) - relative.y;
  const theta = normalizeAngle(b.theta - a.theta - relative.theta);
  return { x, y, theta, squared: quadratic3(information, x, y, theta) };
}

function addEdge(system: BlockSystem, edge: PoseEdge, poses: readonly Pose2[], doubtFrom: number): void {
  const { from, to, information, loop } = edge;
  const a = poses[from] as Pose2;
  const b = poses[to] as Pose2;
  const error = edgeError(edge, poses);
  const scale = loop ? Math.min(1, (2 * doubtFrom) / (doubtFrom + error.squared)) ** 2 : 1;
  const c = Math.cos(a.theta);
  const s = Math.sin(a.theta);
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const byTo: Matrix3 = [c, s, 0, -s, c, 0, 0, 0, 1];
  const byFrom: Matrix3 = [-c, -s, -s * dx + c * dy, s, -c, -c * dx - s * dy, 0, 0, -1];
  const weighted = scale3(information, scale);
  const fromWeighted = multiply3(transpose3(byFrom), weighted);
  const toWeighted = multiply3(transpose3(byTo), weighted);
  system.addDiagonal(from, multiply3(fromWeighted, byFrom));
  system.addDiagonal(to, multiply3(toWeighted, byTo));
  system.addPair(from, to, multiply3(fromWeighted, byTo));
  const gradient = (m: Matrix3, row: number): number =>
    -((m[row] as number) * error.x + (m[row + 1] as number) * error.y + (m[row + 2] as number) * error.theta);
  system.addRight(from, gradient(fromWeighted, 0), gradient(fromWeighted, 3), gradient(fromWeighted, 6));
  system.addRight(to, gradient(toWeighted, 0), gradient(toWeighted, 3), gradient(toWeighted, 6));
}
