// The boundary to an inertial measurement unit, body frame (sensor_msgs/Imu).

export interface ImuInputs {
  readonly connected: boolean;
  readonly stampSec: number;
  /** Linear acceleration along body x, y, z [m/s²], gravity included. */
  readonly accelerationMPerSec2: readonly [number, number, number];
  /** Angular velocity about body x, y, z [rad/s]. */
  readonly angularVelocityRadPerSec: readonly [number, number, number];
}

export interface ImuIo {
  update(): ImuInputs;
}
