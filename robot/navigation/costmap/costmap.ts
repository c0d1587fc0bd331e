// A costmap with the values of nav2_costmap_2d, and its inflation: 252·exp(−k·(d − r_inscribed)).
import type { GridFrame } from './grid-frame.ts';

export const COST_UNKNOWN = 255;
export const COST_LETHAL = 254;
export const COST_INSCRIBED = 253;
export const COST_FREE = 0;

/** Costs by cell: 0 free … 252, 253 the footprint's inscribed circle would touch, 254 obstacle, 255 unknown. */
export interface Costmap extends GridFrame {
  readonly costs: Uint8Array;
}

export interface InflationOptions {
  /** Radius of the footprint's inscribed circle with its safety margin [m]. */
  readonly inscribedRadiusM: number;
  /** Beyond this distance from an obstacle cells cost nothing [m]. */
  readonly inflationRadiusM: number;
  /** Decay k [1/m]. */
  readonly costScalingFactor: number;
}

/** Cost at a distance [m] from an obstacle, by Nav2's rule. */
export function inflationCost(distanceM: number, options: InflationOptions): number {
  if (distanceM <= 0) return COST_LETHAL;
  if (distanceM <= options.inscribedRadiusM) return COST_INSCRIBED;
  if (distanceM > options.inflationRadiusM) return COST_FREE;
  return Math.trunc((COST_INSCRIBED - 1) * Math.exp(-options.costScalingFactor * (distanceM - options.inscribedRadiusM)));
}

/** Costs by squared distance [cell²], up to the inflation radius; the last entry stands for everything beyond. */
export function inflationTable(resolutionM: number, options: InflationOptions): Uint8Array {
  const maxCells = inflationCells(resolutionM, options);
  const table = new Uint8Array((maxCells + 1) * (maxCells + 1) + 1);
  for (let squared = 0; squared < table.length; squared += 1) {
    table[squared] = inflationCost(Math.sqrt(squared) * resolutionM, options);
  }
  return table;
}

/** Cells that the distance transform has to look ahead. */
export function inflationCells(resolutionM: number, options: InflationOptions): number {
  return Math.ceil(options.inflationRadiusM / resolutionM);
}

/**
 * Costs from obstacles, known ground and distances. As in Nav2 (`inflate_unknown: false`) an unknown cell takes on an
 * inflated cost only where the footprint would touch the obstacle.
 */
export function inflate(known: Uint8Array, squared: Int32Array, table: Uint8Array, costs: Uint8Array): void {
  for (let i = 0; i < costs.length; i += 1) {
    const cost = table[squared[i] as number] as number;
    costs[i] = known[i] !== 0 || cost >= COST_INSCRIBED ? cost : COST_UNKNOWN;
  }
}
