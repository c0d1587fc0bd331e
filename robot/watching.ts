// Looking for hazards: a camera frame now and then to the detector, wherever it runs, and what it found onto the map.
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { ObservedFrame } from '../shared/modules/map-server/handle.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import type { CameraFrame, CameraIo } from '../shared/ports/camera-io.ts';
import type { LidarScan } from '../shared/ports/lidar-io.ts';
import { toFrame } from './perception/frame.ts';
import { observeFrame } from './perception/observe-frame.ts';

export interface WatchingOptions {
  readonly camera: CameraIo;
  readonly detector: ObjectDetectorHandle;
  /** Pose of the base at a stamp, or null when that is too long ago. */
  readonly poseAt: (stampSec: number) => Pose2 | null;
  /** The newest scan with the pose that it was taken from: gives the range where it hits. */
  readonly scan: () => { readonly scan: LidarScan; readonly pose: Pose2 } | null;
  /** Called for each frame searched, also when nothing was found: not to see an object is evidence, too. */
  readonly onFrame: (frame: ObservedFrame) => void;
  readonly onError: (error: Error) => void;
}

/** One frame at a time: while the detector is busy (slow on board, or moving), newer frames are not even taken. */
export class Watching {
  readonly #options: WatchingOptions;
  #busy = false;
  #connected = true;
  #sequence = -1;
  #viewedFrom: Pose2[] = [];

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Poses whose view has been searched since the last call: that floor need not be looked at again. */
  takeViewedFrom(): readonly Pose2[] {
    return this.#viewedFrom.splice(0);
  }

  /** Takes a frame, if there is a new one and the detector is free. */
  look(): void {
    if (this.#busy) return;
    const { connected, frame } = this.#options.camera.update();
    this.#connected = connected;
    if (!connected || frame === null || frame.sequence === this.#sequence) return;
    this.#sequence = frame.sequence;
    const pose = this.#options.poseAt(frame.stampSec);
    const scan = this.#options.scan();
    if (pose === null) return;
    this.#busy = true;
    this.#search(frame, pose, scan)
      .catch((error: unknown) => this.#options.onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => (this.#busy = false));
  }

  async #search(frame: CameraFrame, pose: Pose2, scan: ReturnType<WatchingOptions['scan']>): Promise<void> {
    const { camera, detector, onFrame } = this.#options;
    const detections = await detector.detect(toFrame(frame, camera.intrinsics, camera.mount));
    this.#viewedFrom.push(pose);
    const { stampSec, width: frameWidth } = frame;
    const { intrinsics, mount } = camera;
    onFrame(observeFrame({ detections, stampSec, frameWidth, intrinsics, mount, pose, ...(scan === null ? {} : { scan }) }));
  }
}
