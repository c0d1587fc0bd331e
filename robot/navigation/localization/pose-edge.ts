// Relations between poses with their uncertainty: turned round, and one after the other (compounding: Smith & Cheeseman 1986).
import { compose, inverse } from '../../../shared/geometry/pose2.ts';
import type { PoseEdge } from './pose-graph.ts';
import { add3, congruence3, inverse3, type Matrix3 } from './symmetric3.ts';

/** The same relation from its other end; null when its information is singular. */
export function reversed(edge: PoseEdge): PoseEdge | null {
  const covariance = inverse3(edge.information);
  if (covariance === null) return null;
  const relative = inverse(edge.relative);
  const c = Math.cos(edge.relative.theta);
  const s = Math.sin(edge.relative.theta);
  const j: Matrix3 = [-c, -s, relative.y, s, -c, -relative.x, 0, 0, -1];
  return withCovariance(edge.to, edge.from, relative, congruence3(j, covariance), edge.loop);
}

/** `first`, then `second` from where it ends; null when an information is singular. A chain with a closure in it is a closure. */
export function chained(first: PoseEdge, second: PoseEdge): PoseEdge | null {
  const a = inverse3(first.information);
  const b = inverse3(second.information);
  if (a === null || b === null) return null;
  const c = Math.cos(first.relative.theta);
  const s = Math.sin(first.relative.theta);
  const { x, y } = second.relative;
  const byFirst: Matrix3 = [1, 0, -s * x - c * y, 0, 1, c * x - s * y, 0, 0, 1];
  const bySecond: Matrix3 = [c, -s, 0, s, c, 0, 0, 0, 1];
  const covariance = add3(congruence3(byFirst, a), congruence3(bySecond, b));
  return withCovariance(first.from, second.to, compose(first.relative, second.relative), covariance, first.loop || second.loop);
}

function withCovariance(from: number, to: number, relative: PoseEdge['relative'], covariance: Matrix3, loop: boolean): PoseEdge | null {
  const information = inverse3(covariance);
  return information === null ? null : { from, to, relative, information, loop };
}
