// A scan as points around the rover now: base frame, moved by what the rover has driven since the scan was taken.
import { compose, inverse, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { integrate, type Twist2 } from '../../../shared/geometry/twist2.ts';
import { IDENTITY } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';

export interface ScanPoints {
  /** x, y pairs, base frame [m]; only the first `count` points count. */
  readonly xy: Float64Array;
  readonly count: number;
}

/** Reusable buffers; the answer is valid until the next call. */
export class ScanProjector {
  #xy = new Float64Array(0);
  #directions = new Float64Array(0);
  #angleMin = Number.NaN;
  #increment = Number.NaN;

  /**
   * @param mount pose of the sensor in the base frame
   * @param twist the velocity since the scan, `ageSec` ago
   * Rays without a return or without a valid measurement give no point; −Infinity (too near, REP-117) counts as `rangeMinM`.
   */
  project(scan: LidarScan, mount: Pose2, twist: Twist2, ageSec: number): ScanPoints {
    this.#fit(scan);
    const toNow = compose(inverse(integrate(IDENTITY, twist, Math.max(0, ageSec))), mount);
    const c = Math.cos(toNow.theta);
    const s = Math.sin(toNow.theta);
    let count = 0;
    for (let i = 0; i < scan.rangesM.length; i += 1) {
      let range = scan.rangesM[i] as number;
      if (range === -Infinity) range = scan.rangeMinM;
      if (!(range >= 0 && range < scan.rangeMaxM)) continue;
      const x = range * (this.#directions[2 * i] as number);
      const y = range * (this.#directions[2 * i + 1] as number);
      this.#xy[2 * count] = toNow.x + c * x - s * y;
      this.#xy[2 * count + 1] = toNow.y + s * x + c * y;
      count += 1;
    }
    return { xy: this.#xy, count };
  }

  #fit(scan: LidarScan): void {
    const size = 2 * scan.rangesM.length;
    if (this.#xy.length === size && this.#angleMin === scan.angleMinRad && this.#increment === scan.angleIncrementRad) return;
    this.#xy = new Float64Array(size);
    this.#directions = new Float64Array(size);
    for (let i = 0; i < scan.rangesM.length; i += 1) {
      const angle = scan.angleMinRad + i * scan.angleIncrementRad;
      this.#directions[2 * i] = Math.cos(angle);
      this.#directions[2 * i + 1] = Math.sin(angle);
    }
    this.#angleMin = scan.angleMinRad;
    this.#increment = scan.angleIncrementRad;
  }
}
