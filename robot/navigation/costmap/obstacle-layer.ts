// Live obstacles from the lidar: a scan marks where its rays end and clears what they cross; marks that nobody renews decay.
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import { type GridFrame, cellAt, regrid } from './grid-frame.ts';

export interface ObstacleLayerOptions {
  /** Rays are used up to this distance [m]: what is further away is the map's business. */
  readonly rangeM: number;
  /** A mark that is neither renewed nor cleared lapses after this time [s]. */
  readonly decaySec: number;
}

const NEVER = -1e9;

export class ObstacleLayer {
  readonly #options: ObstacleLayerOptions;
  #frame: GridFrame | null = null;
  #seenSec = new Float32Array(0);
  #lastSequence = -1;

  constructor(options: ObstacleLayerOptions) {
    this.#options = options;
  }

  /** Follows the grid as it grows; marks keep their places. */
  resize(frame: GridFrame): void {
    if (frame === this.#frame) return;
    const empty = new Float32Array(frame.width * frame.height);
    this.#seenSec = this.#frame === null ? empty.fill(NEVER) : regrid(this.#seenSec, this.#frame, frame, empty, NEVER);
    this.#frame = frame;
  }

  /** Takes in a scan once, taken at `sensor` (map frame). Points for which `ignore` holds do not mark. */
  observe(scan: LidarScan, sensor: Pose2, ignore: (x: number, y: number) => boolean): void {
    const frame = this.#frame;
    if (frame === null || scan.sequence === this.#lastSequence) return;
    this.#lastSequence = scan.sequence;
    for (let i = 0; i < scan.rangesM.length; i += 1) this.#clearRay(frame, scan, sensor, i);
    for (let i = 0; i < scan.rangesM.length; i += 1) {
      const range = scan.rangesM[i] as number;
      if (!(range >= scan.rangeMinM && range <= this.#options.rangeM && range < scan.rangeMaxM)) continue;
      const angle = scan.angleMinRad + i * scan.angleIncrementRad;
      const hit = compose(sensor, { x: range * Math.cos(angle), y: range * Math.sin(angle), theta: 0 });
      const cell = cellAt(frame, hit.x, hit.y);
      if (cell >= 0 && !ignore(hit.x, hit.y)) this.#seenSec[cell] = scan.stampSec;
    }
  }

  /** Forgets all marks: the recovery behaviour `clear_costmap`. */
  clear(): void {
    this.#seenSec.fill(NEVER);
  }

  /** Sets `obstacles[i]` where a mark is still valid at `nowSec`. */
  addTo(obstacles: Uint8Array, nowSec: number): void {
    const oldest = nowSec - this.#options.decaySec;
    const seen = this.#seenSec;
    for (let i = 0; i < seen.length; i += 1) if ((seen[i] as number) >= oldest) obstacles[i] = 1;
  }

  #clearRay(frame: GridFrame, scan: LidarScan, sensor: Pose2, index: number): void {
    const measured = scan.rangesM[index] as number;
    if (Number.isNaN(measured)) return;
    const step = frame.resolutionM;
    const length = Math.min(measured - step, this.#options.rangeM);
    const angle = sensor.theta + scan.angleMinRad + index * scan.angleIncrementRad;
    const dx = Math.cos(angle) / step;
    const dy = Math.sin(angle) / step;
    const x0 = (sensor.x - frame.originX) / step;
    const y0 = (sensor.y - frame.originY) / step;
    for (let r = 0; r < length; r += step) {
      const cx = Math.floor(x0 + dx * r);
      const cy = Math.floor(y0 + dy * r);
      if (cx < 0 || cy < 0 || cx >= frame.width || cy >= frame.height) return;
      this.#seenSec[cy * frame.width + cx] = NEVER;
    }
  }
}
