// Frontiers (Yamauchi 1997): free cells that border on unknown ones, in connected groups.
import { BELIEF_FREE, BELIEF_UNKNOWN } from '../costmap/belief-grid.ts';
import type { GridFrame } from '../costmap/grid-frame.ts';

export interface CellGroup {
  readonly members: readonly number[];
  /** The member nearest to the group's centre. */
  readonly cell: number;
}

/** Cells where `isMember` holds, grouped by 8-neighbourhood, in the order of their lowest cell. Groups below `minSize` are noise. */
export function groupCells(frame: GridFrame, isMember: (cell: number) => boolean, minSize: number): CellGroup[] {
  const { width, height } = frame;
  const visited = new Uint8Array(width * height);
  const groups: CellGroup[] = [];
  const stack: number[] = [];
  for (let seed = 0; seed < visited.length; seed += 1) {
    if (visited[seed] !== 0 || !isMember(seed)) continue;
    const members: number[] = [];
    visited[seed] = 1;
    stack.push(seed);
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      members.push(cell);
      const x = cell % width;
      const y = (cell - x) / width;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny += 1) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx += 1) {
          const next = ny * width + nx;
          if (visited[next] !== 0 || !isMember(next)) continue;
          visited[next] = 1;
          stack.push(next);
        }
      }
    }
    if (members.length >= minSize) groups.push({ members, cell: nearestToCentre(members, width) });
  }
  return groups;
}

/** Whether a cell is free and has an unknown neighbour (of eight). Cells on the grid's rim are none. */
export function isFrontier(frame: GridFrame, states: Uint8Array, cell: number): boolean {
  if (states[cell] !== BELIEF_FREE) return false;
  const { width, height } = frame;
  const x = cell % width;
  if (x === 0 || x === width - 1 || cell < width || cell >= width * (height - 1)) return false;
  for (let row = cell - width; row <= cell + width; row += width) {
    if (states[row - 1] === BELIEF_UNKNOWN || states[row] === BELIEF_UNKNOWN || states[row + 1] === BELIEF_UNKNOWN) return true;
  }
  return false;
}

/** Frontiers in the order of their lowest cell. */
export function findFrontiers(frame: GridFrame, states: Uint8Array): CellGroup[] {
  return groupCells(frame, (cell) => isFrontier(frame, states, cell), 1);
}

function nearestToCentre(members: readonly number[], width: number): number {
  let sumX = 0;
  let sumY = 0;
  for (const cell of members) {
    sumX += cell % width;
    sumY += Math.floor(cell / width);
  }
  const cx = sumX / members.length;
  const cy = sumY / members.length;
  let best = members[0] as number;
  let bestDistance = Infinity;
  for (const cell of members) {
    const d = ((cell % width) - cx) ** 2 + (Math.floor(cell / width) - cy) ** 2;
    if (d < bestDistance) [best, bestDistance] = [cell, d];
  }
  return best;
}
