// A camera frame as the detector takes it: pixels with the geometry that lets it judge metric size.
import { OutriderError } from '../../shared/errors.ts';
import type { Frame } from '../../shared/modules/object-detection/records.ts';
import type { CameraFrame, CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';

/** Throws OUT_MODULE_VALUE for an encoding that the detector does not read. */
export function toFrame(frame: CameraFrame, intrinsics: CameraIntrinsics, mount: CameraMount): Frame {
  if (frame.encoding !== 'rgb8') throw new OutriderError('OUT_MODULE_VALUE', `the detector reads rgb8 frames, not ${frame.encoding}`);
  return {
    width: frame.width,
    height: frame.height,
    pixels: frame.data,
    focalPx: intrinsics.fx,
    centreX: intrinsics.cx,
    horizonRow: intrinsics.cy - intrinsics.fy * Math.tan(mount.pitchDownRad),
    cameraHeightM: mount.zM,
  };
}
