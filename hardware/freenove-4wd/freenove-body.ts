// The Freenove car as a body: its parts behind the ports of a rover.
import type { Clock } from '../../shared/ports/clock.ts';
import type { DriveIo } from '../../shared/ports/drive-io.ts';
import type { ImuIo } from '../../shared/ports/imu-io.ts';
import type { LineIo } from '../../shared/ports/line-io.ts';
import type { PowerIo } from '../../shared/ports/power-io.ts';
import type { RangeIo } from '../../shared/ports/range-io.ts';
import { type GpioBank, openGpioBank } from '../buses/gpio.ts';
import { type I2cBus, openI2cBus } from '../buses/i2c.ts';
import { OutriderError } from '../../shared/errors.ts';
import { Ina219 } from '../sensors/ina219.ts';
import { Ina3221 } from '../sensors/ina3221.ts';
import { Mpu6050 } from '../sensors/mpu6050.ts';
import { firstConnected } from '../sensors/first-connected.ts';
import { Battery, CELLS } from './battery.ts';
import { Buzzer } from './buzzer.ts';
import type { FreenoveConfig } from './config.ts';
import { type LedStrip, openLedStrip } from './led-strip.ts';
import { LineSensors } from './line-sensors.ts';
import { type DriveGuard, MotorDrive } from './motor-drive.ts';
import { Pca9685 } from './pca9685.ts';
import { Servo } from './servo.ts';
import { type Pinger, UltrasonicSensor } from './ultrasonic.ts';
import { startWorkerPinger } from './worker-pinger.ts';

/** One rate for motors and servos: the chip has one prescaler, and servos want 50 Hz. */
const PWM_RATE_HZ = 50;

export interface FreenoveParts {
  readonly i2c: I2cBus;
  /** null where nothing on the header is configured. */
  readonly gpio: GpioBank | null;
  readonly clock: Clock;
  readonly guard: DriveGuard | null;
  /** Makes the measuring thread for two opened lines. */
  readonly startPinger: (gpio: GpioBank, triggerLine: number, echoLine: number) => Pinger;
}

export interface FreenoveBody {
  readonly drive: DriveIo;
  readonly power: PowerIo;
  readonly sonar: RangeIo | null;
  readonly imu: ImuIo | null;
  readonly lines: LineIo | null;
  readonly buzzer: Buzzer | null;
  readonly leds: LedStrip | null;
  /** Stops the motors and lets go of every bus. */
  close(): void;
}

/** Opens this machine's buses. Throws OUT_HARDWARE_* when one is missing or cannot serve: a rover throws at start-up only. */
export async function openFreenove(config: FreenoveConfig, clock: Clock, guard: DriveGuard | null): Promise<FreenoveBody> {
  if (config.leds !== null && config.board === 1)
    throw new OutriderError(
      'OUT_HARDWARE_UNSUPPORTED',
      'leds: on board v1 they hang on BCM 18 and need PWM with DMA; only board v2 has them on SPI',
    );
  const i2c = await openI2cBus(config.i2cBus);
  try {
    const wantsGpio = config.sonar !== null || config.lineSensors !== null || config.buzzerLine !== null;
    const gpio = wantsGpio ? await openGpioBank() : null;
    return createFreenove(config, { i2c, gpio, clock, guard, startPinger: startPingerOf });
  } catch (error) {
    i2c.close();
    throw error;
  }
}

/** Puts the car together on given buses. */
export function createFreenove(config: FreenoveConfig, parts: FreenoveParts): FreenoveBody {
  const leds = config.leds === null ? null : openLedStrip(config.leds.device);
  const { i2c, gpio, clock, guard } = parts;
  const chip = new Pca9685(i2c);
  const drive = new MotorDrive({
    chip,
    clock,
    wirings: config.motors,
    curve: { points: config.speedCurve },
    rateHz: PWM_RATE_HZ,
    ...(guard === null ? {} : { guard }),
  });
  const pinger = config.sonar === null || gpio === null ? null : parts.startPinger(gpio, config.sonar.triggerLine, config.sonar.echoLine);
  const lines = config.lineSensors === null || gpio === null ? null : config.lineSensors.map((line) => gpio.input(line));
  const buzzer = config.buzzerLine === null || gpio === null ? null : new Buzzer(gpio.output(config.buzzerLine, 0), clock);
  return {
    drive,
    power: createPower(config, i2c, clock),
    imu: config.imu === null ? null : new Mpu6050({ bus: i2c, clock, ...config.imu, atRest: () => drive.standing }),
    sonar: pinger === null ? null : createSonar(config, chip, clock, pinger),
    lines: lines === null ? null : new LineSensors(lines, clock),
    buzzer,
    leds,
    close: () => {
      drive.close();
      buzzer?.silence();
      leds?.close();
      pinger?.close();
      gpio?.close();
      i2c.close();
    },
  };
}

/** The monitor's watts where one is fitted and answers, else the volts of the board's converter. */
function createPower({ powerMonitor, board, adc }: FreenoveConfig, bus: I2cBus, clock: Clock): PowerIo {
  const battery = new Battery({ bus, clock, board, adc });
  if (powerMonitor === null) return battery;
  const { chip, ...wiring } = powerMonitor;
  const options = { bus, clock, battery: { cells: CELLS }, ...wiring };
  return firstConnected([chip === 'ina219' ? new Ina219(options) : new Ina3221(options), battery]);
}

function createSonar({ sonar }: FreenoveConfig, chip: Pca9685, clock: Clock, pinger: Pinger): UltrasonicSensor {
  const pan = sonar?.pan ?? null;
  const servo = pan === null ? null : new Servo(chip, clock, pan, PWM_RATE_HZ);
  const sensor = new UltrasonicSensor({
    pinger,
    clock,
    servo,
    aheadDeg: 90,
    leftSign: pan?.leftSign ?? 1,
    airTemperatureC: sonar?.airTemperatureC ?? 20,
  });
  sensor.aim(0);
  return sensor;
}

function startPingerOf(gpio: GpioBank, triggerLine: number, echoLine: number): Pinger {
  gpio.output(triggerLine, 0);
  gpio.input(echoLine);
  const [triggerPath, echoPath] = [gpio.valuePath(triggerLine), gpio.valuePath(echoLine)];
  if (triggerPath === null || echoPath === null)
    throw new OutriderError('OUT_INTERNAL', 'GPIO lines without files cannot be polled by a thread');
  return startWorkerPinger({ triggerPath, echoPath });
}
