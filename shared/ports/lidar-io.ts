// The boundary to a planar laser scanner (semantics of sensor_msgs/LaserScan, REP-117).

/** One revolution. Index i looks towards `angleMinRad + i · angleIncrementRad` in the sensor frame, counter-clockwise. */
export interface LidarScan {
  /** Clock time of the scan [s]. */
  readonly stampSec: number;
  /** Increases by one with each scan. */
  readonly sequence: number;
  readonly angleMinRad: number;
  readonly angleIncrementRad: number;
  readonly rangeMinM: number;
  readonly rangeMaxM: number;
  /** Ranges [m]; +Infinity: nothing within `rangeMaxM`; NaN: no valid measurement. */
  readonly rangesM: Float32Array;
}

export interface LidarInputs {
  readonly connected: boolean;
  /** The newest scan, or null before the first. The same object is returned until a newer scan exists. */
  readonly scan: LidarScan | null;
}

export interface LidarIo {
  update(): LidarInputs;
}
