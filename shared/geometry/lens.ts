// Lens distortion of the Brown-Conrady model (Brown, "Close-range camera calibration", 1971), in the coordinates that OpenCV gives it.

/** Radial k1, k2, k3 and tangential p1, p2, for normalised picture coordinates x/z and y/z. */
export interface LensDistortion {
  readonly k1: number;
  readonly k2: number;
  readonly p1: number;
  readonly p2: number;
  readonly k3: number;
}

/** A point at depth 1: x to the right, y down; no unit. */
export interface NormalPoint {
  readonly x: number;
  readonly y: number;
}

/** Where the lens puts a point that a pinhole would put at (x, y). */
export function distort({ x, y }: NormalPoint, lens: LensDistortion): NormalPoint {
  const rr = x * x + y * y;
  const radial = 1 + rr * (lens.k1 + rr * (lens.k2 + rr * lens.k3));
  return {
    x: x * radial + 2 * lens.p1 * x * y + lens.p2 * (rr + 2 * x * x),
    y: y * radial + lens.p1 * (rr + 2 * y * y) + 2 * lens.p2 * x * y,
  };
}

const ITERATIONS = 30;
const ENOUGH = 1e-12;

/**
 * The pinhole point that the lens puts at (x, y), by Newton's method. Where the model has no inverse, as beyond the radius to which it was
 * calibrated, what comes out is the nearest that the iteration reached; never NaN for finite input.
 */
export function undistort(seen: NormalPoint, lens: LensDistortion): NormalPoint {
  let { x, y } = seen;
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const at = distort({ x, y }, lens);
    const [ex, ey] = [at.x - seen.x, at.y - seen.y];
    if (ex * ex + ey * ey < ENOUGH * ENOUGH) break;
    const rr = x * x + y * y;
    const radial = 1 + rr * (lens.k1 + rr * (lens.k2 + rr * lens.k3));
    const slope = 2 * (lens.k1 + rr * (2 * lens.k2 + rr * 3 * lens.k3)); // d radial / d rr, doubled: drr/dx = 2x
    const xx = radial + slope * x * x + 2 * lens.p1 * y + 6 * lens.p2 * x;
    const xy = slope * x * y + 2 * lens.p1 * x + 2 * lens.p2 * y;
    const yy = radial + slope * y * y + 6 * lens.p1 * y + 2 * lens.p2 * x;
    const determinant = xx * yy - xy * xy;
    if (!(determinant > 1e-6)) break;
    x -= (yy * ex - xy * ey) / determinant;
    y -= (xx * ey - xy * ex) / determinant;
  }
  return Number.isFinite(x) && Number.isFinite(y) ? { x, y } : seen;
}

/** Whether the radial part rises all the way to a radius (pinhole coordinates): beyond its turning point two rays would share a pixel. */
export function isInvertible({ k1, k2, k3 }: LensDistortion, radius: number): boolean {
  for (let step = 1; step <= 100; step += 1) {
    const rr = ((radius * step) / 100) ** 2;
    if (1 + rr * (3 * k1 + rr * (5 * k2 + rr * 7 * k3)) <= 0) return false;
  }
  return true;
}
