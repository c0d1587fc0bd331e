import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MotorDrive } from '../../hardware/freenove-4wd/motor-drive.ts';
import { dutyForSpeed, type MotorWirings, mixMotors } from '../../hardware/freenove-4wd/motor-mixer.ts';
import { Pca9685, PCA9685_ADDRESS, periodUs, prescaleFor } from '../../hardware/freenove-4wd/pca9685.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';
import { Pca9685Model } from '../support/chips/pca9685-model.ts';

const motor = (forwardChannel: number, reverseChannel: number) => ({ forwardChannel, reverseChannel, inverted: false, trim: 1 });
const WIRINGS: MotorWirings = { leftFront: motor(1, 0), leftRear: motor(2, 3), rightFront: motor(7, 6), rightRear: motor(5, 4) };
const CURVE = {
  points: [
    { radPerSec: 0, duty: 500 },
    { radPerSec: 20, duty: 4000 },
  ],
};
const BRAKED = Array.from({ length: 8 }, () => 4095 / 4096);

function bench() {
  const bus = new FakeI2c();
  const chip = new Pca9685Model();
  bus.devices.set(PCA9685_ADDRESS, chip);
  return { bus, chip, driver: new Pca9685(bus) };
}

const motorDuties = (chip: Pca9685Model): number[] => Array.from({ length: 8 }, (_, channel) => chip.duty(channel));

describe('PCA9685 (data sheet rev. 4)', () => {
  it('§7.3.5: PRE_SCALE for 50 Hz is 121, written while SLEEP is set', () => {
    expect(prescaleFor(50)).toBe(121);
    const { bus, chip, driver } = bench();
    driver.start(50);
    expect(chip.registers[0xfe]).toBe(121);
    expect(chip.rateHz).toBeCloseTo(50, 0);
    expect(bus.writes.map(({ bytes }) => bytes)).toEqual([
      [0xfd, 0x10],
      [0x00, 0x30],
      [0xfe, 121],
      [0x01, 0x04],
      [0x00, 0x20],
    ]);
  });

  it('§7.3.5: without SLEEP the rate would not change', () => {
    const { bus, chip, driver } = bench();
    driver.start(50);
    bus.write(PCA9685_ADDRESS, Uint8Array.of(0xfe, 60));
    expect(chip.registers[0xfe]).toBe(121);
  });

  it('§7.3.5: refuses rates that the prescaler cannot make', () => {
    expect(prescaleFor(24)).toBe(253);
    expect(prescaleFor(1526)).toBe(3);
    for (const rate of [23, 1800, 0, Number.NaN]) expect(() => prescaleFor(rate)).toThrow(RangeError);
  });

  it('§7.3.1.1: a start amid running motors is an orderly shutdown, so that no RESTART keeps the outputs off', () => {
    const { chip, driver } = bench();
    driver.start(50);
    driver.set(new Map([[1, 3000]]));
    driver.start(50);
    expect((chip.registers[0] as number) & 0x80).toBe(0);
    driver.set(new Map([[1, 3000]]));
    expect(chip.duty(1)).toBeCloseTo(3000 / 4096, 9);
  });

  it('§7.3.3: neighbouring channels go out in one auto-incremented write; 0 is full off', () => {
    const { bus, chip, driver } = bench();
    driver.start(50);
    bus.writes.length = 0;
    driver.set(
      new Map([
        [3, 4095],
        [2, 0x0a0b],
        [9, 300],
        [4, 0],
      ]),
    );
    expect(bus.writes.map(({ bytes }) => bytes)).toEqual([
      [0x0e, 0, 0, 0x0b, 0x0a, 0, 0, 0xff, 0x0f, 0, 0, 0, 0x10],
      [0x2a, 0, 0, 0x2c, 0x01],
    ]);
    expect([2, 3, 4, 9].map((channel) => chip.duty(channel) * 4096)).toEqual([0x0a0b, 4095, 0, 300]);
  });

  it('§7.3.3, §7.3.4: all-stop is one write of two bytes and needs no state of the chip, not even auto-increment', () => {
    const { bus, chip, driver } = bench();
    driver.start(50);
    driver.set(new Map(Array.from({ length: 16 }, (_, channel) => [channel, 4095])));
    bus.write(PCA9685_ADDRESS, Uint8Array.of(0x00, 0x00)); // someone cleared AI
    bus.writes.length = 0;
    driver.allStop();
    expect(bus.writes).toEqual([{ address: 0x40, bytes: [0xfd, 0x10] }]);
    expect(chip.isAnyActive).toBe(false);
  });

  it('makes every duty that fits into twelve bits, exactly', () => {
    const { chip, driver } = bench();
    driver.start(50);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4095 }), fc.integer({ min: 0, max: 15 }), (duty, channel) => {
        driver.set(new Map([[channel, duty]]));
        expect(chip.duty(channel) * 4096).toBe(duty);
      }),
    );
    expect(periodUs(50)).toBeCloseTo(19_988.5, 1);
  });
});

describe('motor mixer', () => {
  it.each([
    ['forwards', 20, 20, [0, 1, 1, 0, 0, 1, 0, 1]],
    ['backwards', -20, -20, [1, 0, 0, 1, 1, 0, 1, 0]],
    ['turning left on the spot', -20, 20, [1, 0, 0, 1, 0, 1, 0, 1]],
    ['turning right on the spot', 20, -20, [0, 1, 1, 0, 1, 0, 1, 0]],
  ])('writes the channels of %s', (_, left, right, expected) => {
    const { chip, driver } = bench();
    driver.start(50);
    driver.set(mixMotors(WIRINGS, CURVE, left, right));
    expect(motorDuties(chip)).toEqual(expected.map((on) => on * (4000 / 4096)));
  });

  it('brakes a side at rest: both inputs of its motors at 4095', () => {
    const { chip, driver } = bench();
    driver.start(50);
    driver.set(mixMotors(WIRINGS, CURVE, 0, 20));
    expect(motorDuties(chip).map((duty) => Math.round(duty * 4096))).toEqual([4095, 4095, 4095, 4095, 0, 4000, 0, 4000]);
  });

  it('turns an inverted motor the other way and scales a trimmed one', () => {
    const wirings = { ...WIRINGS, leftFront: { ...WIRINGS.leftFront, inverted: true }, rightRear: { ...WIRINGS.rightRear, trim: 0.9 } };
    const duties = mixMotors(wirings, CURVE, 20, 20);
    expect([duties.get(0), duties.get(1)]).toEqual([4000, 0]);
    expect([duties.get(5), duties.get(4)]).toEqual([3600, 0]);
  });

  it('never drives both inputs of a bridge unless it brakes, and never exceeds the counter', () => {
    const speed = fc.double({ min: -60, max: 60, noNaN: false });
    fc.assert(
      fc.property(speed, speed, fc.double({ min: 0.5, max: 1.5, noNaN: true }), fc.boolean(), (left, right, trim, inverted) => {
        const wirings = { ...WIRINGS, leftRear: { ...WIRINGS.leftRear, trim, inverted } };
        const duties = mixMotors(wirings, CURVE, left, right);
        for (const { forwardChannel, reverseChannel } of Object.values(wirings)) {
          const [forward, reverse] = [duties.get(forwardChannel) as number, duties.get(reverseChannel) as number];
          const brakes = forward === 4095 && reverse === 4095;
          expect(brakes || Math.min(forward, reverse) === 0).toBe(true);
          expect(Math.max(forward, reverse)).toBeLessThanOrEqual(4095);
          expect(Number.isInteger(forward) && Number.isInteger(reverse)).toBe(true);
        }
      }),
    );
  });

  it('follows the calibrated curve: dead band, slope, end, either sign', () => {
    expect([0, 10, 20, 99, -10, Number.NaN].map((speed) => dutyForSpeed(CURVE, speed))).toEqual([0, 2250, 4000, 4000, -2250, 0]);
    expect(dutyForSpeed(CURVE, 1e-9)).toBeCloseTo(500, 3);
  });
});

describe('motor drive', () => {
  const newDrive = (guard?: { armed: boolean; beat(): void }) => {
    const { bus, chip, driver } = bench();
    const clock = new VirtualClock();
    const drive = new MotorDrive({
      chip: driver,
      clock,
      wirings: WIRINGS,
      curve: CURVE,
      rateHz: 50,
      ...(guard === undefined ? {} : { guard }),
    });
    return { bus, chip, clock, drive };
  };

  it('starts braked, whatever the chip did before', () => {
    const { chip } = newDrive();
    expect(motorDuties(chip)).toEqual(BRAKED);
  });

  it('counts the commanded speed, limited to what the curve knows, as the way of the wheels', async () => {
    const { clock, drive } = newDrive();
    drive.setWheelSpeeds(5, 100);
    await clock.run({ untilSec: 0.4 });
    expect(drive.update()).toMatchObject({ connected: true, stampSec: 0.4, leftVelocityRadPerSec: 5, rightVelocityRadPerSec: 20 });
    expect(drive.update().leftPositionRad).toBeCloseTo(2, 9);
    expect(drive.update().rightPositionRad).toBeCloseTo(8, 9);
  });

  it('a chip that lost its supply is started anew, stopped', async () => {
    const { chip, clock, drive } = newDrive();
    drive.setWheelSpeeds(10, 10);
    chip.powerOn();
    await clock.run({ untilSec: 1.1 });
    expect(drive.update()).toMatchObject({ connected: true, leftVelocityRadPerSec: 0 });
    expect(chip.registers[0xfe]).toBe(121);
    expect(motorDuties(chip)).toEqual(BRAKED);
  });

  it('does not move while the watchdog is not there, and goes on when it is', () => {
    let beats = 0;
    const guard = { armed: false, beat: () => void (beats += 1) };
    const { chip, drive } = newDrive(guard);
    drive.setWheelSpeeds(10, 10);
    expect(motorDuties(chip)).toEqual(BRAKED);
    expect(beats).toBe(1); // or it would never learn that the agent is back
    guard.armed = true;
    drive.setWheelSpeeds(20, 20);
    expect(chip.duty(1)).toBeCloseTo(4000 / 4096, 9);
  });

  it('falls silent towards the watchdog when the chip does not take its commands', () => {
    let beats = 0;
    const { bus, drive } = newDrive({ armed: true, beat: () => void (beats += 1) });
    drive.setWheelSpeeds(10, 10);
    bus.setPlugged(PCA9685_ADDRESS, false);
    drive.setWheelSpeeds(10, 10);
    drive.setWheelSpeeds(10, 10);
    expect(beats).toBe(1);
  });
});
