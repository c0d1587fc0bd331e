// The whole car on modelled chips: what its pins show is what its wheels do.
import { ADC_ADDRESS } from '../../hardware/freenove-4wd/adc.ts';
import { freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { createFreenove } from '../../hardware/freenove-4wd/freenove-body.ts';
import { PCA9685_ADDRESS } from '../../hardware/freenove-4wd/pca9685.ts';
import type { PowerIo } from '../../shared/ports/power-io.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import type { PartName, RoverBench } from '../contracts/rover-ports.ts';
import { Ads7830Model, Pcf8591Model } from './chips/adc-models.ts';
import { FakeGpio } from './chips/fake-gpio.ts';
import { FakeI2c } from './chips/fake-i2c.ts';
import { Mpu6050Model } from './chips/mpu6050-model.ts';
import { Pca9685Model } from './chips/pca9685-model.ts';
import { SonarModel } from './chips/sonar-model.ts';

/** Speed of a wheel at full duty [rad/s], as the default curve has it. */
const FULL_RAD_PER_SEC = 20;
const BATTERY_V = 7.8;
const IMU_ADDRESS = 0x68;

/** A bench whose car surely has these parts. */
export interface FreenoveBench extends RoverBench {
  readonly power: PowerIo;
  readonly wheels: NonNullable<RoverBench['wheels']>;
}

export function openFreenoveBench(board: 1 | 2, adc: 'ads7830' | 'pcf8591', clock: VirtualClock = new VirtualClock()): FreenoveBench {
  const i2c = new FakeI2c();
  const pwm = new Pca9685Model();
  const converter = adc === 'ads7830' ? new Ads7830Model(board === 1 ? 3.3 : 5.2) : new Pcf8591Model(board === 1 ? 3.3 : 5.2);
  converter.pinsV.splice(0, 3, 1, 1.2, BATTERY_V / (board === 1 ? 3 : 2));
  i2c.devices.set(PCA9685_ADDRESS, pwm);
  i2c.devices.set(ADC_ADDRESS, converter);
  i2c.devices.set(IMU_ADDRESS, new Mpu6050Model(new SeededRandom(4)));
  const gpio = new FakeGpio();
  const sonar = new SonarModel();
  const body = createFreenove(freenoveSchema.parse({ board, lineSensors: [14, 15, 23], imu: {} }), {
    i2c,
    gpio,
    clock,
    guard: null,
    startPinger: () => sonar.pinger(),
  });
  /** A bridge with both inputs alike brakes or coasts. */
  const motor = (forward: number, reverse: number): number => (pwm.duty(forward) - pwm.duty(reverse)) * FULL_RAD_PER_SEC;
  const plugs: Partial<Record<PartName, (plugged: boolean) => void>> = {
    drive: (plugged) => {
      // Pulling the plug takes the chip's supply as well; so do its registers start anew.
      if (!plugged) pwm.powerOn();
      i2c.setPlugged(PCA9685_ADDRESS, plugged);
    },
    power: (plugged) => i2c.setPlugged(ADC_ADDRESS, plugged),
    imu: (plugged) => i2c.setPlugged(IMU_ADDRESS, plugged),
    range: (plugged) => void (sonar.fault = plugged ? 'none' : 'unplugged'),
    lines: (plugged) => void (gpio.broken = !plugged),
  };
  return {
    drive: body.drive,
    lidar: null,
    range: body.sonar,
    imu: body.imu,
    power: body.power,
    lines: body.lines,
    metrics: null,
    nowSec: () => clock.nowSec(),
    run: (seconds) => clock.run({ untilSec: clock.nowSec() + seconds }),
    wheels: () => ({ left: (motor(1, 0) + motor(2, 3)) / 2, right: (motor(7, 6) + motor(5, 4)) / 2 }),
    pluggable: Object.keys(plugs) as PartName[],
    setPlugged: (part, plugged) => plugs[part]?.(plugged),
    close: () => body.close(),
  };
}
