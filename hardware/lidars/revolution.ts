// Points of a turning laser gathered into scans: the sensor turns clockwise, a LidarScan counts counter-clockwise (REP-103, REP-117).
import type { LidarScan } from '../../shared/ports/lidar-io.ts';

export interface RevolutionOptions {
  /** Rays of a scan, evenly over the circle from −π on. */
  readonly rays: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  /** Direction of the sensor's front in the rover's base frame, counter-clockwise [rad]. Default 0. */
  readonly mountYawRad?: number;
  readonly nowSec: () => number;
  readonly onScan: (scan: LidarScan) => void;
}

/** A scan with fewer points than this share of its rays is not worth giving: the motor runs up, or most packets were damaged. */
const LEAST_SHARE = 0.25;

/**
 * A revolution ends when the angle falls by more than half a circle. Of several points within a ray's width the nearest stays; a ray
 * without a point is NaN (these sensors report "nothing there" and "could not measure" alike). The stamp is the middle of the
 * revolution. The part of a revolution after `reset` is dropped.
 */
export class Revolution {
  readonly #options: RevolutionOptions;
  #rangesM: Float32Array;
  #lastRad: number | null = null;
  #points = 0;
  #beganSec: number | null = null;
  #sequence = 0;

  constructor(options: RevolutionOptions) {
    this.#options = options;
    this.#rangesM = new Float32Array(options.rays).fill(Number.NaN);
  }

  readonly add = (clockwiseRad: number, rangeM: number): void => {
    const { rays, rangeMinM, rangeMaxM, mountYawRad = 0 } = this.#options;
    if (this.#lastRad !== null && clockwiseRad < this.#lastRad - Math.PI) this.#finish();
    this.#lastRad = clockwiseRad;
    this.#points += 1;
    if (!(rangeM >= rangeMinM && rangeM <= rangeMaxM)) return; // NaN, too
    const turns = (mountYawRad - clockwiseRad + Math.PI) / (2 * Math.PI);
    const ray = Math.round((turns - Math.floor(turns)) * rays) % rays;
    const before = this.#rangesM[ray] as number;
    if (!(before <= rangeM)) this.#rangesM[ray] = rangeM;
  };

  /** Forgets what is gathered: the stream was interrupted. */
  reset(): void {
    this.#rangesM.fill(Number.NaN);
    this.#lastRad = null;
    this.#beganSec = null;
    this.#points = 0;
  }

  #finish(): void {
    const { rays, rangeMinM, rangeMaxM, nowSec, onScan } = this.#options;
    const endSec = nowSec();
    if (this.#beganSec !== null && this.#points >= LEAST_SHARE * rays) {
      onScan({
        stampSec: (this.#beganSec + endSec) / 2,
        sequence: this.#sequence++,
        angleMinRad: -Math.PI,
        angleIncrementRad: (2 * Math.PI) / rays,
        rangeMinM,
        rangeMaxM,
        rangesM: this.#rangesM,
      });
      this.#rangesM = new Float32Array(rays);
    }
    this.#rangesM.fill(Number.NaN);
    this.#points = 0;
    this.#beganSec = endSec;
  }
}
