// Where a grid lies in the map frame. All navigation grids sit on one absolute lattice, so that growing never moves a cell.

/** Row-major from the lower left; cell (0, 0) spans [originX, originX + resolutionM) × [originY, originY + resolutionM). */
export interface GridFrame {
  readonly width: number;
  readonly height: number;
  /** Edge of a cell [m]. */
  readonly resolutionM: number;
  readonly originX: number;
  readonly originY: number;
}

/** Index of the cell that contains the point [m], or −1 outside the grid. */
export function cellAt(frame: GridFrame, x: number, y: number): number {
  const cx = Math.floor((x - frame.originX) / frame.resolutionM);
  const cy = Math.floor((y - frame.originY) / frame.resolutionM);
  return cx < 0 || cy < 0 || cx >= frame.width || cy >= frame.height ? -1 : cy * frame.width + cx;
}

/** Centre of a cell [m]. */
export function centreX(frame: GridFrame, cell: number): number {
  return frame.originX + ((cell % frame.width) + 0.5) * frame.resolutionM;
}

export function centreY(frame: GridFrame, cell: number): number {
  return frame.originY + (Math.floor(cell / frame.width) + 0.5) * frame.resolutionM;
}

export function sameFrame(a: GridFrame, b: GridFrame): boolean {
  return (
    a.width === b.width && a.height === b.height && a.originX === b.originX && a.originY === b.originY && a.resolutionM === b.resolutionM
  );
}

/** Metric bounds [m]. */
export interface Bounds {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
}

/** Cells of lattice growth: frames grow in steps of this many cells, so that they grow rarely. */
const BLOCK = 32;

/** The smallest block-aligned frame of the absolute lattice that covers `bounds` and, when given, `previous`. */
export function latticeFrame(bounds: Bounds, resolutionM: number, previous: GridFrame | null): GridFrame {
  const block = BLOCK * resolutionM;
  const tolerance = 1e-6; // a bound that lies on a block's edge up to rounding does not open a new block
  let x0 = Math.floor(bounds.minX / block + tolerance);
  let y0 = Math.floor(bounds.minY / block + tolerance);
  let x1 = Math.ceil(bounds.maxX / block - tolerance);
  let y1 = Math.ceil(bounds.maxY / block - tolerance);
  if (previous !== null) {
    const px = Math.round(previous.originX / block);
    const py = Math.round(previous.originY / block);
    x0 = Math.min(x0, px);
    y0 = Math.min(y0, py);
    x1 = Math.max(x1, px + previous.width / BLOCK);
    y1 = Math.max(y1, py + previous.height / BLOCK);
  }
  const frame = { width: (x1 - x0) * BLOCK, height: (y1 - y0) * BLOCK, resolutionM, originX: x0 * block, originY: y0 * block };
  return previous !== null && sameFrame(frame, previous) ? previous : frame;
}

/** Copies `values` from one frame of a lattice into another of the same lattice; cells that were not there get `fill`. */
export function regrid<T extends Uint8Array | Float32Array>(values: T, from: GridFrame, to: GridFrame, empty: T, fill: number): T {
  empty.fill(fill);
  const dx = Math.round((from.originX - to.originX) / to.resolutionM);
  const dy = Math.round((from.originY - to.originY) / to.resolutionM);
  const left = Math.max(0, -dx);
  const right = Math.min(from.width, to.width - dx);
  if (left >= right) return empty;
  for (let y = Math.max(0, -dy); y < Math.min(from.height, to.height - dy); y += 1) {
    empty.set(values.subarray(y * from.width + left, y * from.width + right), (y + dy) * to.width + left + dx);
  }
  return empty;
}
