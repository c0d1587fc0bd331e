// Draws scans into the rover's grid, and draws it anew, a little per update, when the trajectory behind it has been corrected.
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { OccupancyGrid, type OccupancyGridOptions } from '../../../shared/mapping/occupancy-grid.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';

/** A scan that is part of the map, tied to a key frame so that it moves with it. */
interface Evidence {
  readonly scan: LidarScan;
  readonly key: number;
  /** Sensor pose in the key frame. */
  readonly offset: Pose2;
}

/** A redraw takes about this many updates, however long the mission. */
const REDRAW_UPDATES = 10;
const MIN_SCANS_PER_UPDATE = 8;

export class MapDrawer {
  readonly grid: OccupancyGrid;
  readonly #options: OccupancyGridOptions;
  #evidence: Evidence[] = [];
  #drawing: { readonly grid: OccupancyGrid; next: number } | null = null;

  constructor(options: OccupancyGridOptions) {
    this.#options = options;
    this.grid = new OccupancyGrid(options);
  }

  get scanCount(): number {
    return this.#evidence.length;
  }

  get redrawing(): boolean {
    return this.#drawing !== null;
  }

  /** Adds a scan taken at `offset` from key frame `key`; `drawAt` is its sensor pose in the map as it is drawn now. */
  add(scan: LidarScan, key: number, offset: Pose2, drawAt: Pose2): void {
    this.#evidence.push({ scan, key, offset });
    this.grid.integrate(scan, drawAt);
  }

  /** Draws a scan that nobody needs to remember (the rover stands still). */
  refresh(scan: LidarScan, drawAt: Pose2): void {
    this.grid.integrate(scan, drawAt);
  }

  /** Lets go of the scans of a key frame; those of later ones belong to the key before theirs. What they have drawn stays until the next redraw. */
  forget(key: number): void {
    const drawing = this.#drawing;
    if (drawing !== null) {
      const drawn = this.#evidence.slice(0, drawing.next);
      drawing.next -= drawn.filter((evidence) => evidence.key === key).length;
    }
    this.#evidence = this.#evidence
      .filter((evidence) => evidence.key !== key)
      .map((evidence) => (evidence.key < key ? evidence : { ...evidence, key: evidence.key - 1 }));
  }

  /** Begins again from the first scan with corrected poses; a redraw that is under way is dropped. */
  startRedraw(): void {
    this.#drawing = { grid: new OccupancyGrid(this.#options), next: 0 };
  }

  /** Does a part of the redraw; true when it is complete and the grid shows the corrected poses. */
  advance(poseOf: (key: number) => Pose2, all = false): boolean {
    const drawing = this.#drawing;
    if (drawing === null) return false;
    const share = Math.max(MIN_SCANS_PER_UPDATE, Math.ceil(this.#evidence.length / REDRAW_UPDATES));
    const end = all ? this.#evidence.length : Math.min(this.#evidence.length, drawing.next + share);
    for (; drawing.next < end; drawing.next += 1) {
      const { scan, key, offset } = this.#evidence[drawing.next] as Evidence;
      drawing.grid.integrate(scan, compose(poseOf(key), offset));
    }
    if (drawing.next < this.#evidence.length) return false;
    this.grid.adopt(drawing.grid);
    this.#drawing = null;
    return true;
  }
}
