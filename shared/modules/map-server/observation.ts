// One searched frame in the common frame, and geometry of sightings: rotation of covariances, Mahalanobis distance.
import type { f64 } from '../portable.ts';
import type { RoverMap } from './evidence.ts';
import type { ObservedFrame, Sighting } from './records.ts';

/** A searched frame: camera pose in the common frame. */
export interface Look {
  readonly rover: string;
  readonly stampSec: f64;
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  readonly halfFovRad: f64;
  readonly maxRangeM: f64;
  readonly sightings: Sighting[];
}

/** A position with its covariance [m], [m²]. */
export interface Estimate {
  x: f64;
  y: f64;
  xx: f64;
  xy: f64;
  yy: f64;
}

/** Least and largest standard deviation of a sighting that is believed [m]. */
const MIN_SIGMA_M: f64 = 0.03;
const MAX_SIGMA_M: f64 = 5;
/** Errors that all sightings of one rover share for a while (its pose): they do not average out, so each sighting carries them [m²]. */
const SHARED_VARIANCE: f64 = 0.0064;

/** Moves a frame from its rover's frame into the common one; sightings with impossible numbers are left out. */
export function lookFrom(map: RoverMap, frame: ObservedFrame): Look {
  const sightings: Sighting[] = [];
  for (const seen of frame.sightings) {
    if (!isSound(seen)) continue;
    const c = map.cosTheta;
    const s = map.sinTheta;
    sightings.push({
      className: seen.className,
      score: Math.min(0.99, Math.max(0.01, seen.score)),
      x: map.x + c * seen.x - s * seen.y,
      y: map.y + s * seen.x + c * seen.y,
      covXX: c * c * seen.covXX - 2 * c * s * seen.covXY + s * s * seen.covYY,
      covXY: c * s * (seen.covXX - seen.covYY) + (c * c - s * s) * seen.covXY,
      covYY: s * s * seen.covXX + 2 * c * s * seen.covXY + c * c * seen.covYY,
      stampSec: seen.stampSec,
      rangeM: seen.rangeM,
    });
  }
  return {
    rover: map.rover,
    stampSec: frame.stampSec,
    x: map.x + map.cosTheta * frame.x - map.sinTheta * frame.y,
    y: map.y + map.sinTheta * frame.x + map.cosTheta * frame.y,
    theta: frame.theta + map.theta,
    halfFovRad: frame.halfFovRad,
    maxRangeM: frame.maxRangeM,
    sightings,
  };
}

function isSound(seen: Sighting): boolean {
  const finite = Number.isFinite(seen.x + seen.y + seen.covXX + seen.covXY + seen.covYY + seen.score + seen.stampSec + seen.rangeM);
  const bounded = seen.covXX <= MAX_SIGMA_M * MAX_SIGMA_M && seen.covYY <= MAX_SIGMA_M * MAX_SIGMA_M;
  const definite = seen.covXX >= 0 && seen.covYY >= 0 && seen.covXX * seen.covYY >= seen.covXY * seen.covXY;
  return finite && bounded && definite && seen.className.length > 0 && seen.className.length <= 64;
}

/** The sighting as an estimate whose covariance is believable: not below the sensor's, and with the pose error in it. */
export function estimateOf(seen: Sighting): Estimate {
  const floor = MIN_SIGMA_M * MIN_SIGMA_M + SHARED_VARIANCE;
  return { x: seen.x, y: seen.y, xx: seen.covXX + floor, xy: seen.covXY, yy: seen.covYY + floor };
}

/** Squared Mahalanobis distance of two independent estimates, with `slack` [m²] added to each axis. */
export function mahalanobis2(a: Estimate, b: Estimate, slack: f64): f64 {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  const xx = a.xx + b.xx + slack;
  const yy = a.yy + b.yy + slack;
  const xy = a.xy + b.xy;
  return (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
}

/** Fuses `b` into `a` by adding information; `weight` 0…1 scales what `b` is worth. */
export function fuseEstimate(a: Estimate, b: Estimate, weight: f64): void {
  const detA = a.xx * a.yy - a.xy * a.xy;
  const detB = (b.xx * b.yy - b.xy * b.xy) / weight;
  const xx = a.yy / detA + b.yy / detB;
  const yy = a.xx / detA + b.xx / detB;
  const xy = -a.xy / detA - b.xy / detB;
  const ix = (a.yy * a.x - a.xy * a.y) / detA + (b.yy * b.x - b.xy * b.y) / detB;
  const iy = (a.xx * a.y - a.xy * a.x) / detA + (b.xx * b.y - b.xy * b.x) / detB;
  const det = xx * yy - xy * xy;
  a.xx = yy / det;
  a.yy = xx / det;
  a.xy = -xy / det;
  a.x = a.xx * ix + a.xy * iy;
  a.y = a.xy * ix + a.yy * iy;
}
