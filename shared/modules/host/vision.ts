// Host interface `vision`: image operations that a host does faster than a guest (OpenCV).
import type { f64, i32 } from '../portable.ts';

/** A connected region of one label. Pixels, origin top left; a pixel spans [x, x + 1). */
export interface Blob {
  readonly label: i32;
  /** Bounding box. */
  readonly x: i32;
  readonly y: i32;
  readonly width: i32;
  readonly height: i32;
  readonly areaPx: i32;
  readonly centroidX: f64;
  readonly centroidY: f64;
}

/**
 * Finds the connected regions (8-neighbours) of each label 1 … `labelCount` in a label image of width·height bytes, after closing
 * gaps of up to `closePx` pixels; regions of fewer than `minAreaPx` pixels are left out. Closing may stretch a region to the border that it lies `closePx` away from. By label, then top to bottom.
 * @host vision
 */
export declare function findBlobs(labels: Uint8Array, width: i32, height: i32, labelCount: i32, minAreaPx: i32, closePx: i32): Blob[];
