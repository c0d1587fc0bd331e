// From pixels to bearings and to the floor: a camera at a known height and pitch above flat ground, its lens's distortion taken out.
import { undistort } from '../../shared/geometry/lens.ts';
import type { CameraIntrinsics, CameraMount } from '../../shared/ports/camera-io.ts';

/** Direction of a pixel's ray in the base frame's axes (x forward, y left, z up); not normalised. */
export interface Ray {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** The ray through pixel coordinates (u right, v down) [px]. */
export function pixelRay(u: number, v: number, intrinsics: CameraIntrinsics, mount: CameraMount): Ray {
  const seen = { x: (u - intrinsics.cx) / intrinsics.fx, y: (v - intrinsics.cy) / intrinsics.fy };
  const { x: right, y: down } = intrinsics.distortion === undefined ? seen : undistort(seen, intrinsics.distortion);
  const c = Math.cos(mount.pitchDownRad);
  const s = Math.sin(mount.pitchDownRad);
  return { x: c - s * down, y: -right, z: -s - c * down };
}

/** Bearing of a ray, counter-clockwise from straight ahead [rad]. */
export function bearingOf(ray: Ray): number {
  return Math.atan2(ray.y, ray.x);
}

/** Distance along the floor to where a ray meets it [m]; null for a ray that does not come down. */
export function floorDistance(ray: Ray, mount: CameraMount): number | null {
  return ray.z >= -1e-6 ? null : (mount.zM / -ray.z) * Math.hypot(ray.x, ray.y);
}

/** Distance along the floor to where a ray is `heightM` above it [m]; null for a ray that never is, in front of the camera. */
export function heightDistance(ray: Ray, heightM: number, mount: CameraMount): number | null {
  const climb = ray.z / Math.hypot(ray.x, ray.y);
  const distance = (heightM - mount.zM) / climb;
  return Number.isFinite(distance) && distance > 0 ? distance : null;
}
