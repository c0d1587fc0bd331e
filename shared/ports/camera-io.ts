// The boundary to a forward-looking camera.
import type { LensDistortion } from '../geometry/lens.ts';

/** Pinhole model: a point (x right, y down, z forward) projects to u = fx·x/z + cx, v = fy·y/z + cy [px]. */
export interface CameraIntrinsics {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  /** What the lens does to x/z and y/z before; none where it is left out. Frames come as the lens made them. */
  readonly distortion?: LensDistortion;
}

/** How the camera sits on the rover (base frame: x forward, y left, z up from the floor). */
export interface CameraMount {
  /** Position of the optical centre [m]. */
  readonly xM: number;
  readonly yM: number;
  readonly zM: number;
  /** Downward pitch of the optical axis [rad]. */
  readonly pitchDownRad: number;
}

export interface CameraFrame {
  readonly stampSec: number;
  readonly sequence: number;
  readonly width: number;
  readonly height: number;
  /** `rgb8`: width·height·3 bytes, row-major from the top left; `jpeg`: a JFIF stream. */
  readonly encoding: 'rgb8' | 'jpeg';
  readonly data: Uint8Array;
}

export interface CameraInputs {
  readonly connected: boolean;
  /** The newest frame, or null before the first. A simulated camera renders on `update`, at most once per frame period. */
  readonly frame: CameraFrame | null;
}

export interface CameraIo {
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  update(): CameraInputs;
}
