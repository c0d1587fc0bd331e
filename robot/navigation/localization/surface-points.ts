// A scan as points with surface normals: lines are fitted to neighbouring beams over one metric window, whatever the range.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';

/** Points of one scan in the rover's base frame [m]; the normals look towards the sensor. */
export interface SurfacePoints {
  readonly count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly normalX: Float64Array;
  readonly normalY: Float64Array;
  /** 0 (no line there) … 1 (a clean wall). */
  readonly planarity: Float64Array;
  /** Mean of all points: what the scan looks at. */
  readonly centreX: number;
  readonly centreY: number;
}

export interface SurfaceOptions {
  /** Pose of the lidar in the base frame. */
  readonly mount: Pose2;
  /** Returns beyond this are not used [m]. */
  readonly maxRangeM: number;
  /** Points nearer to the last one than this are left out: walls near by do not drown the rest [m]. */
  readonly spacingM: number;
  /** Half length of the fitted line [m]; longer where beams are farther apart. */
  readonly windowM: number;
}

/** A line is fitted to at most this many neighbours on each side. */
const MAX_NEIGHBOURS = 28;

export function surfacePoints(scan: LidarScan, options: SurfaceOptions): SurfacePoints {
  const beams = collectReturns(scan, options);
  const sums = prefixSums(beams);
  const { px, py, range, joined, count } = beams;
  const out = {
    x: new Float64Array(count),
    y: new Float64Array(count),
    normalX: new Float64Array(count),
    normalY: new Float64Array(count),
    planarity: new Float64Array(count),
  };
  const { mount, spacingM } = options;
  const increment = Math.abs(scan.angleIncrementRad);
  let kept = 0;
  let [lastX, lastY] = [Infinity, Infinity];
  let [sumX, sumY] = [0, 0];
  for (let i = 0; i < count; i += 1) {
    const x = px[i] as number;
    const y = py[i] as number;
    if (Math.hypot(x - lastX, y - lastY) < spacingM) continue;
    lastX = x;
    lastY = y;
    const reach = Math.max(options.windowM, 2.2 * (range[i] as number) * increment);
    let low = i;
    let high = i;
    while (low > 0 && i - low < MAX_NEIGHBOURS && joined[low] === 1 && near(px, py, low - 1, x, y, reach)) low -= 1;
    while (high + 1 < count && high - i < MAX_NEIGHBOURS && joined[high + 1] === 1 && near(px, py, high + 1, x, y, reach)) high += 1;
    const line = fitLine(sums, low, high);
    const side = line.normalX * (x - mount.x) + line.normalY * (y - mount.y) > 0 ? -1 : 1;
    out.x[kept] = x;
    out.y[kept] = y;
    out.normalX[kept] = side * line.normalX;
    out.normalY[kept] = side * line.normalY;
    out.planarity[kept] = line.planarity;
    sumX += x;
    sumY += y;
    kept += 1;
  }
  const n = Math.max(1, kept);
  return { count: kept, ...out, centreX: sumX / n, centreY: sumY / n };
}

interface Returns {
  readonly count: number;
  readonly px: Float64Array;
  readonly py: Float64Array;
  readonly range: Float64Array;
  /** 1 where a point continues the surface of the point before it. */
  readonly joined: Uint8Array;
}

function collectReturns(scan: LidarScan, { mount, maxRangeM }: SurfaceOptions): Returns {
  const { rangesM, angleMinRad, angleIncrementRad, rangeMinM } = scan;
  const farthest = Math.min(maxRangeM, scan.rangeMaxM * 0.999);
  const total = rangesM.length;
  const px = new Float64Array(total);
  const py = new Float64Array(total);
  const ranges = new Float64Array(total);
  const joined = new Uint8Array(total);
  let count = 0;
  let lastBeam = -10;
  for (let i = 0; i < total; i += 1) {
    const range = rangesM[i] as number;
    if (!(range >= rangeMinM && range <= farthest)) continue;
    const angle = mount.theta + angleMinRad + i * angleIncrementRad;
    const x = mount.x + range * Math.cos(angle);
    const y = mount.y + range * Math.sin(angle);
    if (count > 0 && i - lastBeam <= 2) {
      const gap = Math.hypot(x - (px[count - 1] as number), y - (py[count - 1] as number));
      if (gap < 0.08 + 4 * range * Math.abs(angleIncrementRad)) joined[count] = 1;
    }
    px[count] = x;
    py[count] = y;
    ranges[count] = range;
    lastBeam = i;
    count += 1;
  }
  return { count, px, py, range: ranges, joined };
}

interface Sums {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
}

/** Sums over all points before each index, so that any run of points is two look-ups. */
function prefixSums({ count, px, py }: Returns): Sums {
  const make = (): Float64Array => new Float64Array(count + 1);
  const sums = { x: make(), y: make(), xx: make(), xy: make(), yy: make() };
  for (let i = 0; i < count; i += 1) {
    const x = px[i] as number;
    const y = py[i] as number;
    sums.x[i + 1] = (sums.x[i] as number) + x;
    sums.y[i + 1] = (sums.y[i] as number) + y;
    sums.xx[i + 1] = (sums.xx[i] as number) + x * x;
    sums.xy[i + 1] = (sums.xy[i] as number) + x * y;
    sums.yy[i + 1] = (sums.yy[i] as number) + y * y;
  }
  return sums;
}

const NO_LINE = { normalX: 0, normalY: 0, planarity: 0 };

/** Total least squares through the points low … high. */
function fitLine(sums: Sums, low: number, high: number): { normalX: number; normalY: number; planarity: number } {
  const n = high - low + 1;
  if (n < 3) return NO_LINE;
  const over = (s: Float64Array): number => (s[high + 1] as number) - (s[low] as number);
  const mx = over(sums.x) / n;
  const my = over(sums.y) / n;
  const xx = over(sums.xx) / n - mx * mx;
  const xy = over(sums.xy) / n - mx * my;
  const yy = over(sums.yy) / n - my * my;
  const middle = (xx + yy) / 2;
  const spread = Math.hypot((xx - yy) / 2, xy);
  const along = middle + spread;
  const across = Math.max(0, middle - spread);
  if (along < 1e-6) return NO_LINE;
  const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
  return { normalX: -Math.sin(angle), normalY: Math.cos(angle), planarity: Math.max(0, 1 - (4 * across) / along) };
}

function near(px: Float64Array, py: Float64Array, i: number, x: number, y: number, reach: number): boolean {
  return Math.hypot((px[i] as number) - x, (py[i] as number) - y) <= reach;
}
