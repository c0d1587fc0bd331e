// Inner corners of a chessboard in a picture, in rows: saddle points are neighbours where an edge runs between them, dark on one side and bright
// on the other all the way; the board is the grid of neighbours that has the stated size.
import { type GrayImage, sample, shrink, smooth } from './gray-image.ts';
import { findSaddlePoints, type PicturePoint, refineSaddle, type SaddlePoint } from './saddle-points.ts';

/** Inner corners: a board of 10 × 7 squares has 9 × 6. */
export interface ChessboardSize {
  readonly columns: number;
  readonly rows: number;
}

export type ChessboardResult =
  | {
      readonly found: true;
      /** Row by row, `columns` each [px]; (0, 0) is the centre of the first pixel. Which corner comes first is not determined. */
      readonly corners: readonly PicturePoint[];
    }
  | { readonly found: false; readonly reason: string };

/** Corners are looked for in pictures of at most about this width, and then placed in the full one. */
const SEARCH_PX = 960;
/** Of the way between two corners: how far around a corner its edges are used. */
const REFINE_SHARE = 0.4;
const MAX_REFINE_PX = 12;

export function findChessboard(picture: GrayImage, size: ChessboardSize): ChessboardResult {
  const factor = Math.ceil(Math.max(picture.width, picture.height) / SEARCH_PX);
  const small = shrink(picture, factor);
  const saddles = findSaddlePoints(small);
  const grid = gridOfSize(new NeighbourSearch(smooth(small, 1), saddles), size);
  if (!grid.found) return grid;
  const inFull = grid.corners.map(({ x, y }) => ({ x: (x + 0.5) * factor - 0.5, y: (y + 0.5) * factor - 0.5 }));
  const corners: PicturePoint[] = [];
  for (const [index, corner] of inFull.entries()) {
    const reachPx = Math.min(MAX_REFINE_PX, REFINE_SHARE * nearestNeighbour(inFull, index, size));
    const refined = refineSaddle(picture, corner, reachPx);
    if (refined === null) return { found: false, reason: `the corner near (${corner.x.toFixed(0)}, ${corner.y.toFixed(0)}) is blurred` };
    corners.push(refined);
  }
  return { found: true, corners };
}

function nearestNeighbour(corners: readonly PicturePoint[], index: number, { columns }: ChessboardSize): number {
  const here = corners[index] as PicturePoint;
  const column = index % columns;
  const neighbours = [column > 0 ? index - 1 : -1, column < columns - 1 ? index + 1 : -1, index - columns, index + columns];
  return Math.min(...neighbours.flatMap((at) => (corners[at] === undefined ? [] : [distance(here, corners[at])])));
}

/** Grids of corners that hang together; each corner at its whole-numbered place. */
type Grid = ReadonlyMap<string, SaddlePoint>;

function gridOfSize(search: NeighbourSearch, size: ChessboardSize): ChessboardResult {
  const wanted = size.columns * size.rows;
  let most = 0;
  const used = new Set<SaddlePoint>();
  for (const seed of search.points) {
    if (used.has(seed)) continue;
    const grid = growGrid(search, seed);
    for (const point of grid.values()) used.add(point);
    most = Math.max(most, grid.size);
    if (grid.size < wanted) continue;
    const rectangles = fullRectangles(grid, size);
    if (rectangles.length === 1) return { found: true, corners: rectangles[0] as SaddlePoint[] };
    if (rectangles.length > 1) {
      return { found: false, reason: `the board has more than ${size.columns} × ${size.rows} inner corners: ${grid.size} were found` };
    }
  }
  const reason =
    most < 6
      ? 'no chessboard'
      : `${Math.min(most, wanted)} of ${wanted} corners: part of the board is hidden, blurred or out of the picture`;
  return { found: false, reason };
}

interface Step {
  readonly point: SaddlePoint;
  readonly column: number;
  readonly row: number;
  /** Ways to the next corner along a row and along a column here [px]. */
  readonly along: PicturePoint;
  readonly down: PicturePoint;
}

function growGrid(search: NeighbourSearch, seed: SaddlePoint): Grid {
  const grid = new Map<string, SaddlePoint>([['0,0', seed]]);
  const first = search.neighbours(seed);
  const along = first[0] === undefined ? null : between(seed, first[0]);
  if (along === null) return grid;
  const across = first.map((point) => between(seed, point)).find((way) => Math.abs(sineOf(along, way)) > 0.5);
  if (across === undefined) return grid;
  const placed = new Set<SaddlePoint>([seed]);
  const open: Step[] = [{ point: seed, column: 0, row: 0, along, down: across }];
  for (let step = open.shift(); step !== undefined; step = open.shift()) {
    for (const point of search.neighbours(step.point)) {
      if (placed.has(point)) continue;
      const next = stepTo(step, point);
      if (next === null || grid.has(`${next.column},${next.row}`)) continue;
      grid.set(`${next.column},${next.row}`, point);
      placed.add(point);
      open.push(next);
    }
  }
  return grid;
}

/** Perspective and lens change the way from one corner to the next by little: 30° and a third of its length at most. */
function stepTo({ point: from, column, row, along, down }: Step, point: SaddlePoint): Step | null {
  const way = between(from, point);
  for (const [axis, dc, dr] of [[along, 1, 0] as const, [down, 0, 1] as const]) {
    const cosine = (way.x * axis.x + way.y * axis.y) / (length(way) * length(axis));
    const ratio = length(way) / length(axis);
    if (Math.abs(cosine) < 0.87 || ratio < 0.67 || ratio > 1.5) continue;
    const sign = Math.sign(cosine);
    const turned = { x: way.x * sign, y: way.y * sign };
    return { point, column: column + dc * sign, row: row + dr * sign, along: dc === 1 ? turned : along, down: dr === 1 ? turned : down };
  }
  return null;
}

/** All places at which a board of this size, lying or standing, is full. */
function fullRectangles(grid: Grid, { columns, rows }: ChessboardSize): SaddlePoint[][] {
  const places = [...grid.keys()].map((key) => key.split(',').map(Number) as [number, number]);
  const [left, top] = [Math.min(...places.map(([c]) => c)), Math.min(...places.map(([, r]) => r))];
  const [right, bottom] = [Math.max(...places.map(([c]) => c)), Math.max(...places.map(([, r]) => r))];
  const full: SaddlePoint[][] = [];
  for (const standing of columns === rows ? [false] : [false, true]) {
    const [wide, high] = standing ? [rows, columns] : [columns, rows];
    for (let row = top; row + high - 1 <= bottom; row += 1) {
      for (let column = left; column + wide - 1 <= right; column += 1) {
        const points = Array.from({ length: columns * rows }, (_, i) => {
          const [along, down] = [i % columns, Math.floor(i / columns)];
          return grid.get(standing ? `${column + down},${row + along}` : `${column + along},${row + down}`);
        });
        if (points.every((point) => point !== undefined)) full.push(points);
      }
    }
  }
  return full;
}

/** So many of the nearest saddles are tried: four are neighbours, four lie across. */
const NEAREST = 12;
const EDGE_SAMPLES = 5;

class NeighbourSearch {
  readonly points: readonly SaddlePoint[];
  readonly #image: GrayImage;
  readonly #known = new Map<SaddlePoint, SaddlePoint[]>();

  constructor(image: GrayImage, points: readonly SaddlePoint[]) {
    this.#image = image;
    this.points = points;
  }

  /** Corners that an edge leads to, nearest first. */
  neighbours(point: SaddlePoint): readonly SaddlePoint[] {
    let known = this.#known.get(point);
    if (known === undefined) {
      const nearest = this.points.filter((other) => other !== point).toSorted((a, b) => distance(a, point) - distance(b, point));
      known = nearest.slice(0, NEAREST).filter((other) => this.#isEdge(point, other));
      this.#known.set(point, known);
    }
    return known;
  }

  /** Whether between two corners one side is dark and the other bright, all the way. */
  #isEdge(a: SaddlePoint, b: SaddlePoint): boolean {
    const way = between(a, b);
    const least = 0.35 * Math.min(a.contrast, b.contrast);
    let side = 0;
    for (let i = 0; i < EDGE_SAMPLES; i += 1) {
      const t = 0.25 + (0.5 * i) / (EDGE_SAMPLES - 1);
      const [x, y] = [a.x + t * way.x, a.y + t * way.y];
      const aside = 0.22;
      const difference =
        sample(this.#image, x - aside * way.y, y + aside * way.x) - sample(this.#image, x + aside * way.y, y - aside * way.x);
      if (Math.abs(difference) < least || (side !== 0 && Math.sign(difference) !== side)) return false;
      side = Math.sign(difference);
    }
    return true;
  }
}

function between(a: PicturePoint, b: PicturePoint): PicturePoint {
  return { x: b.x - a.x, y: b.y - a.y };
}

function length({ x, y }: PicturePoint): number {
  return Math.hypot(x, y);
}

function distance(a: PicturePoint, b: PicturePoint): number {
  return Math.hypot(b.x - a.x, b.y - a.y);
}

function sineOf(a: PicturePoint, b: PicturePoint): number {
  return (a.x * b.y - a.y * b.x) / (length(a) * length(b));
}
