// Differential-drive kinematics, one copy for rover and simulator (Siegwart & Nourbakhsh, Autonomous Mobile Robots, ch. 3).
import type { Twist2 } from '../geometry/twist2.ts';

/** Geometry of a differential-drive vehicle. */
export interface DriveGeometry {
  /** Wheel radius [m]. */
  readonly wheelRadiusM: number;
  /** Distance between the left and right wheels' contact points [m]. */
  readonly wheelBaseM: number;
}

/** Wheel speeds [rad/s]. */
export interface WheelSpeeds {
  readonly leftRadPerSec: number;
  readonly rightRadPerSec: number;
}

/** Wheel speeds that realise `twist` without slip. */
export function toWheelSpeeds(twist: Twist2, geometry: DriveGeometry): WheelSpeeds {
  const half = (twist.angularRadPerSec * geometry.wheelBaseM) / 2;
  return {
    leftRadPerSec: (twist.linearMPerSec - half) / geometry.wheelRadiusM,
    rightRadPerSec: (twist.linearMPerSec + half) / geometry.wheelRadiusM,
  };
}

/** Body twist that the wheel speeds produce without slip. */
export function toTwist(speeds: WheelSpeeds, geometry: DriveGeometry): Twist2 {
  const left = speeds.leftRadPerSec * geometry.wheelRadiusM;
  const right = speeds.rightRadPerSec * geometry.wheelRadiusM;
  return { linearMPerSec: (left + right) / 2, angularRadPerSec: (right - left) / geometry.wheelBaseM };
}
