// What can be fitted to the car beside the kit, through the body that its YAML makes: an MPU-6050, and an INA219 or INA3221 between battery and car.
import { describe, expect, it } from 'vitest';
import { ADC_ADDRESS } from '../../hardware/freenove-4wd/adc.ts';
import { type FreenoveConfig, freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { createFreenove } from '../../hardware/freenove-4wd/freenove-body.ts';
import { PCA9685_ADDRESS } from '../../hardware/freenove-4wd/pca9685.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { Ads7830Model } from '../support/chips/adc-models.ts';
import { FakeGpio } from '../support/chips/fake-gpio.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';
import { Ina219Model, Ina3221Model } from '../support/chips/ina-models.ts';
import { Mpu6050Model } from '../support/chips/mpu6050-model.ts';
import { Pca9685Model } from '../support/chips/pca9685-model.ts';

function openCar(section: object) {
  const clock = new VirtualClock();
  const i2c = new FakeI2c();
  i2c.devices.set(PCA9685_ADDRESS, new Pca9685Model());
  const adc = new Ads7830Model(5.2);
  adc.pinsV.splice(0, 3, 1, 1.2, 7.4 / 2);
  i2c.devices.set(ADC_ADDRESS, adc);
  const config: FreenoveConfig = freenoveSchema.parse({ sonar: null, buzzerLine: null, ...section });
  const open = () =>
    createFreenove(config, { i2c, gpio: new FakeGpio(), clock, guard: null, startPinger: () => ({ ping: () => {}, close: () => {} }) });
  return { i2c, clock, open };
}

describe('a power monitor', () => {
  it('INA219 (SBOS448G §8.6.3) gives volts and watts; while it is unplugged the board’s converter gives volts alone', async () => {
    const { i2c, clock, open } = openCar({ powerMonitor: { chip: 'ina219', address: 0x44, shuntOhm: 0.05 } });
    const model = new Ina219Model(0.05);
    [model.busV, model.currentA] = [7.8, 1.2];
    i2c.devices.set(0x44, model);
    const { power } = open();
    expect(power.update()).toMatchObject({ connected: true, voltageV: expect.closeTo(7.8, 2), powerW: expect.closeTo(9.36, 1) });
    i2c.setPlugged(0x44, false);
    expect(power.update()).toMatchObject({ connected: true, voltageV: expect.closeTo(7.4, 1), powerW: null });
    i2c.setPlugged(0x44, true);
    await clock.run({ untilSec: clock.nowSec() + 1.1 });
    expect(power.update().powerW).toBeCloseTo(9.36, 1);
    i2c.setPlugged(0x44, false);
    i2c.setPlugged(ADC_ADDRESS, false);
    expect(power.update().connected).toBe(false);
  });

  it('INA3221 (SBOS576B §8.6.2) is read on the channel that the battery is on', () => {
    const { i2c, open } = openCar({ powerMonitor: { chip: 'ina3221', channel: 2 } });
    const model = new Ina3221Model();
    [model.busV[1], model.shuntV[1]] = [8.1, 0.7 * 0.1];
    i2c.devices.set(0x41, model);
    expect(open().power.update()).toMatchObject({ connected: true, voltageV: expect.closeTo(8.1, 1), powerW: expect.closeTo(5.67, 1) });
  });

  it.each([
    ['at the motors’ address', { powerMonitor: { chip: 'ina219', address: 0x40 } }],
    ['at the battery’s address', { powerMonitor: { chip: 'ina219', address: 0x48 } }],
    ['at an address that an INA3221 cannot have', { powerMonitor: { chip: 'ina3221', address: 0x44 } }],
    ['with an IMU that has one axis twice', { imu: { axes: ['x', '-x', 'z'] } }],
  ])('%s is refused', (_, section) => {
    expect(freenoveSchema.safeParse(section).success).toBe(false);
  });
});

describe('an MPU-6050', () => {
  it('learns its zero while nothing is commanded (PS §6.1: up to ±20 °/s off), and keeps it while the car drives', async () => {
    const { i2c, clock, open } = openCar({ imu: { address: 0x69 } });
    const model = new Mpu6050Model(new SeededRandom(3));
    model.zeroRate = [0.02, -0.05, 0.2];
    i2c.devices.set(0x69, model);
    const { drive, imu } = open();
    const yaw = () => imu?.update().angularVelocityRadPerSec[2] ?? Number.NaN;
    expect(yaw()).toBeGreaterThan(0.15);
    for (let reading = 0; reading < 25; reading += 1) yaw();
    expect(Math.abs(yaw())).toBeLessThan(0.01);
    drive.update();
    drive.setWheelSpeeds(-5, 5);
    model.rate = [0, 0, 0.8];
    for (let reading = 0; reading < 50; reading += 1) yaw();
    expect(yaw()).toBeCloseTo(0.8, 1);
    drive.stop();
    await clock.run({ untilSec: clock.nowSec() + 0.1 });
  });

  it('is none where none is written', () => {
    expect(openCar({}).open().imu).toBeNull();
  });
});
