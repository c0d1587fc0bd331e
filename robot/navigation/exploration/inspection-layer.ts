// Which floor a camera has looked at, by this rover or another: a bit per navigation cell, shared tile by tile.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { OutriderError } from '../../../shared/errors.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { BELIEF_FREE, BELIEF_OCCUPIED } from '../costmap/belief-grid.ts';
import { type GridFrame, regrid } from '../costmap/grid-frame.ts';
import { type CameraCone, castCone } from './camera-cone.ts';

/** Cells along the edge of a tile: the step in which grids grow, so that a tile never straddles a grid's edge. */
export const INSPECTION_TILE_CELLS = 32;
const TILE_BYTES = (INSPECTION_TILE_CELLS * INSPECTION_TILE_CELLS) / 8;

/** One tile of the shared layer. Tile (x, y) spans cells [x·32, (x+1)·32) from the map origin. */
export interface InspectionTile {
  readonly x: number;
  readonly y: number;
  /** Edge of a cell [m]. */
  readonly cellM: number;
  /** Base64 of raw-deflated bits, row-major from the lower left, least significant bit first; 1: inspected. */
  readonly bits: string;
}

/** A layer that only grows: merging is commutative, associative and idempotent. */
export class InspectionLayer {
  readonly #cellM: number;
  #frame: GridFrame | null = null;
  #seen: Uint8Array = new Uint8Array(0);
  /** Bits of others for tiles outside the own grid, kept until it grows there. */
  readonly #outside = new Map<string, Uint8Array>();
  readonly #changed = new Set<string>();

  constructor(cellM: number) {
    this.#cellM = cellM;
  }

  /** 1 by cell where inspected, in the frame last resized to. */
  get seen(): Uint8Array {
    return this.#seen;
  }

  resize(frame: GridFrame): void {
    if (frame === this.#frame) return;
    const empty = new Uint8Array(frame.width * frame.height);
    this.#seen = this.#frame === null ? empty : regrid(this.#seen, this.#frame, frame, empty, 0);
    this.#frame = frame;
    for (const [key, bits] of this.#outside) {
      const [x, y] = parseKey(key);
      if (this.#mergeBits(x, y, bits)) this.#outside.delete(key);
    }
  }

  /** Marks the free floor in the camera's cone from `pose` that nothing hides. Returns how many cells are new. */
  observe(states: Uint8Array, pose: Pose2, camera: CameraCone): number {
    const frame = this.#frame;
    if (frame === null) return 0;
    let fresh = 0;
    castCone(frame, states, BELIEF_OCCUPIED, pose, camera, (cell) => {
      if (states[cell] !== BELIEF_FREE || this.#seen[cell] !== 0) return;
      this.#seen[cell] = 1;
      fresh += 1;
      const x = Math.floor((cell % frame.width) / INSPECTION_TILE_CELLS) + this.#firstTile(frame.originX);
      const y = Math.floor(Math.floor(cell / frame.width) / INSPECTION_TILE_CELLS) + this.#firstTile(frame.originY);
      this.#changed.add(keyOf(x, y));
    });
    return fresh;
  }

  /** Tiles that the own camera has changed since the last call, oldest change first; at most `max`. */
  takeChangedTiles(max = Infinity): InspectionTile[] {
    const tiles: InspectionTile[] = [];
    for (const key of this.#changed) {
      if (tiles.length >= max) break;
      this.#changed.delete(key);
      const [x, y] = parseKey(key);
      tiles.push({ x, y, cellM: this.#cellM, bits: encodeBits(this.#readBits(x, y)) });
    }
    return tiles;
  }

  /** Takes over what others have inspected. Throws OUT_PROTOCOL_MESSAGE for a tile of another lattice or with bad bits. */
  merge(tiles: readonly InspectionTile[]): void {
    for (const { x, y, cellM, bits } of tiles) {
      if (Math.abs(cellM - this.#cellM) > 1e-9) {
        throw new OutriderError('OUT_PROTOCOL_MESSAGE', `inspection tile: cells of ${cellM} m arrived, this fleet uses ${this.#cellM} m`);
      }
      const decoded = decodeBits(bits);
      if (this.#mergeBits(x, y, decoded)) continue;
      const known = this.#outside.get(keyOf(x, y));
      if (known === undefined) this.#outside.set(keyOf(x, y), decoded);
      else for (let i = 0; i < TILE_BYTES; i += 1) (known[i] as number) |= decoded[i] as number;
    }
  }

  #firstTile(origin: number): number {
    return Math.round(origin / (this.#cellM * INSPECTION_TILE_CELLS));
  }

  /** Index of a tile's first cell, −1 where it is outside the grid. */
  #cornerOf(x: number, y: number): number {
    const frame = this.#frame;
    if (frame === null) return -1;
    const left = (x - this.#firstTile(frame.originX)) * INSPECTION_TILE_CELLS;
    const bottom = (y - this.#firstTile(frame.originY)) * INSPECTION_TILE_CELLS;
    if (left < 0 || bottom < 0 || left >= frame.width || bottom >= frame.height) return -1;
    return bottom * frame.width + left;
  }

  #readBits(x: number, y: number): Uint8Array {
    const bits = new Uint8Array(TILE_BYTES);
    const corner = this.#cornerOf(x, y);
    const width = this.#frame?.width ?? 0;
    if (corner < 0) return bits;
    for (let i = 0; i < INSPECTION_TILE_CELLS * INSPECTION_TILE_CELLS; i += 1) {
      const cell = corner + Math.floor(i / INSPECTION_TILE_CELLS) * width + (i % INSPECTION_TILE_CELLS);
      if (this.#seen[cell] !== 0) (bits[i >> 3] as number) |= 1 << (i & 7);
    }
    return bits;
  }

  #mergeBits(x: number, y: number, bits: Uint8Array): boolean {
    const corner = this.#cornerOf(x, y);
    if (corner < 0) return false;
    const width = this.#frame?.width ?? 0;
    for (let i = 0; i < INSPECTION_TILE_CELLS * INSPECTION_TILE_CELLS; i += 1) {
      if (((bits[i >> 3] as number) & (1 << (i & 7))) === 0) continue;
      this.#seen[corner + Math.floor(i / INSPECTION_TILE_CELLS) * width + (i % INSPECTION_TILE_CELLS)] = 1;
    }
    return true;
  }
}

function encodeBits(bits: Uint8Array): string {
  return deflateRawSync(bits, { level: 6 }).toString('base64');
}

/** Never inflates beyond a tile's size. */
function decodeBits(text: string): Uint8Array {
  try {
    const bytes = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: TILE_BYTES });
    if (bytes.byteLength !== TILE_BYTES) throw new RangeError(`${bytes.byteLength} bytes`);
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new OutriderError('OUT_PROTOCOL_MESSAGE', `inspection tile: bits are not ${TILE_BYTES} raw-deflated bytes in base64`, { cause });
  }
}

function keyOf(x: number, y: number): string {
  return `${x},${y}`;
}

function parseKey(key: string): [number, number] {
  const [x, y] = key.split(',').map(Number);
  return [x as number, y as number];
}
