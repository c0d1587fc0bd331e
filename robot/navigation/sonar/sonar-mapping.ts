// The map of a rover that has one swept ultrasonic sensor and no lidar: pings drawn by the inverse model where odometry has the rover,
// which each full sweep corrects by the map so far. What such a map says, it says with the weight of a cone.
import { compose, IDENTITY, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { OccupancyGrid } from '../../../shared/mapping/occupancy-grid.ts';
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import type { TilePatch } from '../../../shared/mapping/tiles.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';
import { DEFAULT_SONAR_MODEL, drawPing, type SonarModelOptions } from './inverse-sonar-model.ts';
import { matchSweep } from './sweep-matcher.ts';

/** Pings that are remembered, so that the map can be drawn anew in another frame: half an hour of ten a second. */
const MAX_PINGS = 18_000;

interface DrawnPing {
  readonly ping: RangeInputs;
  /** Of the base, map frame. */
  at: Pose2;
}

export interface SonarMappingOptions {
  readonly model?: SonarModelOptions;
  /** Whether sweeps correct the odometry; default true. */
  readonly matching?: boolean;
}

export class SonarMapping {
  readonly #model: SonarModelOptions;
  readonly #matching: boolean;
  readonly #pings: DrawnPing[] = [];
  #grid = new OccupancyGrid();
  #mapToOdom: Pose2;
  #frameChange: Pose2 | null = null;
  /** The pings of the sweep under way, not drawn yet; null while there is none. */
  #sweep: { ping: RangeInputs; at: Pose2 }[] | null = null;

  constructor(startPose: Pose2, options: SonarMappingOptions = {}) {
    this.#mapToOdom = startPose;
    this.#model = options.model ?? DEFAULT_SONAR_MODEL;
    this.#matching = options.matching ?? true;
  }

  get revision(): number {
    return this.#grid.revision;
  }

  /** Map ← odometry. */
  get mapToOdom(): Pose2 {
    return this.#mapToOdom;
  }

  /** Takes a ping sent where the odometry frame has the base at `at`; `sweeping`: it is part of a full sweep from one place. */
  update(ping: RangeInputs, at: Pose2, sweeping = false): void {
    if (sweeping) this.#sweep ??= [];
    else if (this.#sweep !== null) this.#endSweep();
    if (Number.isNaN(ping.rangeM)) return;
    const drawn = { ping, at: compose(this.#mapToOdom, at) };
    if (this.#sweep === null) this.#keep(drawn);
    else this.#sweep.push(drawn);
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
    for (const drawn of [...this.#pings, ...(this.#sweep ?? [])]) drawn.at = compose(change, drawn.at);
    for (const drawn of this.#pings) this.#draw(drawing, drawn);
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

  /** Moves the sweep to where it fits the map, and the rover with it, and draws it there. */
  #endSweep(): void {
    const sweep = this.#sweep ?? [];
    this.#sweep = null;
    const { resolutionM } = this.#grid;
    const probe = (x: number, y: number): number => this.#grid.logOddsOf(Math.floor(x / resolutionM), Math.floor(y / resolutionM));
    const correction = this.#matching ? matchSweep(sweep, probe) : null;
    if (correction !== null) this.#mapToOdom = compose(correction, this.#mapToOdom);
    for (const { ping, at } of sweep) this.#keep({ ping, at: correction === null ? at : compose(correction, at) });
  }

  #keep(drawn: DrawnPing): void {
    this.#pings.push(drawn);
    if (this.#pings.length > MAX_PINGS) this.#pings.splice(0, MAX_PINGS / 10);
    this.#draw(this.#grid, drawn);
  }

  #draw(grid: OccupancyGrid, { ping, at }: DrawnPing): void {
    grid.accumulate((add) =>
      drawPing({ resolutionM: grid.resolutionM, logOddsOf: (x, y) => grid.logOddsOf(x, y), add }, ping, at, this.#model),
    );
  }
}
