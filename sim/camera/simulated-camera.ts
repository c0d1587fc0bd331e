// The rover's camera: renders a frame when one is asked for and due.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraFrame, CameraInputs, CameraIntrinsics, CameraIo, CameraMount } from '../../shared/ports/camera-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { CameraRenderer, MovingBodies } from './camera-renderer.ts';
import { cameraView, intrinsicsOf } from './camera-view.ts';

export interface CameraSpec {
  readonly width: number;
  readonly height: number;
  readonly horizontalFovDeg: number;
  readonly rateHz: number;
}

/** In front of the lidar's mast, looking slightly down. */
export const CAMERA_MOUNT: CameraMount = { xM: 0.1, yM: 0, zM: 0.25, pitchDownRad: 0.05 };

export interface SimulatedCameraOptions {
  readonly spec: CameraSpec;
  /** Made at the first frame: many runs need no camera. */
  readonly renderer: () => CameraRenderer;
  readonly random: Random;
  readonly nowSec: () => number;
  readonly pose: () => Pose2;
  readonly bodies: () => MovingBodies;
}

export class SimulatedCamera implements CameraIo {
  readonly intrinsics: CameraIntrinsics;
  readonly mount = CAMERA_MOUNT;
  readonly #options: SimulatedCameraOptions;
  #frame: CameraFrame | null = null;
  #sequence = 0;
  #connected = true;

  constructor(options: SimulatedCameraOptions) {
    const { width, height, horizontalFovDeg } = options.spec;
    this.#options = options;
    this.intrinsics = intrinsicsOf(width, height, horizontalFovDeg);
  }

  /** Frames rendered so far. */
  get frames(): number {
    return this.#sequence;
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
  }

  update(): CameraInputs {
    const { spec, renderer, random, nowSec, pose, bodies } = this.#options;
    const now = nowSec();
    if (this.#connected && (this.#frame === null || now - this.#frame.stampSec >= 1 / spec.rateHz - 1e-6)) {
      const view = cameraView(pose(), this.mount, this.intrinsics, spec.width, spec.height);
      const data = renderer().render(view, random, bodies());
      this.#frame = { stampSec: now, sequence: this.#sequence++, width: spec.width, height: spec.height, encoding: 'rgb8', data };
    }
    return { connected: this.#connected, frame: this.#frame };
  }
}
