// Looking for hazards: a camera frame now and then to the detector, wherever it runs, and what it found onto the map.
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { ObservedFrame } from '../shared/modules/map-server/handle.ts';
import type { Detection } from '../shared/modules/object-detection/handle.ts';
import type { CameraFrame, CameraIo } from '../shared/ports/camera-io.ts';
import type { LidarScan } from '../shared/ports/lidar-io.ts';
import type { FrameSearch } from './perception/frame-search.ts';
import { observeFrame } from './perception/observe-frame.ts';

export interface WatchingOptions {
  readonly camera: CameraIo;
  readonly search: FrameSearch;
  /** Pose of the base at a stamp, or null when that is too long ago. */
  readonly poseAt: (stampSec: number) => Pose2 | null;
  /** The newest scan with the pose that it was taken from: gives the range where it hits. */
  readonly scan: () => { readonly scan: LidarScan; readonly pose: Pose2 } | null;
  /** Called for each frame searched, also when nothing was found: not to see an object is evidence, too. */
  readonly onFrame: (frame: ObservedFrame) => void;
  readonly onError: (error: Error) => void;
}

/** A frame that the detector has answered, and the scan of its time. */
interface Searched {
  readonly frame: CameraFrame;
  readonly detections: readonly Detection[];
  readonly scan: ReturnType<WatchingOptions['scan']>;
}

/** One frame at a time: while the detector is busy (slow on board, or moving), newer frames are not even taken. */
export class Watching {
  readonly #options: WatchingOptions;
  #busy = false;
  #connected = true;
  #sequence = -1;
  #searched: Searched[] = [];

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Places what was found since the last call, and returns the poses whose view has been searched: that floor need not be looked
   * at again. Called once the poses are known up to now, since a turning rover's pose must be interpolated at the frame's stamp:
   * a cycle off is half a metre off on the map.
   */
  takeViewedFrom(): readonly Pose2[] {
    const { camera, poseAt, onFrame } = this.#options;
    const viewedFrom: Pose2[] = [];
    for (const { frame, detections, scan } of this.#searched.splice(0)) {
      const pose = poseAt(frame.stampSec);
      if (pose === null) continue;
      viewedFrom.push(pose);
      const { stampSec, width: frameWidth, height: frameHeight } = frame;
      const { intrinsics, mount } = camera;
      onFrame(observeFrame({ detections, stampSec, frameWidth, frameHeight, intrinsics, mount, pose, ...(scan === null ? {} : { scan }) }));
    }
    return viewedFrom;
  }

  /** Takes a frame, if there is a new one and the detector is free. */
  look(): void {
    if (this.#busy) return;
    const { connected, frame } = this.#options.camera.update();
    this.#connected = connected;
    if (!connected || frame === null || frame.sequence === this.#sequence) return;
    this.#sequence = frame.sequence;
    const scan = this.#options.scan();
    this.#busy = true;
    this.#search(frame, scan)
      .catch((error: unknown) => this.#options.onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => (this.#busy = false));
  }

  async #search(frame: CameraFrame, scan: Searched['scan']): Promise<void> {
    const { camera, search } = this.#options;
    const detections = await search(frame, camera);
    this.#searched.push({ frame, detections, scan });
  }
}
