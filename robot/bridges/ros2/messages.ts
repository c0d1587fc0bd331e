// The ROS 2 messages that the bridge speaks, as rclnodejs hands them over: plain objects, numeric arrays as typed arrays,
// int64 as bigint (definitions: common_interfaces 5.3, geometry2 0.36, nav2_msgs 1.3, of ROS 2 Jazzy).

/** builtin_interfaces/Time: seconds and nanoseconds since the origin of the ROS clock. */
export interface RosTime {
  readonly sec: number;
  readonly nanosec: number;
}

export interface RosHeader {
  readonly stamp: RosTime;
  readonly frame_id: string;
}

export interface RosVector3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export interface RosQuaternion {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly w: number;
}

export interface RosPose {
  readonly position: RosVector3;
  readonly orientation: RosQuaternion;
}

export interface RosTwist {
  readonly linear: RosVector3;
  readonly angular: RosVector3;
}

/** sensor_msgs/LaserScan. */
export interface RosLaserScan {
  readonly header: RosHeader;
  readonly angle_min: number;
  readonly angle_max: number;
  readonly angle_increment: number;
  readonly time_increment: number;
  readonly scan_time: number;
  readonly range_min: number;
  readonly range_max: number;
  readonly ranges: ArrayLike<number>;
  readonly intensities: ArrayLike<number>;
}

/** nav_msgs/Odometry; covariances are 6 × 6, row-major, over x, y, z, roll, pitch, yaw. */
export interface RosOdometry {
  readonly header: RosHeader;
  readonly child_frame_id: string;
  readonly pose: { readonly pose: RosPose; readonly covariance: ArrayLike<number> };
  readonly twist: { readonly twist: RosTwist; readonly covariance: ArrayLike<number> };
}

/** sensor_msgs/Image; `step` is the length of a row in bytes, padding included. */
export interface RosImage {
  readonly header: RosHeader;
  readonly height: number;
  readonly width: number;
  readonly encoding: string;
  readonly is_bigendian: number;
  readonly step: number;
  readonly data: Uint8Array;
}

/** sensor_msgs/CompressedImage. */
export interface RosCompressedImage {
  readonly header: RosHeader;
  readonly format: string;
  readonly data: Uint8Array;
}

/** sensor_msgs/BatteryState, as far as it is read; NaN where the device does not measure. */
export interface RosBatteryState {
  readonly header: RosHeader;
  readonly voltage: number;
  readonly current: number;
  readonly percentage: number;
  readonly present: boolean;
}

export interface RosTwistStamped {
  readonly header: RosHeader;
  readonly twist: RosTwist;
}

/** nav_msgs/OccupancyGrid: int8, −1 unknown, 0 … 100; row-major from the lower left. */
export interface RosOccupancyGrid {
  readonly header: RosHeader;
  readonly info: {
    readonly map_load_time: RosTime;
    readonly resolution: number;
    readonly width: number;
    readonly height: number;
    readonly origin: RosPose;
  };
  readonly data: Int8Array;
}

export interface RosTransformStamped {
  readonly header: RosHeader;
  readonly child_frame_id: string;
  readonly transform: { readonly translation: RosVector3; readonly rotation: RosQuaternion };
}

/** tf2_msgs/TFMessage. */
export interface RosTfMessage {
  readonly transforms: readonly RosTransformStamped[];
}

export interface RosPoseStamped {
  readonly header: RosHeader;
  readonly pose: RosPose;
}

/** visualization_msgs/Marker, as far as it is filled; rclnodejs fills the rest with defaults. */
export interface RosMarker {
  readonly header: RosHeader;
  readonly ns: string;
  readonly id: number;
  readonly type: number;
  readonly action: number;
  readonly pose: RosPose;
  readonly scale: RosVector3;
  readonly color: { readonly r: number; readonly g: number; readonly b: number; readonly a: number };
  readonly lifetime: RosTime;
  readonly frame_locked: boolean;
  readonly text: string;
}

export interface RosMarkerArray {
  readonly markers: readonly RosMarker[];
}

/** rosgraph_msgs/Clock. */
export interface RosClockMessage {
  readonly clock: RosTime;
}
