// Odometry with a gyroscope: turns are right where wheels skid, and wheels take over where the gyroscope is missing, stale or unplugged.
import { describe, expect, it } from 'vitest';
import { WheelOdometry } from '../../robot/odometry.ts';
import { angleDifference } from '../../shared/geometry/angle.ts';
import { IDENTITY } from '../../shared/geometry/pose2.ts';
import { toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import type { DriveInputs } from '../../shared/ports/drive-io.ts';
import type { ImuInputs } from '../../shared/ports/imu-io.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { DEFAULT_IMU, SimulatedImu } from '../../sim/sensors/imu.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import { Vehicle } from '../../sim/vehicle/vehicle.ts';

const { geometry } = DEFAULT_VEHICLE;
const CYCLE_SEC = 0.1;

/** Wheels at angles that an exact drive would have after `turnRad` on the spot. */
function drive(nowSec: number, turnRad: number, rateRadPerSec = 0): DriveInputs {
  const angles = toWheelSpeeds({ linearMPerSec: 0, angularRadPerSec: turnRad }, geometry);
  const speeds = toWheelSpeeds({ linearMPerSec: 0, angularRadPerSec: rateRadPerSec }, geometry);
  return {
    connected: true,
    stampSec: nowSec,
    leftPositionRad: angles.leftRadPerSec,
    rightPositionRad: angles.rightRadPerSec,
    leftVelocityRadPerSec: speeds.leftRadPerSec,
    rightVelocityRadPerSec: speeds.rightRadPerSec,
  };
}

const imu = (stampSec: number, yawRadPerSec: number, connected = true): ImuInputs => ({
  connected,
  stampSec,
  accelerationMPerSec2: [0, 0, 9.8],
  angularVelocityRadPerSec: [0, 0, yawRadPerSec],
});

describe('odometry with a gyroscope', () => {
  it('turns by the gyroscope, not by wheels that skid', () => {
    const odometry = new WheelOdometry(geometry);
    // The wheels claim 1 rad/s, the car turns by 0.6: skid steering on a carpet.
    for (let cycle = 0; cycle <= 10; cycle += 1)
      odometry.update(drive(cycle * CYCLE_SEC, cycle * CYCLE_SEC, 1), imu(cycle * CYCLE_SEC, 0.6));
    expect(odometry.pose.theta).toBeCloseTo(0.6, 6);
    expect(odometry.twist.angularRadPerSec).toBeCloseTo(0.6, 6);
  });

  it.each([
    ['that is unplugged', (cycle: number) => imu(cycle * CYCLE_SEC, 9, false)],
    ['that is stale: its stamp stands still', () => imu(0, 9)],
    ['that is not there', () => null],
    ['with a gap too long to know what was in it', (cycle: number) => (cycle % 5 === 0 ? imu(cycle * CYCLE_SEC, 9) : imu(0, 9, false))],
  ])('goes by the wheels beside one %s', (_, reading) => {
    const odometry = new WheelOdometry(geometry);
    for (let cycle = 0; cycle <= 20; cycle += 1) odometry.update(drive(cycle * CYCLE_SEC, 0.03 * cycle, 0.3), reading(cycle));
    expect(odometry.pose.theta).toBeCloseTo(0.6, 6);
    expect(odometry.twist.angularRadPerSec).toBeCloseTo(0.3, 6);
  });

  it('goes on by the wheels when it is lost in a turn, and by it again when it is back', () => {
    const odometry = new WheelOdometry(geometry);
    for (let cycle = 0; cycle <= 30; cycle += 1) {
      const lost = cycle > 10 && cycle <= 20;
      odometry.update(drive(cycle * CYCLE_SEC, cycle * CYCLE_SEC, 1), imu(cycle * CYCLE_SEC, 0.6, !lost));
    }
    // 10 cycles by the gyroscope, 10 lost and the one that it comes back in by the wheels, 9 by the gyroscope.
    expect(odometry.pose.theta).toBeCloseTo(0.6 + 1.1 + 0.54, 6);
  });

  it('does not drift while it stands, and notices when somebody turns the rover', () => {
    const odometry = new WheelOdometry(geometry);
    for (let cycle = 0; cycle <= 600; cycle += 1) odometry.update(drive(cycle * CYCLE_SEC, 0), imu(cycle * CYCLE_SEC, 0.01));
    expect(odometry.pose.theta).toBe(0);
    for (let cycle = 601; cycle <= 611; cycle += 1) odometry.update(drive(cycle * CYCLE_SEC, 0), imu(cycle * CYCLE_SEC, 0.8));
    expect(odometry.pose.theta).toBeGreaterThan(0.75);
  });

  it('in a minute of turning on slipping wheels keeps its heading far better than they do: six rovers', () => {
    const squares = [1, 2, 3, 4, 5, 6].map(turnAbout);
    const rms = (of: 'gyro' | 'wheels'): number => Math.sqrt(squares.reduce((sum, pair) => sum + pair[of], 0));
    expect(rms('gyro')).toBeLessThan(0.4 * rms('wheels'));
  });
});

/** Sums of squared errors of the heading [rad²]. */
function turnAbout(seed: number): { readonly gyro: number; readonly wheels: number } {
  const random = new SeededRandom(seed);
  const skidding = { ...DEFAULT_VEHICLE, noise: { ...DEFAULT_VEHICLE.noise, wheelBaseError: 0.08, slip: 0.1, burstsPerSec: 0.2 } };
  const vehicle = new Vehicle(skidding, IDENTITY, random.fork('vehicle'));
  let nowSec = 0;
  const sensor = new SimulatedImu({ ...DEFAULT_IMU, gyroBiasRadPerSec: 0.0005 }, vehicle, random.fork('imu'), () => nowSec); // its zero is learnt at rest
  const [withGyro, byWheels] = [new WheelOdometry(geometry), new WheelOdometry(geometry)];
  let [squaresWith, squaresBy] = [0, 0];
  for (let step = 0; step < 3000; step += 1) {
    nowSec = step * 0.02;
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds({ linearMPerSec: 0.2, angularRadPerSec: Math.sin(nowSec / 3) }, geometry);
    vehicle.command(leftRadPerSec, rightRadPerSec, nowSec);
    vehicle.step(0.02, nowSec, () => true);
    if (step % 5 !== 0) continue;
    const inputs = vehicle.readEncoders();
    withGyro.update(inputs, sensor.update());
    byWheels.update(inputs);
    squaresWith += angleDifference(withGyro.pose.theta, vehicle.pose.theta) ** 2;
    squaresBy += angleDifference(byWheels.pose.theta, vehicle.pose.theta) ** 2;
  }
  return { gyro: squaresWith, wheels: squaresBy };
}
