// The map of a rover that has one swept ultrasonic sensor and no lidar: pings drawn by the inverse model where odometry has the rover.
// Nothing corrects the odometry, so that the map is as good as the wheels; what it says, it says with the weight of a cone.
import { compose, IDENTITY, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { OccupancyGrid } from '../../../shared/mapping/occupancy-grid.ts';
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import type { TilePatch } from '../../../shared/mapping/tiles.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';
import { DEFAULT_SONAR_MODEL, drawPing, type SonarModelOptions } from './inverse-sonar-model.ts';

/** Pings that are remembered, so that the map can be drawn anew in another frame: half an hour of ten a second. */
const MAX_PINGS = 18_000;

interface DrawnPing {
  readonly ping: RangeInputs;
  /** In the odometry frame. */
  readonly at: Pose2;
}

export class SonarMapping {
  readonly #model: SonarModelOptions;
  readonly #pings: DrawnPing[] = [];
  #grid = new OccupancyGrid();
  #mapToOdom: Pose2;
  #frameChange: Pose2 | null = null;

  constructor(startPose: Pose2, model: SonarModelOptions = DEFAULT_SONAR_MODEL) {
    this.#mapToOdom = startPose;
    this.#model = model;
  }

  get revision(): number {
    return this.#grid.revision;
  }

  /** Map ← odometry; changes only with the frame. */
  get mapToOdom(): Pose2 {
    return this.#mapToOdom;
  }

  /** Draws a ping taken where the odometry frame has the base at `at`. */
  update(ping: RangeInputs, at: Pose2): void {
    if (Number.isNaN(ping.rangeM)) return;
    this.#pings.push({ ping, at });
    if (this.#pings.length > MAX_PINGS) this.#pings.splice(0, MAX_PINGS / 10);
    this.#draw(this.#grid, ping, at);
  }

  patchesSince(revision: number): TilePatch[] {
    return this.#grid.patchesSince(revision);
  }

  toOccupancyMap(): OccupancyMap {
    return this.#grid.toOccupancyMap();
  }

  /** Moves map and pose into another frame at once; {@link takeFrameChange} tells of it. */
  rebase(change: Pose2): void {
    this.#mapToOdom = compose(change, this.#mapToOdom);
    this.#frameChange = compose(change, this.#frameChange ?? IDENTITY);
    const drawing = new OccupancyGrid();
    for (const { ping, at } of this.#pings) this.#draw(drawing, ping, at);
    this.#grid.adopt(drawing);
  }

  /** Whether a change of the frame has not been told yet. */
  get rebasing(): boolean {
    return this.#frameChange !== null;
  }

  /** New frame ← old frame, once. */
  takeFrameChange(): Pose2 | null {
    const change = this.#frameChange;
    this.#frameChange = null;
    return change;
  }

  #draw(grid: OccupancyGrid, ping: RangeInputs, at: Pose2): void {
    const pose = compose(this.#mapToOdom, at);
    grid.accumulate((add) =>
      drawPing({ resolutionM: grid.resolutionM, logOddsOf: (x, y) => grid.logOddsOf(x, y), add }, ping, pose, this.#model),
    );
  }
}
