// Where a camera is and what its pixels look at: pinhole model, axes in the world.
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';

export interface CameraView {
  readonly width: number;
  readonly height: number;
  readonly intrinsics: CameraIntrinsics;
  /** Optical centre in the world [m]. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Unit vectors: picture right (horizontal), down, and forward (optical axis). */
  readonly rightX: number;
  readonly rightY: number;
  readonly downX: number;
  readonly downY: number;
  readonly downZ: number;
  readonly forwardX: number;
  readonly forwardY: number;
  readonly forwardZ: number;
}

/** Square pixels, principal point in the middle. */
export function intrinsicsOf(width: number, height: number, horizontalFovDeg: number): CameraIntrinsics {
  const f = width / 2 / Math.tan((horizontalFovDeg * Math.PI) / 360);
  return { fx: f, fy: f, cx: width / 2, cy: height / 2 };
}

export function cameraView(pose: Pose2, mount: CameraMount, intrinsics: CameraIntrinsics, width: number, height: number): CameraView {
  const c = Math.cos(pose.theta);
  const s = Math.sin(pose.theta);
  const cp = Math.cos(mount.pitchDownRad);
  const sp = Math.sin(mount.pitchDownRad);
  return {
    width,
    height,
    intrinsics,
    x: pose.x + c * mount.xM - s * mount.yM,
    y: pose.y + s * mount.xM + c * mount.yM,
    z: mount.zM,
    rightX: s,
    rightY: -c,
    downX: -sp * c,
    downY: -sp * s,
    downZ: -cp,
    forwardX: cp * c,
    forwardY: cp * s,
    forwardZ: -sp,
  };
}
