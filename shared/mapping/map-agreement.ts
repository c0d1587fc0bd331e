// How well two maps of one place in one frame agree on what is occupied, where both know something.
import { type OccupancyMap, UNKNOWN } from './occupancy-map.ts';

export interface MapAgreement {
  /** Share of the occupied cells of either map, known to the other, that the other has occupied within one cell; 1 without any. */
  readonly agreement: number;
  /** The same for each map's own occupied cells. */
  readonly mergedAgreement: number;
  readonly referenceAgreement: number;
  /** Occupied cells that were compared. */
  readonly mergedCells: number;
  readonly referenceCells: number;
}

/** Occupied from here on [%], as map_server has it. */
const OCCUPIED_PERCENT = 65;

/** Both maps must have one resolution; origins are rounded to whole cells. Throws RangeError for different resolutions. */
export function mapAgreement(merged: OccupancyMap, reference: OccupancyMap): MapAgreement {
  if (Math.abs(merged.resolutionM - reference.resolutionM) > 1e-9) {
    throw new RangeError(`maps of ${merged.resolutionM} m and ${reference.resolutionM} m cells cannot be compared cell by cell`);
  }
  const ofMerged = supported(merged, reference);
  const ofReference = supported(reference, merged);
  const cells = ofMerged.cells + ofReference.cells;
  return {
    agreement: cells === 0 ? 1 : (ofMerged.agreeing + ofReference.agreeing) / cells,
    mergedAgreement: ofMerged.cells === 0 ? 1 : ofMerged.agreeing / ofMerged.cells,
    referenceAgreement: ofReference.cells === 0 ? 1 : ofReference.agreeing / ofReference.cells,
    mergedCells: ofMerged.cells,
    referenceCells: ofReference.cells,
  };
}

/** Occupied cells of `map` whose place `other` knows, and how many of them it has occupied within one cell. */
function supported(map: OccupancyMap, other: OccupancyMap): { readonly cells: number; readonly agreeing: number } {
  const shiftX = Math.round((map.originX - other.originX) / map.resolutionM);
  const shiftY = Math.round((map.originY - other.originY) / map.resolutionM);
  let cells = 0;
  let agreeing = 0;
  for (let y = 0; y < map.height; y += 1) {
    for (let x = 0; x < map.width; x += 1) {
      if ((map.cells[y * map.width + x] as number) < OCCUPIED_PERCENT) continue;
      const column = x + shiftX;
      const row = y + shiftY;
      if (valueAt(other, column, row) === UNKNOWN) continue;
      cells += 1;
      if (occupiedAround(other, column, row)) agreeing += 1;
    }
  }
  return { cells, agreeing };
}

function occupiedAround(map: OccupancyMap, column: number, row: number): boolean {
  for (let y = row - 1; y <= row + 1; y += 1) {
    for (let x = column - 1; x <= column + 1; x += 1) if (valueAt(map, x, y) >= OCCUPIED_PERCENT) return true;
  }
  return false;
}

function valueAt(map: OccupancyMap, column: number, row: number): number {
  if (column < 0 || row < 0 || column >= map.width || row >= map.height) return UNKNOWN;
  return map.cells[row * map.width + column] as number;
}
