// Map tiles as small pictures, one pixel per cell. A changed tile fades in over its predecessor.
import type { MapTile } from '../../../../shared/protocol/map-view.ts';
import type { FleetState } from '../state/fleet-state.ts';
import { inflateCells } from './inflate.ts';
import type { Palette } from './palette.ts';

/** How long a changed tile takes to appear [ms]. */
export const FADE_MS = 420;
/** Tiles of more cells along an edge are refused: what a broker can make the page allocate. */
const MAX_TILE_SIZE = 512;
const UNKNOWN = -1;

export interface RasterTile {
  readonly tileX: number;
  readonly tileY: number;
  picture: HTMLCanvasElement;
  previous: HTMLCanvasElement | null;
  changedAtMs: number;
}

interface Slot {
  /** The text that is shown or being inflated. */
  text: string;
  cells: Int8Array | null;
  tile: RasterTile | null;
}

export interface TileRasterOptions {
  readonly nowMs: () => number;
  readonly onChange: () => void;
  readonly onBadTile: (reason: string) => void;
}

export class TileRaster {
  readonly #slots = new Map<string, Slot>();
  readonly #options: TileRasterOptions;
  #palette: Palette;
  #tileSize = 0;

  constructor(palette: Palette, options: TileRasterOptions) {
    this.#palette = palette;
    this.#options = options;
  }

  /** What can be drawn now. */
  get tiles(): RasterTile[] {
    return [...this.#slots.values()].flatMap((slot) => slot.tile ?? []);
  }

  /** Takes over the tiles of the state: inflates what changed, forgets what is gone. */
  update(state: FleetState): void {
    const size = state.metadata?.tileSize ?? 0;
    if (size !== this.#tileSize) this.#slots.clear();
    this.#tileSize = size;
    if (size === 0) return;
    if (size > MAX_TILE_SIZE) return this.#options.onBadTile(`map metadata: tiles of ${size} cells; at most ${MAX_TILE_SIZE} are drawn`);
    for (const id of this.#slots.keys()) if (!state.tiles.has(id)) this.#slots.delete(id);
    for (const [id, message] of state.tiles) {
      const slot = this.#slots.get(id) ?? { text: '', cells: null, tile: null };
      if (slot.text === message.cells) continue;
      slot.text = message.cells;
      this.#slots.set(id, slot);
      void this.#inflate(slot, message);
    }
  }

  /** Draws every tile anew in other colours. */
  recolour(palette: Palette): void {
    this.#palette = palette;
    for (const { cells, tile } of this.#slots.values()) {
      if (cells === null || tile === null) continue;
      tile.picture = paint(cells, this.#tileSize, palette);
      tile.previous = null;
    }
    this.#options.onChange();
  }

  async #inflate(slot: Slot, message: MapTile): Promise<void> {
    const size = this.#tileSize;
    let cells: Int8Array;
    try {
      cells = await inflateCells(message.cells, size * size);
    } catch (error) {
      this.#options.onBadTile(error instanceof Error ? error.message : String(error));
      return;
    }
    // A newer message, or another map, may have come meanwhile.
    if (slot.text !== message.cells || size !== this.#tileSize) return;
    slot.cells = cells;
    const picture = paint(cells, size, this.#palette);
    slot.tile = { tileX: message.x, tileY: message.y, picture, previous: slot.tile?.picture ?? null, changedAtMs: this.#options.nowMs() };
    this.#options.onChange();
  }
}

/** Unknown is clear, so that the grid shows through; free to occupied runs from the floor's colour to the wall's. */
function paint(cells: Int8Array, size: number, { free, wall }: Palette): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = size;
  canvas.height = size;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no 2D canvas');
  const image = context.createImageData(size, size);
  for (const [index, cell] of cells.entries()) {
    if (cell === UNKNOWN) continue;
    const row = size - 1 - Math.floor(index / size);
    const at = 4 * (row * size + (index % size));
    const share = wallShare(cell);
    image.data[at] = free[0] + share * (wall[0] - free[0]);
    image.data[at + 1] = free[1] + share * (wall[1] - free[1]);
    image.data[at + 2] = free[2] + share * (wall[2] - free[2]);
    image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A soft threshold: floor stays even, walls stay crisp, doubt between them shows. */
function wallShare(cell: number): number {
  const share = Math.min(Math.max((cell - 25) / 50, 0), 1);
  return share * share * (3 - 2 * share);
}
