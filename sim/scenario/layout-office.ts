// Offices: corridors with rooms on both sides, doors to the corridor and some between rooms, furniture along walls and free.
import type { Random } from '../../shared/ports/random.ts';
import { pick, uniform } from '../random/seeded-random.ts';
import { type Solid, wallSolids } from '../world/solid.ts';
import { box, type Layout, type LayoutOptions } from './layout.ts';

const CORRIDOR_M = 2.2;
const DOOR_M = 1.1;
const WALL_M = 0.12;
const WALL_HEIGHT_M = 2.6;

interface Room {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

export function office(options: LayoutOptions): Layout {
  const { widthM, depthM, random } = options;
  const solids: Solid[] = [];
  const bands = Math.max(1, Math.round(depthM / 12));
  const bandM = depthM / bands;
  const corridors: number[] = [];
  for (let band = 0; band < bands; band += 1) {
    const bottom = band * bandM;
    const middle = bottom + bandM / 2 + uniform(random, -0.8, 0.8);
    corridors.push(middle);
    rowOfRooms(solids, random, { x0: 0, x1: widthM, y0: bottom, y1: middle - CORRIDOR_M / 2 }, 'top');
    rowOfRooms(solids, random, { x0: 0, x1: widthM, y0: middle + CORRIDOR_M / 2, y1: bottom + bandM }, 'bottom');
    if (band > 0) wall(solids, [0, bottom], [widthM, bottom], [uniform(random, 0.15, 0.4) * widthM, uniform(random, 0.6, 0.85) * widthM]);
  }
  return { solids, start: { x: 1.6, y: corridors[0] ?? depthM / 2, theta: 0 } };
}

function rowOfRooms(solids: Solid[], random: Random, row: Room, corridorSide: 'top' | 'bottom'): void {
  const count = Math.max(1, Math.round((row.x1 - row.x0) / uniform(random, 4.2, 6.2)));
  const edges = [row.x0];
  for (let k = 1; k < count; k += 1) edges.push(row.x0 + ((row.x1 - row.x0) * (k + uniform(random, -0.18, 0.18))) / count);
  edges.push(row.x1);
  const sideY = corridorSide === 'top' ? row.y1 : row.y0;
  for (let k = 0; k < count; k += 1) {
    const room = { x0: edges[k] as number, x1: edges[k + 1] as number, y0: row.y0, y1: row.y1 };
    const doorAt = uniform(random, room.x0 + 0.9, room.x1 - 0.9);
    wall(solids, [room.x0, sideY], [room.x1, sideY], [doorAt]);
    if (k > 0) wall(solids, [room.x0, room.y0], [room.x0, room.y1], random.next() < 0.3 ? [(room.y0 + room.y1) / 2] : []);
    furnish(solids, random, room);
  }
}

/** A straight wall, along x or y, with doors at the given coordinates. */
function wall(solids: Solid[], from: readonly [number, number], to: readonly [number, number], doors: readonly number[]): void {
  const alongX = from[1] === to[1];
  let at = alongX ? from[0] : from[1];
  const end = alongX ? to[0] : to[1];
  for (const door of [...doors].sort((a, b) => a - b).concat(Number.NaN)) {
    const stop = Number.isNaN(door) ? end : door - DOOR_M / 2;
    if (stop - at > 0.05) {
      const path = alongX
        ? [
            { x: at, y: from[1] },
            { x: stop, y: from[1] },
          ]
        : [
            { x: from[0], y: at },
            { x: from[0], y: stop },
          ];
      solids.push(...wallSolids(path, WALL_M, WALL_HEIGHT_M, 'plaster'));
    }
    at = door + DOOR_M / 2;
  }
}

function furnish(solids: Solid[], random: Random, room: Room): void {
  const width = room.x1 - room.x0;
  const depth = room.y1 - room.y0;
  if (width < 2.6 || depth < 2.6) return;
  // A cupboard flush with a side wall, a desk or two standing free.
  if (random.next() < 0.7) {
    const left = random.next() < 0.5;
    const length = uniform(random, 0.8, 1.6);
    const y = uniform(random, room.y0 + 0.3 + length / 2, room.y1 - 0.3 - length / 2);
    solids.push(
      box(
        left ? room.x0 + 0.26 : room.x1 - 0.26,
        y,
        0.45,
        length,
        uniform(random, 1.2, 2),
        pick(random, ['wood', 'metal', 'plastic-white']),
      ),
    );
  }
  const desks = random.integer(3);
  for (let k = 0; k < desks; k += 1) {
    const turned = random.next() < 0.5;
    const size = { x: turned ? 0.7 : 1.4, y: turned ? 1.4 : 0.7 };
    const x = uniform(random, room.x0 + 1.1 + size.x / 2, Math.max(room.x0 + 1.2 + size.x / 2, room.x1 - 1.1 - size.x / 2));
    const y = uniform(random, room.y0 + 1.1 + size.y / 2, Math.max(room.y0 + 1.2 + size.y / 2, room.y1 - 1.1 - size.y / 2));
    solids.push(box(x, y, size.x, size.y, 0.74, pick(random, ['wood', 'plastic-white', 'fabric-grey'])));
  }
}
