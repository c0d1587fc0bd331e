// Velocity and acceleration limits of the drive: what was asked for becomes what can be followed.
import type { Twist2 } from '../../../shared/geometry/twist2.ts';

export interface VelocityLimits {
  readonly maxLinearMPerSec: number;
  readonly maxReverseMPerSec: number;
  readonly maxAngularRadPerSec: number;
  readonly maxAccelerationMPerSec2: number;
  readonly maxDecelerationMPerSec2: number;
  readonly maxAngularAccelerationRadPerSec2: number;
  /** Speed that a wheel can reach [m/s] and distance between the wheels [m]: a faster wish would bend the arc. */
  readonly maxWheelMPerSec: number;
  readonly wheelBaseM: number;
}

/** The nearest velocity to `wanted` that can be commanded `seconds` after `last`. */
export function limitVelocity(wanted: Twist2, last: Twist2, seconds: number, limits: VelocityLimits): Twist2 {
  const linear = clamp(wanted.linearMPerSec, -limits.maxReverseMPerSec, limits.maxLinearMPerSec);
  const angular = clamp(wanted.angularRadPerSec, -limits.maxAngularRadPerSec, limits.maxAngularRadPerSec);
  const turn = limits.maxAngularAccelerationRadPerSec2 * seconds;
  return fitWheels(limits, {
    linearMPerSec: slew(linear, last.linearMPerSec, limits.maxAccelerationMPerSec2 * seconds, limits.maxDecelerationMPerSec2 * seconds),
    angularRadPerSec: clamp(angular, last.angularRadPerSec - turn, last.angularRadPerSec + turn),
  });
}

/** The same arc, as slowly as the outer wheel needs. */
function fitWheels(limits: VelocityLimits, twist: Twist2): Twist2 {
  const outer = Math.abs(twist.linearMPerSec) + (Math.abs(twist.angularRadPerSec) * limits.wheelBaseM) / 2;
  if (outer <= limits.maxWheelMPerSec) return twist;
  const scale = limits.maxWheelMPerSec / outer;
  return { linearMPerSec: twist.linearMPerSec * scale, angularRadPerSec: twist.angularRadPerSec * scale };
}

/** Speeding up and slowing down have limits of their own; a change of sign first slows down. */
function slew(wanted: number, last: number, up: number, down: number): number {
  if (last > 0) return clamp(wanted, Math.max(0, last - down), last + up);
  if (last < 0) return clamp(wanted, last - up, Math.min(0, last + down));
  return clamp(wanted, -up, up);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
