// Searches camera frames with the detector of the mission, wherever it runs: the classical one on raw pixels and camera geometry, the
// network on a picture, which leaves the rover as JPEG.
import type { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { NeuralDetectorHandle } from '../../shared/modules/neural-detection/handle.ts';
import type { Detection, ObjectDetectorHandle } from '../../shared/modules/object-detection/handle.ts';
import type { CameraFrame, CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { SharedDetector } from '../offload/incremental/shared-detector.ts';
import { toFrame } from './frame.ts';
import { encodeJpeg } from './jpeg-encoder.ts';
import type { JpegPolicy } from './jpeg-policy.ts';

/** What a camera tells of itself beside its frames. */
export interface CameraGeometry {
  readonly intrinsics: CameraIntrinsics;
  readonly mount: CameraMount;
}

/** Boxes in pixels of the frame. */
export type FrameSearch = (frame: CameraFrame, geometry: CameraGeometry) => Promise<readonly Detection[]>;

export function classicalSearch(detector: ObjectDetectorHandle): FrameSearch {
  return (frame, { intrinsics, mount }) => detector.detect(toFrame(frame, intrinsics, mount));
}

/** The network on board, or shared with a host layer by layer. */
export function sharedSearch(detector: Pick<SharedDetector, 'detect'>): FrameSearch {
  return (frame) => detector.detect(frame);
}

export interface NeuralSearchOptions {
  readonly module: Pick<ElasticModule<NeuralDetectorHandle>, 'handle' | 'placement'>;
  /** Name of the network; host and rover each find it among their models. */
  readonly model: string;
  readonly policy: JpegPolicy;
  readonly clock: Clock;
}

export function neuralSearch({ module, model, policy, clock }: NeuralSearchOptions): FrameSearch {
  return async (frame) => {
    const { width, height, encoding, data } = frame;
    // A camera that compresses itself decides on its own what it sends.
    if (encoding === 'jpeg' || module.placement.kind !== 'edge') return module.handle.detect({ model, encoding, width, height, data });
    const jpeg = await clock.hold(encodeJpeg(frame, policy.level));
    const sentSec = clock.nowSec();
    try {
      const detections = await module.handle.detect({ model, encoding: 'jpeg', ...jpeg });
      return detections.map((found) => enlarged(found, width / jpeg.width, height / jpeg.height));
    } finally {
      policy.note(jpeg.data.byteLength, clock.nowSec() - sentSec);
    }
  };
}

function enlarged({ className, score, x, y, width, height }: Detection, across: number, down: number): Detection {
  return { className, score, x: x * across, y: y * down, width: width * across, height: height * down };
}
