// Remembers where the true lidar rays of all rovers met surfaces: what a perfect map could know.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { ScanObserver } from '../sensors/lidar.ts';
import type { World } from '../world/world.ts';

const CELL_M = 0.05;
/** A surface counts as in view once this many rays have met it within a cell: one grazing ray shows nothing. */
const MIN_RAYS = 3;

export class ViewedSurfaces {
  readonly #columns: number;
  readonly #rows: number;
  readonly #rays: Uint32Array;
  readonly #sumX: Float64Array;
  readonly #sumY: Float64Array;

  constructor(world: World) {
    this.#columns = Math.ceil(world.site.widthM / CELL_M);
    this.#rows = Math.ceil(world.site.depthM / CELL_M);
    const cells = this.#columns * this.#rows;
    this.#rays = new Uint32Array(cells);
    this.#sumX = new Float64Array(cells);
    this.#sumY = new Float64Array(cells);
  }

  /** To be given to `SimulatedSite.observeScans`. */
  readonly observe: ScanObserver = (pose: Pose2, angleMinRad, angleIncrementRad, ranges, moving) => {
    for (let ray = 0; ray < ranges.length; ray += 1) {
      const range = ranges[ray] as number;
      if (range === Number.POSITIVE_INFINITY || moving[ray] === 1) continue;
      const angle = pose.theta + angleMinRad + ray * angleIncrementRad;
      const x = pose.x + range * Math.cos(angle);
      const y = pose.y + range * Math.sin(angle);
      const column = Math.floor(x / CELL_M);
      const row = Math.floor(y / CELL_M);
      if (column < 0 || row < 0 || column >= this.#columns || row >= this.#rows) continue;
      const cell = row * this.#columns + column;
      this.#rays[cell] = (this.#rays[cell] as number) + 1;
      this.#sumX[cell] = (this.#sumX[cell] as number) + x;
      this.#sumY[cell] = (this.#sumY[cell] as number) + y;
    }
  };

  /** Surface points that were in view: the mean of the rays' ends per cell; interleaved x, y [m]. */
  points(): Float64Array {
    const points: number[] = [];
    for (const [cell, rays] of this.#rays.entries()) {
      if (rays >= MIN_RAYS) points.push((this.#sumX[cell] as number) / rays, (this.#sumY[cell] as number) / rays);
    }
    return Float64Array.from(points);
  }
}
