// All that a rover knows of its surroundings, in one place: belief, live obstacles, costmap, what cameras have seen.
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { BELIEF_FREE, BELIEF_UNKNOWN, BeliefGrid } from '../costmap/belief-grid.ts';
import type { Costmap } from '../costmap/costmap.ts';
import { cellAt, type GridFrame, regrid } from '../costmap/grid-frame.ts';
import { type CostmapDisc, forEachCellInDisc, LayeredCostmap } from '../costmap/layered-costmap.ts';
import { ObstacleLayer } from '../costmap/obstacle-layer.ts';
import { InspectionLayer } from '../exploration/inspection-layer.ts';
import type { NavigatorConfig } from './navigator-config.ts';
import type { NavigatorInput, OtherRover } from './navigator-types.ts';

/** Returns from another rover's body lie up to this far outside its radius: noise, latency of its pose [m]. */
const RIM_M = 0.07;

export class WorldModel {
  readonly #config: NavigatorConfig;
  readonly #belief: BeliefGrid;
  readonly #obstacles: ObstacleLayer;
  readonly #layers: LayeredCostmap;
  readonly inspection: InspectionLayer;
  /** 1 where a rover has stood: floor, whatever ghosts of it the lidars have left in the maps. */
  #trodden: Uint8Array = new Uint8Array(0);
  #troddenFrame: GridFrame | null = null;

  constructor(config: NavigatorConfig) {
    this.#config = config;
    this.#belief = new BeliefGrid(config.belief);
    this.#obstacles = new ObstacleLayer(config.obstacles);
    this.#layers = new LayeredCostmap(config.inflation);
    this.inspection = new InspectionLayer(config.belief.resolutionM);
  }

  get frame(): GridFrame | null {
    return this.#belief.frame;
  }

  get states(): Uint8Array {
    return this.#belief.states;
  }

  get costmap(): Costmap | null {
    return this.#layers.costmap;
  }

  /** Every cycle: the newest scan into the obstacle layer, the pictures taken into the inspection layer. */
  observe(input: NavigatorInput): void {
    if (this.frame === null) return;
    if (input.scan !== null) {
      const sensor = compose(input.pose, this.#config.lidarMount);
      const reach = 2 * this.#config.footprintRadiusM + 0.15;
      this.#obstacles.observe(input.scan, sensor, (x, y) =>
        input.others.some(({ pose }) => Math.abs(pose.x - x) < reach && Math.abs(pose.y - y) < reach),
      );
    }
    this.#tread(input.pose, this.#config.footprintRadiusM);
    for (const { pose } of input.others) this.#tread(pose, this.#config.footprintRadiusM + RIM_M);
    for (const pose of input.viewedFrom) this.inspection.observe(this.states, pose, this.#config.camera);
  }

  /** Rebuilds belief and costmap; `solid` are the rovers to plan around. False when there is no map yet. */
  rebuild(input: NavigatorInput, solid: readonly OtherRover[]): boolean {
    if (!this.#belief.update(input.ownMap, input.mergedMap)) return false;
    const frame = this.#belief.frame as GridFrame;
    this.#obstacles.resize(frame);
    this.inspection.resize(frame);
    this.#resizeTrodden(frame);
    const states = this.states;
    for (let i = 0; i < states.length; i += 1) if (this.#trodden[i] !== 0) states[i] = BELIEF_FREE;
    this.#assumeFloorUnder(frame, input);
    const radius = this.#config.footprintRadiusM;
    const clearings: CostmapDisc[] = [{ x: input.pose.x, y: input.pose.y, radiusM: radius }];
    for (const { pose } of input.others) clearings.push({ x: pose.x, y: pose.y, radiusM: radius + 0.15 });
    const discs: CostmapDisc[] = [...(input.keepOut ?? [])];
    for (const { pose } of solid) discs.push({ x: pose.x, y: pose.y, radiusM: radius });
    this.#layers.update({
      frame,
      states: this.states,
      addObstacles: (obstacles) => this.#obstacles.addTo(obstacles, input.stampSec),
      clearings,
      discs,
    });
    return true;
  }

  /** The recovery behaviour: forgets live obstacles. */
  clearObstacles(): void {
    this.#obstacles.clear();
  }

  /** Free distance from the footprint's rim to the nearest obstacle [m], capped at the inflation radius. */
  clearanceAt(x: number, y: number): number {
    const frame = this.frame;
    if (frame === null) return 0;
    const cell = cellAt(frame, x, y);
    return cell < 0 ? 0 : this.#layers.clearanceM(cell) - frame.resolutionM / 2 - this.#config.footprintRadiusM;
  }

  /** Whether an obstacle that stays explains the point: one of the belief, within one cell. */
  explains(x: number, y: number): boolean {
    const frame = this.frame;
    if (frame === null) return false;
    const cell = cellAt(frame, x, y);
    if (cell < 0) return false;
    const states = this.states;
    for (let dy = -frame.width; dy <= frame.width; dy += frame.width) {
      for (let dx = -1; dx <= 1; dx += 1) if ((states[cell + dy + dx] ?? 0) > BELIEF_FREE) return true;
    }
    return false;
  }

  #tread(pose: Pose2, radiusM: number): void {
    if (this.#troddenFrame !== null) forEachCellInDisc(this.#troddenFrame, pose, radiusM, (cell) => (this.#trodden[cell] = 1));
  }

  #resizeTrodden(frame: GridFrame): void {
    if (frame === this.#troddenFrame) return;
    const empty = new Uint8Array(frame.width * frame.height);
    this.#trodden = this.#troddenFrame === null ? empty : regrid(this.#trodden, this.#troddenFrame, frame, empty, 0);
    this.#troddenFrame = frame;
  }

  /** A rover stands on floor, even where its lidar is blind. */
  #assumeFloorUnder(frame: GridFrame, input: NavigatorInput): void {
    const states = this.states;
    const radius = this.#config.footprintRadiusM + 0.2;
    const fill = (pose: Pose2): void =>
      forEachCellInDisc(frame, pose, radius, (cell) => {
        if (states[cell] === BELIEF_UNKNOWN) states[cell] = BELIEF_FREE;
      });
    fill(input.pose);
    for (const { pose } of input.others) fill(pose);
  }
}
