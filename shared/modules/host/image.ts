// Host interface `image`: pictures that arrive compressed, as a guest needs them.
import type { i32 } from '../portable.ts';

/** rgb8: width·height·3 bytes, row-major from the top left. */
export interface Picture {
  readonly width: i32;
  readonly height: i32;
  readonly pixels: Uint8Array;
}

/** Decodes a JPEG of at most `maxPixels` pixels; the host may allow fewer. @host image */
export declare function decodeJpeg(jpeg: Uint8Array, maxPixels: i32): Picture;
