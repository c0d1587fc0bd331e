// What crosses the Map Server's calls. Frames: each rover reports in its own map frame; answers are in the common frame.
import type { f64, i32 } from '../portable.ts';
import type { TileRecord } from '../host/map-view.ts';

/** One rover's evidence of one tile of its own frame; it replaces what that rover sent of the tile before. */
export interface TilePatch {
  readonly tileX: i32;
  readonly tileY: i32;
  /** The rover's revision of this tile; anything not newer than what is there is ignored. */
  readonly revision: f64;
  /** 64 × 64 log-odds cells in steps of 1/20 nat, row-major from the lower left; 0: never seen. */
  readonly cells: Int8Array;
}

export interface UpdateReceipt {
  /** Patches that changed something. */
  readonly taken: i32;
  /** Patches that were not newer than what is there, or said the same. */
  readonly ignored: i32;
  /** Whether the rover's frame has a place in the common frame. */
  readonly placed: boolean;
  /** That place, common ← rover [m, rad], and how sure it is (0 … 1). The rover may adopt it: see `rebase`. */
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  readonly confidence: f64;
}

/** One object seen in one frame. Position [m] and covariance [m²] in the rover's map frame. */
export interface Sighting {
  readonly className: string;
  /** The detector's confidence, 0 to 1. */
  readonly score: f64;
  readonly x: f64;
  readonly y: f64;
  readonly covXX: f64;
  readonly covXY: f64;
  readonly covYY: f64;
  readonly stampSec: f64;
  /** Distance from the camera [m]. */
  readonly rangeM: f64;
}

/** One camera frame that was searched: where from, how far it could see, and what was found (perhaps nothing, which is evidence too). */
export interface ObservedFrame {
  readonly stampSec: f64;
  /** Position [m] and heading [rad] of the camera in the rover's map frame. */
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  /** Half of the horizontal field of view [rad]. */
  readonly halfFovRad: f64;
  /** Beyond this distance a hazard may well be overlooked [m]. */
  readonly maxRangeM: f64;
  readonly sightings: Sighting[];
}

export interface ReportReceipt {
  readonly candidates: i32;
  readonly confirmed: i32;
}

/** Merged tiles, oldest revision first. */
export interface TileSet {
  readonly tiles: TileRecord[];
  /** Ask again with this revision for the next ones. */
  readonly revision: f64;
  /** More are there than were asked for. */
  readonly more: boolean;
}
