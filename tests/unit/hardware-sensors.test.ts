// IMU and power monitors on models of their chips' registers; each test names its clause of the data sheet.
import { describe, expect, it } from 'vitest';
import { Ina219, ina219Calibration } from '../../hardware/sensors/ina219.ts';
import { Ina3221 } from '../../hardware/sensors/ina3221.ts';
import { lithiumChargeFraction } from '../../hardware/sensors/lithium-battery.ts';
import { Mpu6050, type Mpu6050Options } from '../../hardware/sensors/mpu6050.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';
import { Ina219Model, Ina3221Model } from '../support/chips/ina-models.ts';
import { Mpu6050Model } from '../support/chips/mpu6050-model.ts';

const BATTERY = { cells: 2 };

function mpu6050(options: Partial<Mpu6050Options> = {}) {
  const bus = new FakeI2c();
  const model = new Mpu6050Model(new SeededRandom(1));
  bus.devices.set(0x68, model);
  const clock = new VirtualClock();
  return {
    bus,
    model,
    clock,
    imu: new Mpu6050({ bus, clock, ...options }),
    pause: (sec: number) => clock.run({ untilSec: clock.nowSec() + sec }),
  };
}

const near = (vector: readonly number[], expected: readonly number[], within: number): void =>
  vector.forEach((value, axis) => expect(Math.abs(value - (expected[axis] as number))).toBeLessThan(within));

describe('MPU-6050', () => {
  it('is woken and set to ±500 °/s, ±4 g and 44 Hz (RM §4.28, §4.4, §4.5, §4.3)', () => {
    const { imu, model } = mpu6050();
    imu.update();
    expect([0x6b, 0x1b, 0x1c, 0x1a].map((register) => model.register(register))).toEqual([0x01, 0x08, 0x08, 0x03]);
  });

  it('gives m/s² and rad/s from two’s complement words, high byte first (RM §4.17, §4.19; PS §6.1, §6.2)', () => {
    const { imu, model } = mpu6050();
    model.acceleration = [1.5, -2.5, 9.8];
    model.rate = [0.1, -0.2, 3];
    const inputs = imu.update();
    expect(inputs.connected).toBe(true);
    near(inputs.accelerationMPerSec2, [1.5, -2.5, 9.8], 0.05);
    near(inputs.angularVelocityRadPerSec, [0.1, -0.2, 3], 0.005);
  });

  it('saturates at its full scale instead of wrapping around (PS §6.1)', () => {
    const { imu, model } = mpu6050();
    model.rate = [0, 0, 20];
    expect(imu.update().angularVelocityRadPerSec[2]).toBeCloseTo((500 * Math.PI) / 180, 1);
  });

  it('turned on its board gives the rover’s axes', () => {
    const { imu, model } = mpu6050({ axes: ['-y', 'x', 'z'] });
    model.acceleration = [2, 1, 9.8];
    near(imu.update().accelerationMPerSec2, [-1, 2, 9.8], 0.05);
  });

  it('learns the gyroscope’s zero-rate output at rest (PS §6.1: ±20 °/s), not while turning', async () => {
    let resting = true;
    const { imu, model, pause } = mpu6050({ atRest: () => resting });
    model.zeroRate = [0.3, -0.2, 0.1];
    for (let step = 0; step < 25; step += 1) {
      imu.update();
      await pause(0.1);
    }
    near(imu.update().angularVelocityRadPerSec, [0, 0, 0], 0.004);
    resting = false;
    model.rate = [0, 0, 0.3];
    for (let step = 0; step < 50; step += 1) imu.update();
    near(imu.update().angularVelocityRadPerSec, [0, 0, 0.3], 0.005);
  });

  it('does not take being pushed about for rest', () => {
    const { imu, model } = mpu6050({ atRest: () => true });
    for (let step = 0; step < 40; step += 1) {
      model.rate = [0, 0, Math.sin(step)];
      imu.update();
    }
    model.rate = [0, 0, 0];
    near(imu.update().angularVelocityRadPerSec, [0, 0, 0], 0.004);
  });

  it('with another WHO_AM_I is not there (RM §4.32); an MPU-6500 (0x70) is', async () => {
    const { imu, model, pause } = mpu6050();
    model.identity = 0x19;
    expect(imu.update().connected).toBe(false);
    model.identity = 0x70;
    await pause(1.1);
    expect(imu.update().connected).toBe(true);
  });

  it('unplugged keeps its last values as disconnected, is tried once a second, and set up anew', async () => {
    const { imu, bus, model, pause, clock } = mpu6050();
    const before = imu.update();
    bus.setPlugged(0x68, false);
    await pause(0.1);
    expect(imu.update()).toEqual({ ...before, connected: false });
    bus.setPlugged(0x68, true);
    model.powerOn();
    await pause(1);
    expect(imu.update()).toMatchObject({ connected: true, stampSec: clock.nowSec() });
    expect(model.register(0x6b)).toBe(0x01);
  });

  it('that lost its power and sleeps (RM §4.28: reset value 0x40) is noticed within ten readings and woken', async () => {
    const { imu, model, pause } = mpu6050();
    imu.update();
    model.powerOn();
    const connected = Array.from({ length: 13 }, () => imu.update().connected);
    expect(connected).toContain(false);
    await pause(1.1);
    expect(imu.update().connected).toBe(true);
    near(imu.update().accelerationMPerSec2, [0, 0, 9.80665], 0.1);
  });
});

function powerMonitor<M extends Ina219Model | Ina3221Model>(model: M, make: (bus: FakeI2c, clock: VirtualClock) => Ina219 | Ina3221) {
  const bus = new FakeI2c();
  bus.devices.set(0x41, model);
  const clock = new VirtualClock();
  return { bus, clock, power: make(bus, clock), pause: (sec: number) => clock.run({ untilSec: clock.nowSec() + sec }) };
}

describe('INA219', () => {
  const make = (bus: FakeI2c, clock: VirtualClock) => new Ina219({ bus, clock, battery: BATTERY });

  it('has the calibration of its data sheet’s example: 2 mΩ, 1 mA resolution give 20480 (SBOS448 §8.5.1)', () => {
    expect(ina219Calibration(0.002, 0.001 * 2 ** 15)).toEqual({ calibration: 20_480, currentLsbA: expect.closeTo(0.001, 9) });
  });

  it('is set to 32 V, ±320 mV, 32 samples, continuous (§8.6.2.1), and calibrated (§8.6.4.1)', () => {
    const model = new Ina219Model();
    const { power, bus } = powerMonitor(model, make);
    power.update();
    expect(bus.writes.slice(0, 2)).toEqual([
      { address: 0x41, bytes: [0x00, 0x3e, 0xef] },
      { address: 0x41, bytes: [0x05, 0x10, 0x62] },
    ]);
  });

  it.each([
    [7.4, 1.2],
    [8.4, 0.05],
    [6.2, 3.1],
  ])('measures %f V and %f A (§8.6.3.2: 4 mV in bits 15:3; §8.5.1: power LSB = 20 current LSB)', (busV, currentA) => {
    const model = new Ina219Model();
    const { power } = powerMonitor(model, make);
    model.busV = busV;
    model.currentA = currentA;
    const inputs = power.update();
    expect(inputs.connected).toBe(true);
    expect(inputs.voltageV).toBeCloseTo(busV, 2);
    expect(inputs.powerW).toBeCloseTo(busV * currentA, 1);
  });

  it('that lost its calibration with its power (§8.5: reads 0 A) is calibrated again', () => {
    const model = new Ina219Model();
    const { power } = powerMonitor(model, make);
    model.busV = 7.4;
    model.currentA = 1;
    power.update();
    model.powerOn();
    expect(power.update().powerW).toBeCloseTo(7.4, 1);
    expect(model.word(0)).toBe(0x3eef);
  });

  it('beyond its range says so instead of a wrong figure (§8.6.3.2: OVF)', () => {
    const model = new Ina219Model(0.1);
    const { power } = powerMonitor(model, (bus, clock) => new Ina219({ bus, clock, battery: BATTERY, maxCurrentA: 1 }));
    model.busV = 7.4;
    model.currentA = 2;
    expect(power.update().connected).toBe(false);
  });

  it('unplugged is disconnected, and comes back', async () => {
    const model = new Ina219Model();
    const { power, bus, pause } = powerMonitor(model, make);
    model.busV = 7.4;
    power.update();
    bus.setPlugged(0x41, false);
    expect(power.update()).toMatchObject({ connected: false, voltageV: 7.4 });
    bus.setPlugged(0x41, true);
    await pause(1.1);
    expect(power.update().connected).toBe(true);
  });
});

describe('INA3221', () => {
  it.each([1, 2, 3] as const)('measures channel %i (SBOS576 §8.6.2.2: 40 µV, §8.6.2.3: 8 mV, bits 15:3)', (channel) => {
    const model = new Ina3221Model();
    const { power } = powerMonitor(model, (bus, clock) => new Ina3221({ bus, clock, battery: BATTERY, channel }));
    model.busV[channel - 1] = 7.6;
    model.shuntV[channel - 1] = 0.09;
    const inputs = power.update();
    expect(inputs.voltageV).toBeCloseTo(7.6, 2);
    expect(inputs.powerW).toBeCloseTo(7.6 * 0.9, 2);
  });

  it('gives a charging battery negative power (§8.6.2.2: two’s complement)', () => {
    const model = new Ina3221Model();
    const { power } = powerMonitor(model, (bus, clock) => new Ina3221({ bus, clock, battery: BATTERY }));
    model.busV[0] = 8;
    model.shuntV[0] = -0.05;
    expect(power.update().powerW).toBeCloseTo(-4, 2);
  });

  it('is set to the mean of 16 samples (§8.6.2.1), and again after it lost its power', () => {
    const model = new Ina3221Model();
    const { power } = powerMonitor(model, (bus, clock) => new Ina3221({ bus, clock, battery: BATTERY }));
    power.update();
    expect(model.word(0)).toBe(0x7527);
    model.powerOn();
    power.update();
    expect(model.word(0)).toBe(0x7527);
  });

  it('is not taken for a chip with other identities (§8.6.1: registers FEh and FFh)', () => {
    const model = new Ina3221Model();
    model.setIdentity(0x5449, 0x2260);
    const { power } = powerMonitor(model, (bus, clock) => new Ina3221({ bus, clock, battery: BATTERY }));
    expect(power.update().connected).toBe(false);
  });
});

describe('charge of a lithium pack', () => {
  it('goes from 0 at 3.0 V to 1 at 4.2 V a cell and never falls with the voltage', () => {
    const fractions = Array.from({ length: 141 }, (_, index) => lithiumChargeFraction(BATTERY, 5.8 + 0.02 * index));
    expect(fractions[0]).toBe(0);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions.every((fraction, index) => index === 0 || fraction >= (fractions[index - 1] as number))).toBe(true);
    expect(lithiumChargeFraction(BATTERY, 7.4)).toBeCloseTo(0.5, 6);
  });

  it('does not fall when motors pull the voltage down', () => {
    expect(lithiumChargeFraction(BATTERY, 7.4 - 2 * 0.2, 2)).toBeCloseTo(lithiumChargeFraction(BATTERY, 7.4), 6);
  });
});
