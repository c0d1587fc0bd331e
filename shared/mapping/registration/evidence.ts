// How well a hypothesis explains both maps: walls that meet walls, walls that stand in the other's free space, floor that both know.
import type { Pose2 } from '../../geometry/pose2.ts';
import { inverse } from '../../geometry/pose2.ts';
import type { Surface } from './surface.ts';

export interface Evidence {
  /** Surface points of either map that meet a wall of the other with the same direction. */
  readonly agreeing: number;
  /** Surface points of either map well inside the other's free space. */
  readonly conflicting: number;
  /** Length of agreeing wall that the overlap holds, both maps averaged [m]. */
  readonly agreeingM: number;
  /** Share of agreeing among all points that fall where the other map knows something. */
  readonly agreement: number;
  /** How evenly the agreeing walls constrain translation: 0 (one direction only, a corridor) … 1. */
  readonly constraint: number;
  /** Floor that both maps know free [m²]. */
  readonly sharedFloorM2: number;
}

/**
 * Weighs the transform that maps B's frame into A's. `toleranceM`: how far a wall may be off and still be the same.
 * Every `stride`-th surface point is asked; counts are of those points.
 */
export function weigh(a: Surface, b: Surface, transform: Pose2, toleranceM: number, stride = 1): Evidence {
  const forward = weighOneWay(a, b, transform, toleranceM, stride);
  const backward = weighOneWay(b, a, inverse(transform), toleranceM, stride);
  const agreeing = forward.agreeing + backward.agreeing;
  const judged = agreeing + forward.conflicting + backward.conflicting + forward.stray + backward.stray;
  const xx = forward.xx + backward.xx;
  const yy = forward.yy + backward.yy;
  const xy = forward.xy + backward.xy;
  const spread = Math.hypot(xx - yy, 2 * xy);
  const trace = xx + yy;
  return {
    agreeing,
    conflicting: forward.conflicting + backward.conflicting,
    agreeingM: (stride * (forward.agreeing * b.resolutionM + backward.agreeing * a.resolutionM)) / 2,
    agreement: judged === 0 ? 0 : agreeing / judged,
    constraint: trace === 0 ? 0 : (trace - spread) / trace,
    sharedFloorM2: sharedFloor(a, b, transform),
  };
}

interface OneWay {
  readonly agreeing: number;
  readonly conflicting: number;
  /** Neither: beside a wall of another direction, or a little off. */
  readonly stray: number;
  /** Second moments of the agreeing walls' axes. */
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/** cos of twice 25°: directions within 25° count as the same. */
const SAME_DIRECTION = Math.cos((2 * 25 * Math.PI) / 180);

function weighOneWay(a: Surface, b: Surface, transform: Pose2, toleranceM: number, stride: number): OneWay {
  const c = Math.cos(transform.theta);
  const s = Math.sin(transform.theta);
  const c2 = Math.cos(2 * transform.theta);
  const s2 = Math.sin(2 * transform.theta);
  let [agreeing, conflicting, stray, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  const axes = axisRaster(a);
  for (let i = 0; i < b.xs.length; i += stride) {
    const bx = b.xs[i] as number;
    const by = b.ys[i] as number;
    const x = Math.floor((c * bx - s * by + transform.x - a.originX) / a.resolutionM);
    const y = Math.floor((s * bx + c * by + transform.y - a.originY) / a.resolutionM);
    if (x < 0 || y < 0 || x >= a.width || y >= a.height) continue;
    const index = y * a.width + x;
    const distance = a.distanceM[index] as number;
    if (distance <= toleranceM) {
      const ac = (b.axisCos[i] as number) * c2 - (b.axisSin[i] as number) * s2;
      const as = (b.axisCos[i] as number) * s2 + (b.axisSin[i] as number) * c2;
      const strength = Math.hypot(ac, as);
      const other = nearestAxis(axes, a, x, y, Math.ceil(toleranceM / a.resolutionM));
      const dot = other === null || strength < 0.5 ? 1 : (ac * other.cos + as * other.sin) / strength;
      if (dot >= SAME_DIRECTION && !isBackToBack(a, b, other?.point ?? null, i, c, s)) {
        agreeing += 1;
        if (strength >= 0.5) {
          xx += (1 + ac / strength) / 2;
          yy += (1 - ac / strength) / 2;
          xy += as / strength / 2;
        }
      } else stray += 1;
    } else if (a.known[index] === 1 && distance > 2 * toleranceM) conflicting += 1;
    else if (a.known[index] !== 0) stray += 1;
  }
  return { agreeing, conflicting, stray, xx, yy, xy };
}

/** Index of the surface point in each cell, or −1; kept beside the surface, since each is weighed many times. */
const rasters = new WeakMap<Surface, Int32Array>();

function axisRaster(surface: Surface): Int32Array {
  let raster = rasters.get(surface);
  if (raster === undefined) {
    raster = new Int32Array(surface.width * surface.height).fill(-1);
    for (let i = 0; i < surface.xs.length; i += 1) {
      const x = Math.floor(((surface.xs[i] as number) - surface.originX) / surface.resolutionM);
      const y = Math.floor(((surface.ys[i] as number) - surface.originY) / surface.resolutionM);
      raster[y * surface.width + x] = i;
    }
    rasters.set(surface, raster);
  }
  return raster;
}

/** Whether two walls were seen from opposite sides: they may touch, but they are not the same surface. */
function isBackToBack(a: Surface, b: Surface, pointOfA: number | null, pointOfB: number, c: number, s: number): boolean {
  if (pointOfA === null) return false;
  const fx = b.faceX[pointOfB] as number;
  const fy = b.faceY[pointOfB] as number;
  return (c * fx - s * fy) * (a.faceX[pointOfA] as number) + (s * fx + c * fy) * (a.faceY[pointOfA] as number) < -0.3;
}

/** Unit axis of the nearest straight surface point within `reach` cells, or null where there is none. */
function nearestAxis(
  raster: Int32Array,
  surface: Surface,
  x: number,
  y: number,
  reach: number,
): { point: number; cos: number; sin: number } | null {
  let best = -1;
  let bestSquared = Number.POSITIVE_INFINITY;
  for (let dy = -reach; dy <= reach; dy += 1) {
    const row = y + dy;
    if (row < 0 || row >= surface.height) continue;
    for (let dx = -reach; dx <= reach; dx += 1) {
      const column = x + dx;
      const squared = dx * dx + dy * dy;
      if (column < 0 || column >= surface.width || squared >= bestSquared) continue;
      const point = raster[row * surface.width + column] as number;
      if (point < 0 || Math.hypot(surface.axisCos[point] as number, surface.axisSin[point] as number) < 0.5) continue;
      best = point;
      bestSquared = squared;
    }
  }
  if (best < 0) return null;
  const strength = Math.hypot(surface.axisCos[best] as number, surface.axisSin[best] as number);
  return { point: best, cos: (surface.axisCos[best] as number) / strength, sin: (surface.axisSin[best] as number) / strength };
}

/** Free floor that both know [m²], sampled on every third cell. */
function sharedFloor(a: Surface, b: Surface, transform: Pose2): number {
  const c = Math.cos(transform.theta);
  const s = Math.sin(transform.theta);
  const stride = 3;
  let shared = 0;
  for (let row = 1; row < b.height; row += stride) {
    for (let column = 1; column < b.width; column += stride) {
      if (b.known[row * b.width + column] !== 1) continue;
      const bx = b.originX + (column + 0.5) * b.resolutionM;
      const by = b.originY + (row + 0.5) * b.resolutionM;
      const x = Math.floor((c * bx - s * by + transform.x - a.originX) / a.resolutionM);
      const y = Math.floor((s * bx + c * by + transform.y - a.originY) / a.resolutionM);
      if (x >= 0 && y >= 0 && x < a.width && y < a.height && a.known[y * a.width + x] === 1) shared += 1;
    }
  }
  return shared * (stride * b.resolutionM) ** 2;
}
