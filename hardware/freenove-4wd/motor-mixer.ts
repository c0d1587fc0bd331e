// From wheel speeds to the duties of eight half-bridge inputs: four motors, two channels each, mixed left and right, open loop.
import type { Duty } from './pca9685.ts';

/** One motor: forward is high on `forward` and low on `reverse`; both at full duty brakes. */
export interface MotorWiring {
  readonly forwardChannel: number;
  readonly reverseChannel: number;
  /** The kit's motors are soldered either way round. */
  readonly inverted: boolean;
  /** Factor on the duty, to make four unequal motors turn alike; 1: as it is. */
  readonly trim: number;
}

export const WHEELS = ['leftFront', 'leftRear', 'rightFront', 'rightRear'] as const;
export type WheelName = (typeof WHEELS)[number];
export type MotorWirings = Readonly<Record<WheelName, MotorWiring>>;

/** Steady wheel speed [rad/s] over duty [counts], ascending in both; straight lines between. */
export interface SpeedCurve {
  readonly points: readonly { readonly radPerSec: number; readonly duty: number }[];
}

export const FULL_DUTY = 4095;

/** Greatest speed that the curve knows [rad/s]. */
export function maxSpeed(curve: SpeedCurve): number {
  return curve.points.at(-1)?.radPerSec ?? 0;
}

/** Duty [counts] for a speed of either sign; beyond the curve its last duty. A speed that is no number is a stop. */
export function dutyForSpeed(curve: SpeedCurve, radPerSec: number): number {
  const wanted = Math.abs(radPerSec);
  if (!(wanted > 0)) return 0;
  let before = { radPerSec: 0, duty: curve.points[0]?.radPerSec === 0 ? curve.points[0].duty : 0 };
  for (const point of curve.points) {
    if (wanted <= point.radPerSec) {
      const share = point.radPerSec === before.radPerSec ? 1 : (wanted - before.radPerSec) / (point.radPerSec - before.radPerSec);
      return Math.sign(radPerSec) * (before.duty + share * (point.duty - before.duty));
    }
    before = point;
  }
  return Math.sign(radPerSec) * before.duty;
}

/** Channel duties for wheel speeds [rad/s]; a side at rest brakes. */
export function mixMotors(wirings: MotorWirings, curve: SpeedCurve, leftRadPerSec: number, rightRadPerSec: number): Map<number, Duty> {
  const duties = new Map<number, Duty>();
  for (const wheel of WHEELS) {
    const { forwardChannel, reverseChannel, inverted, trim } = wirings[wheel];
    const speed = wheel === 'leftFront' || wheel === 'leftRear' ? leftRadPerSec : rightRadPerSec;
    const duty = Math.max(-FULL_DUTY, Math.min(FULL_DUTY, Math.round(dutyForSpeed(curve, speed) * trim))) * (inverted ? -1 : 1);
    duties.set(forwardChannel, duty === 0 ? FULL_DUTY : Math.max(0, duty));
    duties.set(reverseChannel, duty === 0 ? FULL_DUTY : Math.max(0, -duty));
  }
  return duties;
}

/** Channel duties that brake all four motors. */
export function brakeMotors(wirings: MotorWirings): Map<number, Duty> {
  return mixMotors(wirings, { points: [] }, 0, 0);
}
