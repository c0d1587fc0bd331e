// The floor that a round rover can reach from the starts: what coverage is measured against, and where things may be placed.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import type { World } from './world.ts';

export interface ReachableArea {
  /** Edge of a cell [m]. */
  readonly cellM: number;
  readonly columns: number;
  readonly rows: number;
  /** 1 where the rover's centre can be; row-major from the world's origin. */
  readonly centre: Uint8Array;
  /** 1 where some part of the rover's body can be: the floor to be searched. */
  readonly floor: Uint8Array;
  /** Area of `floor` [m²]. */
  readonly areaM2: number;
}

/** Floods the free space of a disc of `radiusM` from the starts (4-connected cells, exact clearance at their centres). */
export function reachableArea(world: World, radiusM: number, starts: readonly Point2[], cellM = 0.05): ReachableArea {
  const columns = Math.ceil(world.site.widthM / cellM);
  const rows = Math.ceil(world.site.depthM / cellM);
  const centre = new Uint8Array(columns * rows);
  const seen = new Uint8Array(columns * rows);
  const stack: number[] = [];
  const visit = (column: number, row: number): void => {
    if (column < 0 || row < 0 || column >= columns || row >= rows) return;
    const cell = row * columns + column;
    if (seen[cell] === 1) return;
    seen[cell] = 1;
    if (!world.isClear((column + 0.5) * cellM, (row + 0.5) * cellM, radiusM)) return;
    centre[cell] = 1;
    stack.push(cell);
  };
  for (const start of starts) visit(Math.floor(start.x / cellM), Math.floor(start.y / cellM));
  for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
    const column = cell % columns;
    const row = (cell - column) / columns;
    visit(column + 1, row);
    visit(column - 1, row);
    visit(column, row + 1);
    visit(column, row - 1);
  }
  const floor = dilate(centre, columns, rows, radiusM / cellM);
  let count = 0;
  for (const value of floor) count += value;
  return { cellM, columns, rows, centre, floor, areaM2: count * cellM * cellM };
}

/** Cells whose centre lies within `radius` cells of a set cell's centre. */
function dilate(cells: Uint8Array, columns: number, rows: number, radius: number): Uint8Array {
  const result = cells.slice();
  const reach = Math.floor(radius);
  const offsets: [number, number][] = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) if (dx * dx + dy * dy <= radius * radius) offsets.push([dx, dy]);
  }
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      if (cells[row * columns + column] === 0 || !onRim(cells, columns, rows, column, row)) continue;
      for (const [dx, dy] of offsets) {
        const x = column + dx;
        const y = row + dy;
        if (x >= 0 && y >= 0 && x < columns && y < rows) result[y * columns + x] = 1;
      }
    }
  }
  return result;
}

function onRim(cells: Uint8Array, columns: number, rows: number, column: number, row: number): boolean {
  if (column === 0 || row === 0 || column === columns - 1 || row === rows - 1) return true;
  const cell = row * columns + column;
  return cells[cell - 1] === 0 || cells[cell + 1] === 0 || cells[cell - columns] === 0 || cells[cell + columns] === 0;
}
