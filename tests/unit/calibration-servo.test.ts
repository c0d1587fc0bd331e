// The zero of the sonar's servo, found through the chips: a horn that sits askew, pulses on channel 8, and sound that a post sends back.
import { describe, expect, it } from 'vitest';
import { centreByHand, correctedZero, findPost } from '../../robot/calibration/servo-zero.ts';
import { freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { createFreenove } from '../../hardware/freenove-4wd/freenove-body.ts';
import { PCA9685_ADDRESS } from '../../hardware/freenove-4wd/pca9685.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { FakeGpio } from '../support/chips/fake-gpio.ts';
import { FakeI2c } from '../support/chips/fake-i2c.ts';
import { Pca9685Model } from '../support/chips/pca9685-model.ts';
import { SonarModel } from '../support/chips/sonar-model.ts';

const POST_M = 0.5;
/** HC-SR04 user guide: measuring angle 15°; the post's own width adds to it. */
const SEEN_DEG = 7.5 + 2;
const WALL_M = 2.4;
const SERVO_0_CHANNEL = 8;

interface Scene {
  /** Where the sensor looks beyond what its servo is told: the horn sits on its shaft so askew [° to the left]. */
  readonly askewDeg: number;
  readonly zeroDeg?: number;
  readonly leftSign?: 1 | -1;
  readonly seenDeg?: number;
  readonly postM?: number | null;
}

/** A car whose sensor looks where the pulse on its servo's pin says. */
function openCar({ askewDeg, zeroDeg = 0, leftSign = 1, seenDeg = SEEN_DEG, postM = POST_M }: Scene) {
  const clock = new VirtualClock();
  const pwm = new Pca9685Model();
  const i2c = new FakeI2c();
  i2c.devices.set(PCA9685_ADDRESS, pwm);
  /** Servo 0 of the kit counts down from 2500 µs at −10°, 1 µs per 0.09°. */
  const trueDeg = (): number => leftSign * ((2500 - pwm.pulseUs(SERVO_0_CHANNEL)) * 0.09 - 10 - 90) + askewDeg;
  const sonar = new SonarModel();
  Object.defineProperty(sonar, 'distanceM', { get: () => (postM !== null && Math.abs(trueDeg()) < seenDeg ? postM : WALL_M) });
  const pan = { zeroDeg, leftSign };
  const config = freenoveSchema.parse({ sonar: { pan } });
  const car = createFreenove(config, { i2c, gpio: new FakeGpio(), clock, guard: null, startPinger: () => sonar.pinger() });
  if (car.sonar === null) throw new Error('no sonar');
  return { clock, port: car.sonar, model: sonar, pan, trueDeg, car };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isOutriderError(error, 'OUT_CALIBRATION')) throw new Error(`not refused: ${String(error)}`);
  return error.message;
}

describe('the zero of the servo', () => {
  it.each([
    { askewDeg: 0 },
    { askewDeg: 11 },
    { askewDeg: -17, zeroDeg: 4 },
    { askewDeg: 8, leftSign: -1 as const },
    { askewDeg: -6, leftSign: -1 as const, zeroDeg: -3 },
  ])('by a post: a sensor that is askew looks ahead afterwards: %o', async (scene) => {
    const { clock, port, pan } = openCar(scene);
    const sighting = await clock.runUntilSettled(findPost(port, clock));
    const zeroDeg = correctedZero(pan, sighting.bearingDeg);
    expect(sighting.rangeM).toBeCloseTo(POST_M, 2);
    const again = openCar({ ...scene, zeroDeg });
    again.port.aim(0);
    expect(Math.abs(again.trueDeg())).toBeLessThan(1); // half a step, and the PWM's own 0.44°
  });

  it('by eye: the sensor is turned step by step, and the pulse for straight ahead moves by as much', async () => {
    const { port, pan, trueDeg } = openCar({ askewDeg: -9 });
    const answers = ['5', '6', '-2', ''];
    const seen: number[] = [];
    const bearingDeg = await centreByHand(port, () => {
      seen.push(Math.round(trueDeg()));
      return Promise.resolve(answers.shift() ?? '');
    });
    expect(seen).toEqual([-9, -4, 2, 0]);
    const again = openCar({ askewDeg: -9, zeroDeg: correctedZero(pan, bearingDeg) });
    expect(Math.abs(again.trueDeg())).toBeLessThan(0.5);
  });

  it.each([
    ['nothing that stands alone', { askewDeg: 0, postM: null }, /must be a post/],
    ['a post at the edge of the sweep', { askewDeg: -40 }, /must be a post/],
    ['something as wide as a wall', { askewDeg: 0, seenDeg: 35 }, /must be a post/],
  ])('is refused before %s', async (_, scene, reason) => {
    const { clock, port } = openCar(scene);
    expect(await refusal(clock.runUntilSettled(findPost(port, clock)))).toMatch(reason);
  });

  it('is refused when the sensor does not answer', async () => {
    const { clock, port, model } = openCar({ askewDeg: 0 });
    model.fault = 'unplugged';
    expect(await refusal(clock.runUntilSettled(findPost(port, clock)))).toContain('does not answer');
  });

  it('is refused for what is no turn, and beyond what a horn can be off', async () => {
    const { port, pan } = openCar({ askewDeg: 0 });
    expect(await refusal(centreByHand(port, () => Promise.resolve('left')))).toContain('"left"');
    expect(await refusal(Promise.resolve().then(() => correctedZero(pan, 61)))).toContain('horn');
  });
});
