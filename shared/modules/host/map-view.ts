// Host interface `map-view`: how the Map Server makes the common view known. The site decides where it goes (retained MQTT).
import type { f64, i32 } from '../portable.ts';

/** One merged tile: 64 × 64 cells of 5 cm, row-major from the lower left; −1 unknown, 0 free … 100 occupied. */
export interface TileRecord {
  readonly tileX: i32;
  readonly tileY: i32;
  /** Grows with every publication. */
  readonly revision: f64;
  readonly stampSec: f64;
  readonly cells: Int8Array;
}

export type ObjectStatus = 'candidate' | 'confirmed' | 'withdrawn';

/** One fused object; position and covariance in the common frame [m], [m²]. */
export interface ObjectRecord {
  readonly object: string;
  readonly className: string;
  readonly status: ObjectStatus;
  readonly x: f64;
  readonly y: f64;
  readonly covXX: f64;
  readonly covXY: f64;
  readonly covYY: f64;
  readonly sightings: i32;
  readonly rovers: string[];
  /** Fused confidence in the class, 0 to 1. */
  readonly score: f64;
  readonly firstSeenSec: f64;
  readonly lastSeenSec: f64;
}

/** Geometry of the merged map: the bounding box of its tiles and who contributes. */
export interface MetadataRecord {
  readonly resolutionM: f64;
  readonly tileSize: i32;
  readonly tileMinX: i32;
  readonly tileMinY: i32;
  readonly tileMaxX: i32;
  readonly tileMaxY: i32;
  readonly rovers: string[];
  readonly revision: f64;
  readonly stampSec: f64;
}

/** Makes a tile known. @host map-view */
export declare function publishTile(tile: TileRecord): void;

/** Makes an object known. @host map-view */
export declare function publishObject(item: ObjectRecord): void;

/** Makes the map's extent known. @host map-view */
export declare function publishMetadata(metadata: MetadataRecord): void;
