// The boundary to one single-beam range sensor, swept or fixed (sensor_msgs/Range).

export interface RangeInputs {
  readonly connected: boolean;
  readonly stampSec: number;
  /** Direction of the beam's axis in the rover's base frame [rad]. */
  readonly bearingRad: number;
  /** Full opening angle of the beam [rad]. */
  readonly fieldOfViewRad: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  /** Measured range [m]; +Infinity: no echo; NaN: invalid. */
  readonly rangeM: number;
}

export interface RangeIo {
  update(): RangeInputs;
  /** Turns a swept sensor towards `bearingRad` (base frame); a fixed sensor ignores it. */
  aim(bearingRad: number): void;
}
