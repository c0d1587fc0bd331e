// What a simulated vehicle is: nominal geometry (known to the rover) and the imperfections that it does not know.
import type { DriveGeometry } from '../../shared/kinematics/differential-drive.ts';
import type { CalibratedCamera } from '../camera/simulated-camera.ts';

export interface VehicleSpec {
  /** What the rover believes: the figures of the data sheet. */
  readonly geometry: DriveGeometry;
  /** Radius of the round body [m]. */
  readonly radiusM: number;
  readonly heightM: number;
  readonly maxWheelSpeedRadPerSec: number;
  readonly maxWheelAccelerationRadPerSec2: number;
  /** First-order lag of the motors [s]. */
  readonly motorLagSec: number;
  /** Without a command for this long the drive stops [s]. */
  readonly commandTimeoutSec: number;
  readonly noise: DriveNoise;
  /** The camera that it carries; where it is left out, that of the mission's fleet. */
  readonly camera?: CalibratedCamera;
}

export interface DriveNoise {
  /** Standard deviation of the true wheel radius around the nominal one, as a fraction; drawn per wheel and run. */
  readonly wheelRadiusError: number;
  /** Standard deviation of the true wheel base around the nominal one, as a fraction (skid steering). */
  readonly wheelBaseError: number;
  /** Standard deviation of slip per wheel and step, as a fraction of the step. */
  readonly slip: number;
  /** Slip bursts per second while driving, their length [s] and the share of motion that they eat. */
  readonly burstsPerSec: number;
  readonly burstSec: number;
  readonly burstSlip: number;
  /** Encoder resolution [rad]; 0: exact. */
  readonly encoderStepRad: number;
}

/** A small four-wheel rover of 36 cm across with geared motors (class of the Freenove 4WD and similar kits), encoders and a lidar. */
export const DEFAULT_VEHICLE: VehicleSpec = {
  geometry: { wheelRadiusM: 0.033, wheelBaseM: 0.24 },
  radiusM: 0.18,
  heightM: 0.26,
  maxWheelSpeedRadPerSec: 30,
  maxWheelAccelerationRadPerSec2: 60,
  motorLagSec: 0.06,
  commandTimeoutSec: 0.5,
  noise: {
    wheelRadiusError: 0.006,
    wheelBaseError: 0.01,
    slip: 0.05,
    burstsPerSec: 0.03,
    burstSec: 0.25,
    burstSlip: 0.35,
    encoderStepRad: (2 * Math.PI) / 1560,
  },
};

export const NO_NOISE: DriveNoise = {
  wheelRadiusError: 0,
  wheelBaseError: 0,
  slip: 0,
  burstsPerSec: 0,
  burstSec: 0,
  burstSlip: 0,
  encoderStepRad: 0,
};
