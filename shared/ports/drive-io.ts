// The boundary to the drive motors and wheel encoders of one rover.

/** What the drive delivered in the last update. An unplugged drive is data (`connected: false`), not an exception. */
export interface DriveInputs {
  readonly connected: boolean;
  /** Clock time of the reading [s]. */
  readonly stampSec: number;
  /** Accumulated wheel angles [rad]; unbounded. */
  readonly leftPositionRad: number;
  readonly rightPositionRad: number;
  readonly leftVelocityRadPerSec: number;
  readonly rightVelocityRadPerSec: number;
}

export interface DriveIo {
  /** Reads the encoders; called once per control cycle. */
  update(): DriveInputs;
  /** Commands wheel speeds [rad/s]; the drive stops by itself 0.5 s after the last command. */
  setWheelSpeeds(leftRadPerSec: number, rightRadPerSec: number): void;
  /** Stops both sides at once. */
  stop(): void;
}
