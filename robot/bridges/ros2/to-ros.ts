// The rover's side as ROS 2 messages: commands, maps, transforms and objects (REP-103, REP-105).
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { Twist2 } from '../../../shared/geometry/twist2.ts';
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import type { MapObject } from '../../../shared/protocol/map-view.ts';
import type {
  RosHeader,
  RosMarker,
  RosMarkerArray,
  RosOccupancyGrid,
  RosPose,
  RosPoseStamped,
  RosQuaternion,
  RosTransformStamped,
  RosTwist,
  RosTwistStamped,
} from './messages.ts';

export function toQuaternion(yawRad: number): RosQuaternion {
  return { x: 0, y: 0, z: Math.sin(yawRad / 2), w: Math.cos(yawRad / 2) };
}

export function toRosPose({ x, y, theta }: Pose2): RosPose {
  return { position: { x, y, z: 0 }, orientation: toQuaternion(theta) };
}

/** geometry_msgs/Twist of a differential drive: forward speed and yaw rate. */
export function toRosTwist({ linearMPerSec, angularRadPerSec }: Twist2): RosTwist {
  return { linear: { x: linearMPerSec, y: 0, z: 0 }, angular: { x: 0, y: 0, z: angularRadPerSec } };
}

export function toRosTwistStamped(twist: Twist2, header: RosHeader): RosTwistStamped {
  return { header, twist: toRosTwist(twist) };
}

/** The map's cells are nav_msgs/OccupancyGrid's own: same order, same values; the message gets a copy. */
export function toOccupancyGrid(map: OccupancyMap, header: RosHeader): RosOccupancyGrid {
  return {
    header,
    info: {
      map_load_time: header.stamp,
      resolution: map.resolutionM,
      width: map.width,
      height: map.height,
      origin: toRosPose({ x: map.originX, y: map.originY, theta: 0 }),
    },
    data: Int8Array.from(map.cells),
  };
}

/** The transform that maps coordinates of `child` into `header.frame_id`. */
export function toTransform(pose: Pose2, header: RosHeader, child: string): RosTransformStamped {
  return {
    header,
    child_frame_id: child,
    transform: { translation: { x: pose.x, y: pose.y, z: 0 }, rotation: toQuaternion(pose.theta) },
  };
}

export function toPoseStamped(pose: Pose2, header: RosHeader): RosPoseStamped {
  return { header, pose: toRosPose(pose) };
}

/** Places of x, y and yaw in a covariance over x, y, z, roll, pitch, yaw. */
const PLANAR = [0, 1, 5] as const;

/**
 * A covariance over x, y, yaw (3 × 3, row-major) as the 6 × 6 of geometry_msgs: always a Float64Array of 36, since the arrays that
 * rclnodejs makes itself are empty. What a planar rover cannot know (z, roll, pitch) is zero.
 */
export function toCovariance6(planar: readonly number[]): Float64Array {
  const covariance = new Float64Array(36);
  PLANAR.forEach((row, i) => PLANAR.forEach((column, j) => (covariance[row * 6 + column] = planar[i * 3 + j] ?? 0)));
  return covariance;
}

/** visualization_msgs/Marker. */
const CYLINDER = 3;
const TEXT = 9;
const ADD = 0;
const DELETE = 2;

/** Least and greatest edge of an object's marker [m]: its two-sigma circle, kept visible. */
const SMALLEST_M = 0.1;
const LARGEST_M = 2;

/**
 * Objects as markers: a cylinder as wide as four sigmas of its position and its class as text. Withdrawn objects are deleted.
 * `ids` gives each object a number that stays: ROS tools replace markers by namespace and id.
 */
export function toMarkers(objects: readonly MapObject[], header: RosHeader, ids: Map<string, number>): RosMarkerArray {
  return { markers: objects.flatMap((object) => markersOf(object, header, ids)) };
}

function markersOf(object: MapObject, header: RosHeader, ids: Map<string, number>): RosMarker[] {
  const id = ids.get(object.object) ?? ids.size;
  ids.set(object.object, id);
  const [xx, xy, yy] = object.covariance;
  const greatest = (xx + yy) / 2 + Math.sqrt(((xx - yy) / 2) ** 2 + xy ** 2);
  const width = Math.min(LARGEST_M, Math.max(SMALLEST_M, 4 * Math.sqrt(Math.max(0, greatest))));
  const confirmed = object.status === 'confirmed';
  const common = {
    header,
    id,
    action: object.status === 'withdrawn' ? DELETE : ADD,
    color: confirmed ? { r: 1, g: 0.35, b: 0.1, a: 0.9 } : { r: 1, g: 0.8, b: 0.2, a: 0.45 },
    lifetime: { sec: 0, nanosec: 0 },
    frame_locked: false,
  };
  const at = (z: number): RosPose => ({ position: { x: object.x, y: object.y, z }, orientation: toQuaternion(0) });
  return [
    { ...common, ns: 'outrider/objects', type: CYLINDER, pose: at(0.25), scale: { x: width, y: width, z: 0.5 }, text: '' },
    {
      ...common,
      ns: 'outrider/labels',
      type: TEXT,
      pose: at(0.7),
      scale: { x: 0, y: 0, z: 0.2 },
      text: `${object.class} ${Math.round(object.score * 100)} %`,
    },
  ];
}
