import { describe, expect, it } from 'vitest';
import { IDENTITY } from '../../shared/geometry/pose2.ts';
import { toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { Vehicle } from '../../sim/vehicle/vehicle.ts';
import { DEFAULT_VEHICLE, NO_NOISE } from '../../sim/vehicle/vehicle-spec.ts';

const EXACT = { ...DEFAULT_VEHICLE, noise: NO_NOISE };
const DT = 0.02;

/** Drives with a constant twist, commanded each step. */
function drive(
  vehicle: Vehicle,
  seconds: number,
  linear: number,
  angular: number,
  admits: (x: number, y: number) => boolean = () => true,
  fromSec = 0,
): void {
  const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds({ linearMPerSec: linear, angularRadPerSec: angular }, vehicle.spec.geometry);
  for (let step = 1; step <= Math.round(seconds / DT); step += 1) {
    vehicle.command(leftRadPerSec, rightRadPerSec, fromSec + (step - 1) * DT);
    vehicle.step(DT, fromSec + step * DT, admits);
  }
}

describe('simulated vehicle', () => {
  it('rotates in place', () => {
    const vehicle = new Vehicle(EXACT, IDENTITY, new SeededRandom(1));
    drive(vehicle, 3, 0, 1);
    expect(Math.hypot(vehicle.pose.x, vehicle.pose.y)).toBeLessThan(1e-9);
    expect(vehicle.pose.theta).toBeGreaterThan(2.8);
    expect(vehicle.pose.theta).toBeLessThan(3);
  });

  it('stops by itself half a second after the last command', () => {
    const vehicle = new Vehicle(EXACT, IDENTITY, new SeededRandom(1));
    drive(vehicle, 2, 0.4, 0);
    const after = (seconds: number): number => {
      for (let now = 2; now < 2 + seconds - 1e-9; now += DT) vehicle.step(DT, now + DT, () => true);
      return vehicle.twist.linearMPerSec;
    };
    expect(after(0.44)).toBeGreaterThan(0.39);
    const wasAt = vehicle.pose.x;
    drive(vehicle, 0, 0, 0);
    for (let now = 2.44; now < 4; now += DT) vehicle.step(DT, now + DT, () => true);
    expect(vehicle.twist.linearMPerSec).toBe(0);
    expect(vehicle.pose.x - wasAt).toBeLessThan(0.1);
  });

  it('does not pass through what does not admit it, and counts the contact once', () => {
    const vehicle = new Vehicle(EXACT, IDENTITY, new SeededRandom(1));
    drive(vehicle, 6, 0.5, 0, (x) => x < 1);
    expect(vehicle.pose.x).toBeLessThan(1);
    expect(vehicle.pose.x).toBeGreaterThan(0.97);
    expect(vehicle.collisions).toBe(1);
    drive(vehicle, 1, -0.5, 0, (x) => x < 1, 6);
    drive(vehicle, 3, 0.5, 0, (x) => x < 1, 7);
    expect(vehicle.collisions).toBe(2);
  });

  it('never exceeds its speed and acceleration limits, whatever is commanded', () => {
    const vehicle = new Vehicle(EXACT, IDENTITY, new SeededRandom(1));
    vehicle.command(Number.NaN, 1e9, 0);
    let last = 0;
    for (let step = 1; step <= 20; step += 1) {
      vehicle.command(Number.POSITIVE_INFINITY, 1e9, step * DT);
      vehicle.step(DT, step * DT, () => true);
      const { leftVelocityRadPerSec, rightVelocityRadPerSec } = vehicle.readEncoders();
      expect(leftVelocityRadPerSec).toBe(0); // not a finite number: a stop
      expect(rightVelocityRadPerSec).toBeLessThanOrEqual(EXACT.maxWheelSpeedRadPerSec);
      expect(rightVelocityRadPerSec - last).toBeLessThanOrEqual(EXACT.maxWheelAccelerationRadPerSec2 * DT + 1e-9);
      last = rightVelocityRadPerSec;
    }
  });

  it('drifts: encoders and truth part, more with more slip', () => {
    const gap = (scale: number): number => {
      const { noise } = DEFAULT_VEHICLE;
      const spec = {
        ...DEFAULT_VEHICLE,
        noise: {
          ...noise,
          slip: noise.slip * scale,
          wheelRadiusError: noise.wheelRadiusError * scale,
          burstsPerSec: noise.burstsPerSec * scale,
        },
      };
      let sum = 0;
      for (let seed = 0; seed < 10; seed += 1) {
        const vehicle = new Vehicle(spec, IDENTITY, new SeededRandom(seed));
        drive(vehicle, 20, 0.4, 0);
        const { leftPositionRad, rightPositionRad } = vehicle.readEncoders();
        const believed = ((leftPositionRad + rightPositionRad) / 2) * spec.geometry.wheelRadiusM;
        sum += Math.hypot(vehicle.pose.x - believed, vehicle.pose.y);
      }
      return sum / 10;
    };
    const [none, some, much] = [gap(0), gap(1), gap(3)];
    expect(none).toBeLessThan(0.01);
    expect(some).toBeGreaterThan(0.05);
    expect(much).toBeGreaterThan(1.5 * some);
  });
});
