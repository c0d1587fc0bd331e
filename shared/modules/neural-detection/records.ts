// What crosses the calls of Neural Detection.
import type { f64, i32 } from '../portable.ts';

/** `rgb8`: width·height·3 bytes, row-major from the top left. `jpeg`: a JPEG file of that size. */
export type PictureEncoding = 'rgb8' | 'jpeg';

/** A camera frame, and the name of the network to search it with. */
export interface NeuralFrame {
  readonly model: string;
  readonly encoding: PictureEncoding;
  readonly width: i32;
  readonly height: i32;
  readonly data: Uint8Array;
}

/** One object in a frame: a box in pixels, origin top left, within the picture. */
export interface NeuralDetection {
  readonly className: string;
  /** Confidence, 0 to 1. */
  readonly score: f64;
  readonly x: f64;
  readonly y: f64;
  readonly width: f64;
  readonly height: f64;
}
