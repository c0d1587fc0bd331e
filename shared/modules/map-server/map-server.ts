// The Map Server: merges rovers' partial maps into tiles and their sightings into objects, and makes the common view known.
// All state is declared below, so that it moves between builds; a rover that falls silent leaves its map here.
import { type f64, i32, unchecked } from '../portable.ts';
import { publishMetadata, publishObject, publishTile, type TileRecord } from '../host/map-view.ts';
import { beginRegistration, takeRegistration } from '../host/registration.ts';
import { isTileCoordinate, newRoverMap, placeRover, RESOLUTION_M, type RoverMap, takePatch, TILE_CELLS, TILE_SIZE } from './evidence.ts';
import { fuseLook } from './fusion.ts';
import { type Inquiry, type Link, nextPair, noteOutcome, rebaseLinks } from './links.ts';
import { mergeTile, reachOf } from './merge-tile.ts';
import { type MapObject, recordOf, withdrawSightingsOf } from './objects.ts';
import { lookFrom } from './observation.ts';
import { findPlaces, type Place, stands } from './placing.ts';
import type { ObservedFrame, ReportReceipt, TilePatch, TileSet, UpdateReceipt } from './records.ts';
import { gridOf } from './rover-grid.ts';
import { checksumOf, dirtyTile, type MergedTile, publishedBox, sinceRevision } from './merged-tiles.ts';

/** A tile or an object is published at most this often [s]. */
const PUBLISH_PERIOD_SEC: f64 = 1;
/** A message from further ahead than this is a broken clock [s]. */
const MAX_CLOCK_LEAP_SEC: f64 = 3600;
const MAX_ROVERS: i32 = 64;
/** Tiles that a call publishes at most beside twice those that it brought: no call pays for the bursts of all rovers. */
const SPARE_TILES: i32 = 8;
const ALL_TILES: i32 = 2147483647;
/** Revisions are milliseconds of message time at least, so that a server restored from a checkpoint never falls behind what it had published. */
const REVISIONS_PER_SEC: f64 = 1000;

/** A registration that has not answered by then never will: its host was left [s]. */
const PATIENCE_SEC: f64 = 60;

const CELLS = new Int8Array(4096);

export class MapServer {
  rovers: RoverMap[] = [];
  tiles: MergedTile[] = [];
  objects: MapObject[] = [];
  nextObject: i32 = 1;
  /** Newest message time [s]; −1 before the first. */
  nowSec: f64 = -1;
  revision: f64 = 0;
  extentChanged: boolean = false;
  /** Where the search for tiles to publish goes on. */
  nextTile: i32 = 0;
  links: Link[] = [];
  inquiry: Inquiry | null = null;
  nextTicket: i32 = 1;

  /**
   * Makes a rover known: (x, y, theta) is the place of its map frame in the common frame. May be called again when the
   * place becomes better known; what the rover has contributed then moves. Throws for numbers that are not finite.
   * @offloadable
   */
  join(rover: string, x: f64, y: f64, theta: f64): void {
    if (!Number.isFinite(x + y + theta)) throw new RangeError(`start pose of ${rover} is not finite`);
    const map = this.enrol(rover);
    map.given = true;
    map.known = true;
    // A place that is given outranks an origin that was only assumed.
    for (const other of this.rovers) if (!other.given) other.known = false;
    this.placeAt(map, { x, y, theta, confidence: 1 });
    this.replaceOthers();
  }

  /**
   * Makes a rover known whose place in the common frame is not known: it is found by registering its map to the others', once there is
   * evidence enough. The first rover of all is the origin. An earlier place stays.
   * @offloadable
   */
  joinUnplaced(rover: string): void {
    const map = this.enrol(rover);
    if (map.known || this.rovers.length > 1) return;
    map.known = true;
    this.placeAt(map, { x: 0, y: 0, theta: 0, confidence: 1 });
  }

  /**
   * The rover has moved its own frame: (x, y, theta) maps the old frame into the new one. Its tiles are forgotten, since it sends all of
   * them again; its place and its links stay what they are, seen from the new frame. Throws for a rover that has not joined.
   * @offloadable
   */
  rebase(rover: string, x: f64, y: f64, theta: f64): void {
    const map = this.require(rover);
    if (!Number.isFinite(x + y + theta)) throw new RangeError(`the new frame of ${rover} is not finite`);
    this.markAll(map);
    map.tiles = [];
    map.knownCells = 0;
    map.frame += 1;
    rebaseLinks(this.links, rover, x, y, theta);
    // common ← old ← new
    const turned = map.theta - theta;
    const c = Math.cos(turned);
    const s = Math.sin(turned);
    placeRover(map, map.x - (c * x - s * y), map.y - (s * x + c * y), turned);
  }

  /**
   * Takes a rover's changed tiles, and publishes the merged tiles that are due. Throws for a rover that has not joined and for
   * patches that are no tiles; then nothing was taken.
   * @offloadable
   */
  update(rover: string, stampSec: f64, patches: TilePatch[]): UpdateReceipt {
    const map = this.require(rover);
    for (const patch of patches) {
      if (patch.cells.length !== TILE_CELLS) throw new RangeError(`a tile of ${rover} has ${patch.cells.length} cells, not 4096`);
      if (!isTileCoordinate(patch.tileX) || !isTileCoordinate(patch.tileY)) {
        throw new RangeError(`tile (${patch.tileX}, ${patch.tileY}) of ${rover} is out of bounds`);
      }
    }
    this.advance(stampSec);
    let taken: i32 = 0;
    for (const patch of patches) {
      if (!takePatch(map, patch)) continue;
      taken += 1;
      this.mark(map, patch.tileX, patch.tileY);
    }
    this.register();
    this.publish(2 * patches.length + SPARE_TILES);
    const { placed, x, y, theta, confidence } = map;
    return { taken, ignored: patches.length - taken, placed, x, y, theta, confidence };
  }

  /**
   * Takes searched camera frames with what was seen in them, and publishes objects that are due. Throws for a rover that has not joined.
   * @offloadable
   */
  report(rover: string, stampSec: f64, frames: ObservedFrame[]): ReportReceipt {
    const map = this.require(rover);
    if (!map.placed) throw new RangeError(`rover ${rover} has no place in the common frame yet: keep the frames`);
    this.advance(stampSec);
    for (const frame of frames) {
      if (!Number.isFinite(frame.x + frame.y + frame.theta + frame.stampSec + frame.halfFovRad + frame.maxRangeM)) continue;
      this.nextObject = fuseLook(this.objects, this.rovers, lookFrom(map, frame), this.nextObject);
    }
    this.publish(SPARE_TILES);
    let candidates: i32 = 0;
    let confirmed: i32 = 0;
    for (const item of this.objects) {
      if (item.status === 'candidate') candidates += 1;
      if (item.status === 'confirmed') confirmed += 1;
    }
    return { candidates, confirmed };
  }

  /**
   * Publishes everything that is not yet known outside.
   * @offloadable
   */
  flush(stampSec: f64): void {
    this.advance(stampSec);
    this.publish(ALL_TILES);
  }

  /**
   * Merged tiles published after `sinceRevision`, at most `limit` (1 to 256), oldest first: for a rover that lacks them.
   * @offloadable
   */
  query(since: f64, limit: i32): TileSet {
    const found = sinceRevision(this.tiles, since);
    const count: i32 = Math.min(found.length, Math.max(1, Math.min(256, limit)));
    const tiles: TileRecord[] = [];
    let revision: f64 = since;
    for (let index: i32 = 0; index < count; index += 1) {
      const tile = unchecked(found[index]);
      mergeTile(this.rovers, tile.tileX, tile.tileY, CELLS);
      tiles.push({ tileX: tile.tileX, tileY: tile.tileY, revision: tile.revision, stampSec: tile.publishedSec, cells: CELLS.slice() });
      revision = tile.revision;
    }
    return { tiles, revision, more: count < found.length };
  }

  private find(rover: string): RoverMap | null {
    for (const map of this.rovers) if (map.rover === rover) return map;
    return null;
  }

  private require(rover: string): RoverMap {
    const map = this.find(rover);
    if (map === null) throw new RangeError(`rover ${rover} has not joined`);
    return map;
  }

  private enrol(rover: string): RoverMap {
    if (rover.length === 0 || rover.length > 64) throw new RangeError('a rover is named by 1 to 64 characters');
    const found = this.find(rover);
    if (found !== null) return found;
    if (this.rovers.length >= MAX_ROVERS) throw new RangeError(`${rover} is one rover too many: at most ${MAX_ROVERS} can join`);
    const map = newRoverMap(rover);
    this.insert(map);
    return map;
  }

  /** Gives a rover its place, moves it, or (null) takes it out of the common view. */
  private placeAt(map: RoverMap, place: Place | null): void {
    if (place !== null && map.placed && map.x === place.x && map.y === place.y && map.theta === place.theta) return;
    this.markAll(map);
    map.placed = place !== null;
    map.confidence = place === null ? 0 : place.confidence;
    if (place !== null) {
      placeRover(map, place.x, place.y, place.theta);
      this.markAll(map);
    }
    this.extentChanged = true;
  }

  /** Hears of the registration that is out, and begins the next that is due. */
  private register(): void {
    const asked = this.inquiry;
    if (asked !== null) {
      const outcome = takeRegistration();
      if (outcome !== null && outcome.ticket === asked.ticket) {
        this.inquiry = null;
        if (this.require(asked.a).frame === asked.frameA && this.require(asked.b).frame === asked.frameB) {
          noteOutcome(this.links, asked, outcome);
          this.replaceOthers();
        }
      } else if (this.nowSec - asked.sinceSec > PATIENCE_SEC) this.inquiry = null;
      else return;
    }
    const pair = nextPair(this.rovers, this.links);
    if (pair < 0) return;
    const count: i32 = this.rovers.length;
    const b = unchecked(this.rovers[pair % count]);
    const a = unchecked(this.rovers[i32(pair / count)]);
    const gridA = gridOf(a);
    const gridB = gridOf(b);
    if (gridA === null || gridB === null) return;
    this.inquiry = {
      ticket: this.nextTicket,
      a: a.rover,
      b: b.rover,
      frameA: a.frame,
      frameB: b.frame,
      sinceSec: this.nowSec,
      triedCells: a.knownCells + b.knownCells,
    };
    beginRegistration(this.nextTicket, gridA, gridB);
    this.nextTicket += 1;
  }

  /** Moves, places and takes out whoever the links now put elsewhere. */
  private replaceOthers(): void {
    const places = findPlaces(this.rovers, this.links);
    for (let index: i32 = 0; index < this.rovers.length; index += 1) {
      const map = unchecked(this.rovers[index]);
      const place = unchecked(places[index]);
      if (map.known || stands(map, place)) continue;
      if (map.placed) withdrawSightingsOf(this.objects, map.rover);
      this.placeAt(map, place);
    }
  }

  /** Keeps the rovers in the order of their names, so that the state does not depend on who came first. */
  private insert(map: RoverMap): void {
    this.rovers.push(map);
    let at: i32 = this.rovers.length - 1;
    while (at > 0 && unchecked(this.rovers[at - 1]).rover > map.rover) {
      this.rovers[at] = unchecked(this.rovers[at - 1]);
      at -= 1;
    }
    this.rovers[at] = map;
  }

  private advance(stampSec: f64): void {
    if (!Number.isFinite(stampSec) || (this.nowSec >= 0 && stampSec > this.nowSec + MAX_CLOCK_LEAP_SEC)) {
      throw new RangeError(`stamp ${stampSec} s is not a time near ${this.nowSec} s`);
    }
    if (stampSec > this.nowSec) this.nowSec = stampSec;
  }

  private markAll(map: RoverMap): void {
    for (const tile of map.tiles) this.mark(map, tile.tileX, tile.tileY);
  }

  private mark(map: RoverMap, tileX: i32, tileY: i32): void {
    if (!map.placed) return;
    const box = reachOf(map, tileX, tileY);
    for (let y: i32 = box.minY; y <= box.maxY; y += 1) {
      for (let x: i32 = box.minX; x <= box.maxX; x += 1) {
        if (isTileCoordinate(x) && isTileCoordinate(y)) dirtyTile(this.tiles, x, y);
      }
    }
  }

  private nextRevision(): f64 {
    this.revision = Math.max(this.revision + 1, Math.floor(this.nowSec * REVISIONS_PER_SEC));
    return this.revision;
  }

  /** Publishes what is due, at most `budget` tiles; with ALL_TILES everything that has changed. */
  private publish(budget: i32): void {
    const all = budget === ALL_TILES;
    const dueSec = this.nowSec - PUBLISH_PERIOD_SEC;
    const count: i32 = this.tiles.length;
    let left: i32 = budget;
    for (let step: i32 = 0; step < count && left > 0; step += 1) {
      if (this.nextTile >= count) this.nextTile = 0;
      const tile = unchecked(this.tiles[this.nextTile]);
      this.nextTile += 1;
      if (!tile.dirty || (!all && tile.publishedSec > dueSec)) continue;
      if (this.publishMerged(tile)) left -= 1;
    }
    if (this.extentChanged) this.publishExtent();
    for (const item of this.objects) {
      if (item.changed && (all || item.gone || item.publishedSec <= dueSec)) this.publishOne(item);
    }
    this.objects = this.objects.filter((item) => !item.gone);
  }

  /** Merges and publishes a tile; false when it looks as it did before. */
  private publishMerged(tile: MergedTile): boolean {
    tile.dirty = false;
    mergeTile(this.rovers, tile.tileX, tile.tileY, CELLS);
    const checksum = checksumOf(CELLS);
    if (checksum === tile.checksum) return false;
    tile.checksum = checksum;
    if (tile.revision === 0) this.extentChanged = true;
    tile.publishedSec = this.nowSec;
    tile.revision = this.nextRevision();
    publishTile({ tileX: tile.tileX, tileY: tile.tileY, revision: tile.revision, stampSec: this.nowSec, cells: CELLS });
    return true;
  }

  private publishOne(item: MapObject): void {
    item.changed = false;
    item.publishedSec = this.nowSec;
    publishObject(recordOf(item));
  }

  /** The bounding box of what has been published, and the rovers that contribute. */
  private publishExtent(): void {
    const box = publishedBox(this.tiles);
    if (box === null) return;
    this.extentChanged = false;
    const rovers: string[] = [];
    for (const map of this.rovers) if (map.placed) rovers.push(map.rover);
    publishMetadata({
      resolutionM: RESOLUTION_M,
      tileSize: TILE_SIZE,
      tileMinX: box.minX,
      tileMinY: box.minY,
      tileMaxX: box.maxX,
      tileMaxY: box.maxY,
      rovers,
      revision: this.nextRevision(),
      stampSec: this.nowSec,
    });
  }
}
