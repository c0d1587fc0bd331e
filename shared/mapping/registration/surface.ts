// A map as registration sees it: its surface points with the direction of their walls, and what is known free.
import { distanceField } from '../distance-field.ts';
import { type OccupancyMap, UNKNOWN } from '../occupancy-map.ts';

/** At or above this percentage a cell is a surface, at or below the other it is free (Nav2's thresholds). */
const OCCUPIED_AT = 65;
const FREE_AT = 25;
/** Neighbourhood in which a wall's direction is estimated [cells]. */
const DIRECTION_RADIUS = 4;

export interface Surface {
  /** Edge of a cell [m]. */
  readonly resolutionM: number;
  /** The known part of the map, cropped; origin in the map's own frame [m]. */
  readonly width: number;
  readonly height: number;
  readonly originX: number;
  readonly originY: number;
  /** Surface points: cell centres in the map's frame [m]. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Twice the wall's direction as a unit vector (an axis has no sign), scaled by how straight the wall is there (0…1). */
  readonly axisCos: Float64Array;
  readonly axisSin: Float64Array;
  /** Unit vector towards the free side that the wall was seen from; zero where both sides are free. */
  readonly faceX: Float64Array;
  readonly faceY: Float64Array;
  /** Distance [m] to the nearest surface, per cell of the cropped map. */
  readonly distanceM: Float32Array;
  /** 1: free, 2: surface, 0: unknown, per cell of the cropped map. */
  readonly known: Uint8Array;
  readonly freeCells: number;
}

/** Reads a map; null when it has too little to register by. */
export function toSurface(map: OccupancyMap): Surface | null {
  const box = knownBox(map);
  if (box === null) return null;
  const width = box.right - box.left + 1;
  const height = box.top - box.bottom + 1;
  const known = new Uint8Array(width * height);
  let freeCells = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const cell = map.cells[(y + box.bottom) * map.width + x + box.left] as number;
      if (cell >= OCCUPIED_AT) known[y * width + x] = 2;
      else if (cell !== UNKNOWN && cell <= FREE_AT) {
        known[y * width + x] = 1;
        freeCells += 1;
      }
    }
  }
  const points = surfaceCells(known, width, height);
  if (points.length < MIN_POINTS) return null;
  const originX = map.originX + box.left * map.resolutionM;
  const originY = map.originY + box.bottom * map.resolutionM;
  const distanceM = distanceField(width, height, (index) => known[index] === 2);
  for (let index = 0; index < distanceM.length; index += 1) distanceM[index] = (distanceM[index] as number) * map.resolutionM;
  const isPoint = new Uint8Array(width * height);
  for (const index of points) isPoint[index] = 1;
  const xs = new Float64Array(points.length);
  const ys = new Float64Array(points.length);
  const axisCos = new Float64Array(points.length);
  const axisSin = new Float64Array(points.length);
  const faceX = new Float64Array(points.length);
  const faceY = new Float64Array(points.length);
  for (const [i, index] of points.entries()) {
    const cx = index % width;
    const cy = (index - cx) / width;
    xs[i] = originX + (cx + 0.5) * map.resolutionM;
    ys[i] = originY + (cy + 0.5) * map.resolutionM;
    const axis = wallAxis(isPoint, width, height, cx, cy);
    axisCos[i] = axis.cos;
    axisSin[i] = axis.sin;
    const face = freeSide(known, width, height, cx, cy);
    faceX[i] = face.x;
    faceY[i] = face.y;
  }
  return {
    resolutionM: map.resolutionM,
    width,
    height,
    originX,
    originY,
    xs,
    ys,
    axisCos,
    axisSin,
    faceX,
    faceY,
    distanceM,
    known,
    freeCells,
  };
}

const MIN_POINTS = 40;

function knownBox(map: OccupancyMap): { left: number; right: number; bottom: number; top: number } | null {
  let [left, right, bottom, top] = [map.width, -1, map.height, -1];
  for (let y = 0; y < map.height; y += 1) {
    for (let x = 0; x < map.width; x += 1) {
      const cell = map.cells[y * map.width + x] as number;
      if (cell < OCCUPIED_AT && (cell === UNKNOWN || cell > FREE_AT)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      bottom = Math.min(bottom, y);
      top = Math.max(top, y);
    }
  }
  return right < 0 ? null : { left, right, bottom, top };
}

/** Occupied cells that border on free space: what a sensor saw, not the inside of a thick wall. */
function surfaceCells(known: Uint8Array, width: number, height: number): number[] {
  const cells: number[] = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = y * width + x;
      if (known[index] !== 2) continue;
      const besideFree =
        (x > 0 && known[index - 1] === 1) ||
        (x < width - 1 && known[index + 1] === 1) ||
        (y > 0 && known[index - width] === 1) ||
        (y < height - 1 && known[index + width] === 1);
      if (besideFree) cells.push(index);
    }
  }
  return cells;
}

/** Principal axis of the surface cells around one of them, as the double angle scaled by linearity. */
function wallAxis(isPoint: Uint8Array, width: number, height: number, cx: number, cy: number): { cos: number; sin: number } {
  let [n, sx, sy, sxx, sxy, syy] = [0, 0, 0, 0, 0, 0];
  for (let dy = -DIRECTION_RADIUS; dy <= DIRECTION_RADIUS; dy += 1) {
    const y = cy + dy;
    if (y < 0 || y >= height) continue;
    for (let dx = -DIRECTION_RADIUS; dx <= DIRECTION_RADIUS; dx += 1) {
      const x = cx + dx;
      if (x < 0 || x >= width || isPoint[y * width + x] === 0) continue;
      n += 1;
      sx += dx;
      sy += dy;
      sxx += dx * dx;
      sxy += dx * dy;
      syy += dy * dy;
    }
  }
  if (n < 3) return { cos: 0, sin: 0 };
  const a = sxx / n - (sx / n) ** 2;
  const b = sxy / n - (sx / n) * (sy / n);
  const c = syy / n - (sy / n) ** 2;
  const trace = a + c;
  if (trace < 1e-9) return { cos: 0, sin: 0 };
  return { cos: (a - c) / trace, sin: (2 * b) / trace };
}

/** Where the free cells around a surface cell lie, on the whole. */
function freeSide(known: Uint8Array, width: number, height: number, cx: number, cy: number): { x: number; y: number } {
  let [x, y, free] = [0, 0, 0];
  for (let dy = -FACE_RADIUS; dy <= FACE_RADIUS; dy += 1) {
    for (let dx = -FACE_RADIUS; dx <= FACE_RADIUS; dx += 1) {
      const column = cx + dx;
      const row = cy + dy;
      if (column < 0 || row < 0 || column >= width || row >= height || known[row * width + column] !== 1) continue;
      x += dx;
      y += dy;
      free += FACE_RADIUS;
    }
  }
  const length = Math.hypot(x, y);
  return free === 0 || length < FACE_IMBALANCE * free ? { x: 0, y: 0 } : { x: x / length, y: y / length };
}

/** Neighbourhood in which the free side is looked for [cells]. */
const FACE_RADIUS = 3;
/** Least imbalance of the free cells for a side to be called the free one. */
const FACE_IMBALANCE = 0.25;
