// The rover's camera: renders a frame when one is asked for and due.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraFrame, CameraInputs, CameraIntrinsics, CameraIo, CameraMount } from '../../shared/ports/camera-io.ts';
import type { Random } from '../../shared/ports/random.ts';
import type { CameraRenderer, MovingBodies } from './camera-renderer.ts';
import { cameraView, intrinsicsOf } from './camera-view.ts';
import { LensWarp } from './lens-warp.ts';

export interface CameraSpec {
  readonly width: number;
  readonly height: number;
  readonly horizontalFovDeg: number;
  readonly rateHz: number;
}

/** A camera as it was calibrated on a real rover. */
export interface CalibratedCamera {
  readonly width: number;
  readonly height: number;
  readonly rateHz: number;
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
}

/** In front of the lidar's mast, looking slightly down. */
export const CAMERA_MOUNT: CameraMount = { xM: 0.1, yM: 0, zM: 0.25, pitchDownRad: 0.05 };

export interface SimulatedCameraOptions {
  readonly spec: CameraSpec | CalibratedCamera;
  /** Made at the first frame: many runs need no camera. */
  readonly renderer: () => CameraRenderer;
  readonly random: Random;
  readonly nowSec: () => number;
  readonly pose: () => Pose2;
  readonly bodies: () => MovingBodies;
}

export class SimulatedCamera implements CameraIo {
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
  readonly #options: SimulatedCameraOptions;
  #frame: CameraFrame | null = null;
  #sequence = 0;
  #connected = true;
  #warp: LensWarp | null = null;

  constructor(options: SimulatedCameraOptions) {
    const { spec } = options;
    this.#options = options;
    const isCalibrated = 'intrinsics' in spec;
    this.intrinsics = isCalibrated ? spec.intrinsics : intrinsicsOf(spec.width, spec.height, spec.horizontalFovDeg);
    this.mount = isCalibrated ? spec.mount : CAMERA_MOUNT;
  }

  /** Frames rendered so far. */
  get frames(): number {
    return this.#sequence;
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
  }

  update(): CameraInputs {
    const { spec, nowSec } = this.#options;
    const now = nowSec();
    if (this.#connected && (this.#frame === null || now - this.#frame.stampSec >= 1 / spec.rateHz - 1e-6)) {
      const data = this.#render();
      this.#frame = { stampSec: now, sequence: this.#sequence++, width: spec.width, height: spec.height, encoding: 'rgb8', data };
    }
    return { connected: this.#connected, frame: this.#frame };
  }

  #render(): Uint8Array {
    const { spec, renderer, random, pose, bodies } = this.#options;
    const { width, height } = spec;
    const render = (intrinsics: CameraIntrinsics, wide: number, high: number): Uint8Array =>
      renderer().render(cameraView(pose(), this.mount, intrinsics, wide, high), random, bodies());
    if (this.intrinsics.distortion === undefined) return render(this.intrinsics, width, height);
    const warp = (this.#warp ??= new LensWarp(this.intrinsics, width, height));
    return warp.apply(render(warp.pinhole, warp.width, warp.height));
  }
}
