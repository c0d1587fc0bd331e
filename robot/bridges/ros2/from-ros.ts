// ROS 2 messages onto the rover's ports. Nothing here throws on what a sensor says: null means that the message is unusable.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { Twist2 } from '../../../shared/geometry/twist2.ts';
import type { CameraFrame } from '../../../shared/ports/camera-io.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { PowerInputs } from '../../../shared/ports/power-io.ts';
import type { RosBatteryState, RosImage, RosLaserScan, RosOdometry, RosQuaternion } from './messages.ts';

/** What the bridge adds to a message: the rover's time of its stamp and a number of its own (ROS 2 headers have none). */
export interface Reception {
  readonly stampSec: number;
  readonly sequence: number;
}

/** A scan has at most so many rays: above any planar lidar, below what could exhaust memory. */
const MAX_RAYS = 100_000;

/**
 * A sensor_msgs/LaserScan as the rover's lidar port has it. Lidars that turn clockwise send a negative `angle_increment`; their
 * ranges are reversed, so that index 0 is always the smallest angle. `mount` is the lidar's pose on the rover: only its heading counts
 * here; an upside-down lidar (`flipped`) mirrors the angles. Ranges follow REP-117: +Infinity is "nothing in range", −Infinity "too close";
 * drivers older than it send 0 for no return or a number beyond `range_max`.
 */
export function toLidarScan(
  scan: RosLaserScan,
  reception: Reception,
  mount: { readonly yawRad: number; readonly flipped: boolean } = { yawRad: 0, flipped: false },
): LidarScan | null {
  const count = scan.ranges.length;
  const { angle_increment: increment, range_min: rangeMinM, range_max: rangeMaxM } = scan;
  const sound = count > 0 && count <= MAX_RAYS && Number.isFinite(scan.angle_min) && Number.isFinite(increment) && increment !== 0;
  if (!sound || !(rangeMaxM > rangeMinM) || !(rangeMinM >= 0)) return null;
  const mirrored = mount.flipped ? -1 : 1;
  const first = mirrored * scan.angle_min + mount.yawRad;
  const step = mirrored * increment;
  const clockwise = step < 0;
  const rangesM = new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    rangesM[clockwise ? count - 1 - index : index] = toRange(scan.ranges[index] ?? Number.NaN, rangeMinM, rangeMaxM);
  }
  return {
    stampSec: reception.stampSec,
    sequence: reception.sequence,
    angleMinRad: clockwise ? first + step * (count - 1) : first,
    angleIncrementRad: Math.abs(step),
    rangeMinM,
    rangeMaxM,
    rangesM,
  };
}

/** REP-117, with the older habits: NaN, −Infinity and what lies below the least range are no measurement; beyond the greatest is "nothing". */
function toRange(range: number, rangeMinM: number, rangeMaxM: number): number {
  if (Number.isNaN(range) || range < rangeMinM || range <= 0) return Number.NaN;
  return range > rangeMaxM ? Number.POSITIVE_INFINITY : range;
}

/** Heading of a rotation [rad]: its yaw about z. A quaternion that is not a rotation (all zero: an unset message) has none. */
export function yawOf({ x, y, z, w }: RosQuaternion): number | null {
  const norm = x * x + y * y + z * z + w * w;
  if (!(norm > 1e-6) || !Number.isFinite(norm)) return null;
  return Math.atan2(2 * (w * z + x * y), norm - 2 * (y * y + z * z));
}

export interface OdometryReading {
  /** Pose of the base in the odometry frame. */
  readonly pose: Pose2;
  /** In the frame of the base, as nav_msgs/Odometry demands (`child_frame_id`). */
  readonly twist: Twist2;
}

/** Null for an odometry without a rotation or with numbers that are none. */
export function toOdometryReading({ pose, twist }: RosOdometry): OdometryReading | null {
  const { x, y } = pose.pose.position;
  const theta = yawOf(pose.pose.orientation);
  const linearMPerSec = twist.twist.linear.x;
  const angularRadPerSec = twist.twist.angular.z;
  if (theta === null || ![x, y, linearMPerSec, angularRadPerSec].every(Number.isFinite)) return null;
  return { pose: { x, y, theta }, twist: { linearMPerSec, angularRadPerSec } };
}

/** Encodings of sensor_msgs/image_encodings that are taken, with the bytes of a pixel and where red, green and blue lie in it. */
const ENCODINGS: Readonly<Record<string, { readonly bytes: number; readonly rgb: readonly [number, number, number] }>> = {
  rgb8: { bytes: 3, rgb: [0, 1, 2] },
  bgr8: { bytes: 3, rgb: [2, 1, 0] },
  rgba8: { bytes: 4, rgb: [0, 1, 2] },
  bgra8: { bytes: 4, rgb: [2, 1, 0] },
  mono8: { bytes: 1, rgb: [0, 0, 0] },
};

/** A picture is at most so large: 32 megapixels. */
const MAX_PIXELS = 1 << 25;

/** A sensor_msgs/Image as an rgb8 frame without padding; null for an unknown encoding or fewer bytes than its size promises. */
export function toCameraFrame(image: RosImage, { stampSec, sequence }: Reception): CameraFrame | null {
  const { width, height, step, data } = image;
  const encoding = ENCODINGS[image.encoding.toLowerCase()];
  if (encoding === undefined || width < 1 || height < 1 || width * height > MAX_PIXELS) return null;
  if (step < width * encoding.bytes || data.length < step * (height - 1) + width * encoding.bytes) return null;
  const pixels = new Uint8Array(width * height * 3);
  const [red, green, blue] = encoding.rgb;
  for (let row = 0, to = 0; row < height; row += 1) {
    for (let from = row * step, end = from + width * encoding.bytes; from < end; from += encoding.bytes, to += 3) {
      pixels[to] = data[from + red] as number;
      pixels[to + 1] = data[from + green] as number;
      pixels[to + 2] = data[from + blue] as number;
    }
  }
  return { stampSec, sequence, width, height, encoding: 'rgb8', data: pixels };
}

/**
 * A sensor_msgs/BatteryState as the power port has it. `current` is negative while discharging; a device that does not measure says
 * NaN. Without a percentage the charge is taken as linear between `emptyV` and `fullV`.
 */
export function toPowerInputs(
  battery: RosBatteryState,
  stampSec: number,
  range: { readonly emptyV: number; readonly fullV: number } | null = null,
): PowerInputs | null {
  if (!battery.present && !(battery.voltage > 0)) return null;
  const byVoltage = range === null ? Number.NaN : (battery.voltage - range.emptyV) / (range.fullV - range.emptyV);
  // Some drivers send percent in place of the fraction that the message defines.
  const told = battery.percentage > 1 && battery.percentage <= 100 ? battery.percentage / 100 : battery.percentage;
  const fraction = Number.isFinite(told) && told >= 0 ? told : byVoltage;
  if (!Number.isFinite(fraction) || !Number.isFinite(battery.voltage)) return null;
  const watts = -battery.current * battery.voltage;
  return {
    connected: true,
    stampSec,
    batteryFraction: Math.min(1, Math.max(0, fraction)),
    voltageV: battery.voltage,
    powerW: Number.isFinite(watts) ? Math.max(0, watts) : 0,
  };
}
