// What crosses the calls of Object Detection.
import type { f64, i32 } from '../portable.ts';

/** A camera frame and how the camera looks at the world: a level pinhole above a flat floor. */
export interface Frame {
  readonly width: i32;
  readonly height: i32;
  /** rgb8: width·height·3 bytes, row-major from the top left. */
  readonly pixels: Uint8Array;
  /** Focal length [px]. */
  readonly focalPx: f64;
  /** Column of the optical axis [px]. */
  readonly centreX: f64;
  /** Row of the horizon [px]: what is higher than the camera lies above it. */
  readonly horizonRow: f64;
  /** Height of the camera above the floor [m]. */
  readonly cameraHeightM: f64;
}

/** One object in a frame: a box in pixels, origin top left. */
export interface Detection {
  readonly className: string;
  /** Confidence, 0 to 1. */
  readonly score: f64;
  readonly x: f64;
  readonly y: f64;
  readonly width: f64;
  readonly height: f64;
}
