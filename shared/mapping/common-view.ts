// A subscriber's copy of a mission's common view: merged tiles and fused objects, put together from retained MQTT messages.
import { isOutriderError } from '../errors.ts';
import type { BusMessage, MessageBus } from '../ports/message-bus.ts';
import { mapMetadata, mapObject, mapTile, type MapMetadata, type MapObject } from '../protocol/map-view.ts';
import { decodeMessage, filterOf, type MessageDefinition } from '../protocol/message.ts';
import { type OccupancyMap, UNKNOWN } from './occupancy-map.ts';
import { decodeTileCells } from './tile-codec.ts';

interface ViewTile {
  readonly x: number;
  readonly y: number;
  readonly revision: number;
  readonly cells: Int8Array;
}

/** Receives the view until closed. Malformed messages are counted and dropped; the last good view stays. */
export class CommonView {
  readonly #tiles = new Map<string, ViewTile>();
  readonly #objects = new Map<string, MapObject>();
  readonly #unsubscribe: (() => Promise<void>)[] = [];
  #metadata: MapMetadata | null = null;
  #cached: OccupancyMap | null = null;
  #revision = 0;
  #malformed = 0;

  /** Grows with every change of a tile or an object. */
  get revision(): number {
    return this.#revision;
  }

  get malformed(): number {
    return this.#malformed;
  }

  get metadata(): MapMetadata | null {
    return this.#metadata;
  }

  /** Objects by id, in the order of their first arrival. */
  get objects(): readonly MapObject[] {
    return [...this.#objects.values()];
  }

  /** Starts receiving what is retained now and everything that follows. */
  async subscribe(bus: MessageBus, places: { readonly site: string; readonly mission: string }): Promise<void> {
    const on = async <T>(definition: MessageDefinition<T>, take: (value: T) => void): Promise<void> => {
      const stop = await bus.subscribe(filterOf(definition, places), (message) => this.#receive(definition, message, take));
      this.#unsubscribe.push(stop);
    };
    await on(mapMetadata, (metadata) => (this.#metadata = metadata));
    await on(mapTile, (tile) => {
      const key = `${tile.x},${tile.y}`;
      if (tile.revision < (this.#tiles.get(key)?.revision ?? 0)) return;
      const tileSize = this.#metadata?.tileSize ?? DEFAULT_TILE_SIZE;
      this.#tiles.set(key, { x: tile.x, y: tile.y, revision: tile.revision, cells: decodeTileCells(tile.cells, tileSize) });
      this.#cached = null;
    });
    await on(mapObject, (object) => void this.#objects.set(object.object, object));
  }

  async close(): Promise<void> {
    await Promise.all(this.#unsubscribe.splice(0).map((stop) => stop()));
  }

  /** The merged map over all tiles received so far, or null before the first. Cached until the next tile. */
  map(): OccupancyMap | null {
    this.#cached ??= assemble(
      [...this.#tiles.values()],
      this.#metadata?.tileSize ?? DEFAULT_TILE_SIZE,
      this.#metadata?.resolutionM ?? DEFAULT_RESOLUTION_M,
    );
    return this.#cached;
  }

  #receive<T>(definition: MessageDefinition<T>, message: BusMessage, take: (value: T) => void): void {
    if (message.payload.byteLength === 0) return; // a cleared retained message
    try {
      take(decodeMessage(definition, message.payload));
      this.#revision += 1;
    } catch (error) {
      if (!isOutriderError(error)) throw error;
      this.#malformed += 1;
    }
  }
}

/** Used only until the metadata message has arrived. */
const DEFAULT_TILE_SIZE = 64;
const DEFAULT_RESOLUTION_M = 0.05;

/** One map over the bounding box of all tiles. */
function assemble(tiles: readonly ViewTile[], tileSize: number, resolutionM: number): OccupancyMap | null {
  if (tiles.length === 0) return null;
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of tiles) {
    minX = Math.min(minX, x);
    minY = Math.min(minY, y);
    maxX = Math.max(maxX, x);
    maxY = Math.max(maxY, y);
  }
  const width = (maxX - minX + 1) * tileSize;
  const height = (maxY - minY + 1) * tileSize;
  const cells = new Int8Array(width * height).fill(UNKNOWN);
  for (const tile of tiles) {
    const left = (tile.x - minX) * tileSize;
    const bottom = (tile.y - minY) * tileSize;
    for (let row = 0; row < tileSize; row += 1) {
      cells.set(tile.cells.subarray(row * tileSize, (row + 1) * tileSize), (bottom + row) * width + left);
    }
  }
  return { width, height, resolutionM, originX: minX * tileSize * resolutionM, originY: minY * tileSize * resolutionM, cells };
}
