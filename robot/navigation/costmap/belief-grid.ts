// What a rover believes of the floor: its own partial map laid over the fleet's merged map, on the navigation lattice.
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import { type Bounds, type GridFrame, latticeFrame } from './grid-frame.ts';

export const BELIEF_UNKNOWN = 0;
export const BELIEF_FREE = 1;
export const BELIEF_OCCUPIED = 2;

export interface BeliefOptions {
  /** Edge of a navigation cell [m]; a multiple of the maps' resolution is best. */
  readonly resolutionM: number;
  /** Occupancy [%] from which a map cell is an obstacle (map_server: 65). */
  readonly occupiedFrom: number;
  /** Occupancy [%] up to which a map cell is free (map_saver: 25). */
  readonly freeTo: number;
}

interface Census {
  occupied: Uint8Array;
  free: Uint8Array;
}

/** Down-samples and overlays maps of any alignment; one obstacle cell of a map makes the whole navigation cell an obstacle. */
export class BeliefGrid {
  readonly #options: BeliefOptions;
  #frame: GridFrame | null = null;
  #own: Census = emptyCensus(0);
  #merged: Census = emptyCensus(0);
  #countedMerged: OccupancyMap | null = null;
  #states = new Uint8Array(0);

  constructor(options: BeliefOptions) {
    this.#options = options;
  }

  /** Null before the first map. A new object when the grid has grown. */
  get frame(): GridFrame | null {
    return this.#frame;
  }

  /** BELIEF_… by cell. */
  get states(): Uint8Array {
    return this.#states;
  }

  /** Takes in the maps as they are now; false when there is none yet. */
  update(own: OccupancyMap | null, merged: OccupancyMap | null): boolean {
    const bounds = unionBounds([own, merged]);
    if (bounds === null) return false;
    const frame = latticeFrame(bounds, this.#options.resolutionM, this.#frame);
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#own = emptyCensus(frame.width * frame.height);
      this.#merged = emptyCensus(frame.width * frame.height);
      this.#states = new Uint8Array(frame.width * frame.height);
      this.#countedMerged = null;
    }
    if (merged !== this.#countedMerged) {
      this.#count(merged, this.#merged, frame);
      this.#countedMerged = merged;
    }
    this.#count(own, this.#own, frame);
    const ratio = own === null ? 1 : frame.resolutionM / own.resolutionM;
    this.#overlay(Math.max(1, Math.ceil((ratio * ratio) / 2)));
    return true;
  }

  #count(map: OccupancyMap | null, census: Census, frame: GridFrame): void {
    const { occupied, free } = census;
    occupied.fill(0);
    free.fill(0);
    if (map === null) return;
    const { occupiedFrom, freeTo } = this.#options;
    const columns = new Int32Array(map.width);
    for (let x = 0; x < map.width; x += 1) {
      columns[x] = Math.floor((map.originX + (x + 0.5) * map.resolutionM - frame.originX) / frame.resolutionM);
    }
    const cells = map.cells;
    for (let y = 0, i = 0; y < map.height; y += 1) {
      const row = Math.floor((map.originY + (y + 0.5) * map.resolutionM - frame.originY) / frame.resolutionM) * frame.width;
      for (let x = 0; x < map.width; x += 1, i += 1) {
        const value = cells[i] as number;
        if (value < 0) continue;
        const cell = row + (columns[x] as number);
        if (value >= occupiedFrom) (occupied[cell] as number) += 1;
        else if (value <= freeTo && (free[cell] as number) < 255) (free[cell] as number) += 1;
      }
    }
  }

  /** The own map decides where it has seen an obstacle or most of a cell; elsewhere the merged map, then any free glimpse. */
  #overlay(most: number): void {
    const { occupied: ownOccupied, free: ownFree } = this.#own;
    const { occupied, free } = this.#merged;
    const states = this.#states;
    for (let i = 0; i < states.length; i += 1) {
      if (ownOccupied[i] !== 0) states[i] = BELIEF_OCCUPIED;
      else if ((ownFree[i] as number) >= most) states[i] = BELIEF_FREE;
      else if (occupied[i] !== 0) states[i] = BELIEF_OCCUPIED;
      else states[i] = free[i] !== 0 || ownFree[i] !== 0 ? BELIEF_FREE : BELIEF_UNKNOWN;
    }
  }
}

function emptyCensus(size: number): Census {
  return { occupied: new Uint8Array(size), free: new Uint8Array(size) };
}

function unionBounds(maps: readonly (OccupancyMap | null)[]): Bounds | null {
  let bounds: Bounds | null = null;
  for (const map of maps) {
    if (map === null || map.width === 0 || map.height === 0) continue;
    const maxX = map.originX + map.width * map.resolutionM;
    const maxY = map.originY + map.height * map.resolutionM;
    bounds =
      bounds === null
        ? { minX: map.originX, minY: map.originY, maxX, maxY }
        : {
            minX: Math.min(bounds.minX, map.originX),
            minY: Math.min(bounds.minY, map.originY),
            maxX: Math.max(bounds.maxX, maxX),
            maxY: Math.max(bounds.maxY, maxY),
          };
  }
  return bounds;
}
