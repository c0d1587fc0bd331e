import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { echoRange, measureEcho, speedOfSound } from '../../hardware/freenove-4wd/echo-timing.ts';
import { Pca9685, PCA9685_ADDRESS } from '../../hardware/freenove-4wd/pca9685.ts';
import { Servo, servoPulseUs } from '../../hardware/freenove-4wd/servo.ts';
import { type Pinger, UltrasonicSensor } from '../../hardware/freenove-4wd/ultrasonic.ts';
import { startWorkerPinger } from '../../hardware/freenove-4wd/worker-pinger.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';
import { Pca9685Model } from '../support/chips/pca9685-model.ts';
import { SonarModel } from '../support/chips/sonar-model.ts';

const WIRING = { servo: 0, inverted: true, zeroDeg: 0, minDeg: 10, maxDeg: 170, slewRadPerSec: 5 };

function servoBench() {
  const bus = new FakeI2c();
  const chip = new Pca9685Model();
  bus.devices.set(PCA9685_ADDRESS, chip);
  const driver = new Pca9685(bus);
  driver.start(50);
  const clock = new VirtualClock();
  return { bus, chip, clock, servo: new Servo(driver, clock, WIRING, 50) };
}

function sensorOn(model: SonarModel, options: { airTemperatureC?: number; pinger?: Pinger } = {}) {
  const clock = new VirtualClock();
  const pinger = options.pinger ?? model.pinger();
  const sensor = new UltrasonicSensor({
    pinger,
    clock,
    servo: null,
    aheadDeg: 90,
    leftSign: 1,
    airTemperatureC: options.airTemperatureC ?? 20,
  });
  const next = async () => {
    await clock.run({ untilSec: clock.nowSec() + 0.1 });
    return sensor.update();
  };
  return { clock, sensor, next };
}

describe('servo pulses (500 µs at −10°, 0.09° per µs, servo 0 counts down from 2500)', () => {
  it.each([
    [0, 611, 2389],
    [90, 1611, 1389],
    [180, 2611, 389],
  ])('%i°', (angle, plain, inverted) => {
    expect(servoPulseUs(angle, false)).toBeCloseTo(plain, 0);
    expect(servoPulseUs(angle, true)).toBeCloseTo(inverted, 0);
  });

  it('arrive at the pin of channel 8 within one count of the PWM (4.9 µs)', () => {
    const { chip, servo } = servoBench();
    for (const angle of [10, 45, 90, 133, 170]) {
      expect(servo.turnTo(angle)).toBe(true);
      expect(Math.abs(chip.pulseUs(8) - servoPulseUs(angle, true))).toBeLessThan(2.5);
    }
  });

  it('stay within the servo’s range, and refuse what is no number', () => {
    const { chip, servo } = servoBench();
    servo.turnTo(400);
    expect(Math.abs(chip.pulseUs(8) - servoPulseUs(170, true))).toBeLessThan(2.5);
    expect(servo.turnTo(Number.NaN)).toBe(false);
    expect(Math.abs(chip.pulseUs(8) - servoPulseUs(170, true))).toBeLessThan(2.5);
  });

  it('a servo is on its way for a while, and stays where it was when its chip is gone', async () => {
    const { bus, clock, servo } = servoBench();
    servo.turnTo(150);
    expect(servo.angleDeg).toBe(90);
    await clock.run({ untilSec: 0.1 });
    expect(servo.angleDeg).toBeCloseTo(90 + (0.5 * 180) / Math.PI, 6);
    await clock.run({ untilSec: 1 });
    expect(servo.angleDeg).toBe(150);
    bus.setPlugged(PCA9685_ADDRESS, false);
    expect(servo.turnTo(30)).toBe(false);
    await clock.run({ untilSec: 2 });
    expect(servo.angleDeg).toBe(150);
  });
});

describe('echo timing (HC-SR04 user guide)', () => {
  it('triggers for at least 10 µs', () => {
    const model = new SonarModel();
    measureEcho(model.trigger, model.echo, () => model.nowUs(), 25_000);
    expect(model.triggerPulsesUs).toHaveLength(1);
    expect(model.triggerPulsesUs[0]).toBeGreaterThanOrEqual(10);
  });

  it('knows the speed of sound: 331.3 m/s at 0 °C, 343.2 at 20, 319 at −20', () => {
    expect(speedOfSound(0)).toBe(331.3);
    expect(speedOfSound(20)).toBeCloseTo(343.2, 1);
    expect(speedOfSound(-20)).toBeCloseTo(318.9, 1);
    expect(echoRange(5827, 20)).toBeCloseTo(1, 3);
  });

  it('measures any distance within range and any air within half a centimetre', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.03, max: 3.95, noNaN: true }),
        fc.double({ min: -20, max: 45, noNaN: true }),
        async (distanceM, airTemperatureC) => {
          const model = new SonarModel();
          Object.assign(model, { distanceM, airTemperatureC });
          const { rangeM, connected } = await sensorOn(model, { airTemperatureC }).next();
          expect(connected).toBe(true);
          expect(Math.abs(rangeM - distanceM)).toBeLessThan(0.005);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is wrong by 7 % at −20 °C when it believes in 20 °C: the temperature matters', async () => {
    const model = new SonarModel();
    Object.assign(model, { distanceM: 3, airTemperatureC: -20 });
    expect((await sensorOn(model).next()).rangeM).toBeCloseTo(3 * 1.076, 1);
  });

  it('no echo is +Infinity, and so is one from beyond 4 m', async () => {
    const model = new SonarModel();
    model.distanceM = null;
    const { next } = sensorOn(model);
    expect(await next()).toMatchObject({ connected: true, rangeM: Number.POSITIVE_INFINITY });
    model.distanceM = 4.3;
    expect(await next()).toMatchObject({ connected: true, rangeM: Number.POSITIVE_INFINITY });
  });

  it('what is nearer than 2 cm is invalid', async () => {
    const model = new SonarModel();
    model.distanceM = 0.01;
    expect(await sensorOn(model).next()).toMatchObject({ connected: true, rangeM: Number.NaN });
  });

  it('a processor that was away at an edge gives no range, rather than a wrong one', async () => {
    const model = new SonarModel();
    const { next } = sensorOn(model);
    const first = await next();
    expect(first.rangeM).toBeCloseTo(1, 2);
    model.pauses.push({ atUs: model.nowUs() + 60_000 + 460 + 5827, forUs: 2000 });
    expect((await next()).rangeM).toBeNaN();
    expect((await next()).rangeM).toBeCloseTo(1, 2);
  });

  it.each(['stuck', 'unplugged'] as const)(
    'an echo line that is %s gives no range at once, and is a missing sensor after three pings',
    async (fault) => {
      const model = new SonarModel();
      const { next } = sensorOn(model);
      await next();
      model.fault = fault;
      expect(await next()).toMatchObject({ connected: true, rangeM: Number.NaN });
      expect(await next()).toMatchObject({ connected: true, rangeM: Number.NaN });
      expect(await next()).toMatchObject({ connected: false, rangeM: Number.NaN });
      model.fault = 'none';
      expect(await next()).toMatchObject({ connected: true });
    },
  );
});

describe('swept ultrasonic sensor', () => {
  it('leaves 60 ms between pings', async () => {
    const model = new SonarModel();
    const pinger = model.pinger();
    const { clock, sensor } = sensorOn(model, { pinger });
    for (let at = 0; at < 0.2; at += 1 / 32) {
      await clock.run({ untilSec: at });
      sensor.update();
    }
    expect(pinger.results).toHaveLength(4); // at 0, 2/32, 4/32 and 6/32 s
  });

  it('gives the time and the bearing of the ping, with the servo still on its way', async () => {
    const { clock, servo } = servoBench();
    const pinger = new SonarModel().pinger();
    const sensor = new UltrasonicSensor({ pinger, clock, servo, aheadDeg: 90, leftSign: 1, airTemperatureC: 20 });
    sensor.aim(1);
    await clock.run({ untilSec: 0.1 });
    expect(sensor.update()).toMatchObject({ stampSec: 0.1 });
    expect(sensor.update().bearingRad).toBeCloseTo(0.5, 6);
    await clock.run({ untilSec: 1 });
    expect(sensor.update().bearingRad).toBeCloseTo(1, 6);
  });

  it('a pinger that has died is a missing sensor half a second later', async () => {
    const silent: Pinger = { ping: () => {}, close: () => {} };
    const { clock, sensor } = sensorOn(new SonarModel(), { pinger: silent });
    sensor.update();
    await clock.run({ untilSec: 0.6 });
    expect(sensor.update()).toMatchObject({ connected: false, rangeM: Number.NaN });
  });

  it('measures in a thread; lines that are not there are a sensor that does not answer', async () => {
    const pinger = startWorkerPinger({ triggerPath: '/nowhere/trigger', echoPath: '/nowhere/echo' });
    const result = await new Promise((resolve) => pinger.ping(25_000, resolve));
    pinger.close();
    expect(result).toEqual({ kind: 'no-answer' });
  });
});
