// The rover's costmap: belief of the floor, live obstacles, other rovers and hazards as discs, then Nav2's inflation over all.
import type { Point2 } from '../../../shared/geometry/pose2.ts';
import { BELIEF_OCCUPIED } from './belief-grid.ts';
import { type Costmap, inflate, inflationCells, type InflationOptions, inflationTable } from './costmap.ts';
import { DistanceTransform } from './distance-transform.ts';
import type { GridFrame } from './grid-frame.ts';

/** A round obstacle or a round place without obstacles [m]. */
export interface CostmapDisc {
  readonly x: number;
  readonly y: number;
  readonly radiusM: number;
}

export interface LayerInputs {
  readonly frame: GridFrame;
  /** BELIEF_… by cell. */
  readonly states: Uint8Array;
  /** Adds live obstacles. */
  readonly addObstacles: (obstacles: Uint8Array) => void;
  /** Places where marks are ghosts: under the rover itself and where another rover is drawn as a disc anyway. */
  readonly clearings: readonly CostmapDisc[];
  readonly discs: readonly CostmapDisc[];
}

export class LayeredCostmap {
  readonly #options: InflationOptions;
  #transform = new DistanceTransform(0, 0);
  #table: Uint8Array = new Uint8Array(1);
  #obstacles: Uint8Array = new Uint8Array(0);
  #squared = new Int32Array(0);
  #costmap: Costmap | null = null;
  #frame: GridFrame | null = null;

  constructor(options: InflationOptions) {
    this.#options = options;
  }

  /** Null before the first update; its costs change in place with each. */
  get costmap(): Costmap | null {
    return this.#costmap;
  }

  /** 1 where an obstacle of any layer is. */
  get obstacles(): Uint8Array {
    return this.#obstacles;
  }

  /** Distance [m] of the cell's centre from the nearest obstacle cell's, exact up to the inflation radius and capped there. */
  clearanceM(cell: number): number {
    return Math.sqrt(this.#squared[cell] ?? 0) * (this.#frame?.resolutionM ?? 0);
  }

  update(inputs: LayerInputs): Costmap {
    const { frame, states } = inputs;
    const costmap = this.#resize(frame);
    const obstacles = this.#obstacles;
    for (let i = 0; i < obstacles.length; i += 1) obstacles[i] = states[i] === BELIEF_OCCUPIED ? 1 : 0;
    inputs.addObstacles(obstacles);
    for (const disc of inputs.clearings) fillDisc(frame, disc, obstacles, 0);
    for (const disc of inputs.discs) fillDisc(frame, disc, obstacles, 1);
    this.#transform.transform(obstacles, inflationCells(frame.resolutionM, this.#options), this.#squared);
    inflate(states, this.#squared, this.#table, costmap.costs);
    return costmap;
  }

  #resize(frame: GridFrame): Costmap {
    if (this.#costmap !== null && frame === this.#frame) return this.#costmap;
    const size = frame.width * frame.height;
    this.#frame = frame;
    this.#transform = new DistanceTransform(frame.width, frame.height);
    this.#table = inflationTable(frame.resolutionM, this.#options);
    this.#obstacles = new Uint8Array(size);
    this.#squared = new Int32Array(size);
    this.#costmap = { ...frame, costs: new Uint8Array(size) };
    return this.#costmap;
  }
}

/** Sets the cells whose centres lie in the disc, and always the one that holds its centre. */
function fillDisc(frame: GridFrame, disc: CostmapDisc, cells: Uint8Array, value: number): void {
  forEachCellInDisc(frame, disc, disc.radiusM, (cell) => (cells[cell] = value));
}

/** Calls `visit` for the cell of the centre and each cell whose centre is within `radiusM` of it. */
export function forEachCellInDisc(frame: GridFrame, centre: Point2, radiusM: number, visit: (cell: number) => void): void {
  const { resolutionM, width, height } = frame;
  const cx = (centre.x - frame.originX) / resolutionM;
  const cy = (centre.y - frame.originY) / resolutionM;
  const radius = radiusM / resolutionM;
  for (let y = Math.max(0, Math.floor(cy - radius)); y <= Math.min(height - 1, Math.floor(cy + radius)); y += 1) {
    for (let x = Math.max(0, Math.floor(cx - radius)); x <= Math.min(width - 1, Math.floor(cx + radius)); x += 1) {
      const dx = x + 0.5 - cx;
      const dy = y + 0.5 - cy;
      if (dx * dx + dy * dy <= radius * radius || (x === Math.floor(cx) && y === Math.floor(cy))) visit(y * width + x);
    }
  }
}
