// The `freenove:` section of a rover's YAML: board, wiring, geometry and calibration of the car. Channel and line numbers are those of the kit.
import { z } from 'zod';

const channel = z.number().int().min(0).max(15);
const line = z.number().int().min(0).max(27);

const motorSchema = (forward: number, reverse: number) =>
  z
    .strictObject({
      forwardChannel: channel.default(forward).describe('PCA9685 channel that is high when the wheel drives forwards.'),
      reverseChannel: channel.default(reverse),
      inverted: z.boolean().default(false).describe('True where this wheel turns the wrong way: the motors are soldered either way round.'),
      trim: z.number().min(0.5).max(1.5).default(1).describe('Factor on the duty, from calibration, so that all wheels turn alike.'),
    })
    .refine((motor) => motor.forwardChannel !== motor.reverseChannel, { message: 'forwardChannel and reverseChannel must differ' })
    .prefault({});

const motorsSchema = z
  .strictObject({
    leftFront: motorSchema(1, 0),
    leftRear: motorSchema(2, 3),
    rightFront: motorSchema(7, 6),
    rightRear: motorSchema(5, 4),
  })
  .refine((motors) => new Set(Object.values(motors).flatMap((motor) => [motor.forwardChannel, motor.reverseChannel])).size === 8, {
    message: 'no two motors may share a channel',
  })
  .prefault({});

const curvePoint = z.strictObject({ radPerSec: z.number().min(0).max(100), duty: z.number().min(0).max(4095) });

/** Wheel speed over duty on a smooth floor with a full battery; a start for `outrider robot calibrate`, not a measurement of your car. */
const UNCALIBRATED_CURVE = [
  { radPerSec: 0, duty: 600 },
  { radPerSec: 20, duty: 4095 },
];

const curveSchema = z
  .array(curvePoint)
  .min(2)
  .max(64)
  .refine((points) => points.every((point, i) => i === 0 || isAfter(point, points[i - 1])), { message: 'speed and duty must both rise' })
  .default(UNCALIBRATED_CURVE);

const sonarSchema = z.strictObject({
  triggerLine: line.default(27),
  echoLine: line.default(22),
  airTemperatureC: z.number().min(-40).max(60).default(20).describe('Sound is 0.6 m/s faster per degree.'),
  pan: z
    .strictObject({
      servo: z.number().int().min(0).max(7).default(0),
      inverted: z.boolean().default(true),
      zeroDeg: z.number().min(-60).max(60).default(0).describe('Added to every angle, from calibration, so that 90° looks ahead.'),
      minDeg: z.number().min(0).max(180).default(20),
      maxDeg: z.number().min(0).max(180).default(160),
      leftSign: z
        .union([z.literal(1), z.literal(-1)])
        .default(1)
        .describe('1: greater angles look to the left.'),
      slewRadPerSec: z.number().positive().max(50).default(5),
    })
    .refine((pan) => pan.minDeg < pan.maxDeg, { path: ['minDeg'], message: 'must lie below maxDeg' })
    .nullable()
    .prefault({})
    .describe('null: the sensor looks ahead.'),
});

const sensorAxis = z.enum(['x', 'y', 'z', '-x', '-y', '-z']);

const imuSchema = z.strictObject({
  address: z
    .union([z.literal(0x68), z.literal(0x69)])
    .default(0x68)
    .describe('0x69 with AD0 high.'),
  axes: z
    .tuple([sensorAxis, sensorAxis, sensorAxis])
    .refine((axes) => new Set(axes.map((axis) => axis.slice(-1))).size === 3, { message: 'each axis of the chip once' })
    .default(['x', 'y', 'z'])
    .describe('Which axis of the chip points forward, left and up.'),
});

const monitorAddress = z
  .number()
  .int()
  .min(0x40)
  .max(0x4f)
  .refine((address) => address !== 0x40 && address !== 0x48, {
    message: '0x40 are the motors, 0x48 is the battery: solder the address bridges',
  });
const shuntOhm = z.number().positive().max(10).default(0.1).describe('Shunt resistor [Ω].');

const powerMonitorSchema = z.discriminatedUnion('chip', [
  z.strictObject({
    chip: z.literal('ina219'),
    address: monitorAddress.default(0x41),
    shuntOhm,
    maxCurrentA: z.number().positive().max(100).default(3.2),
  }),
  z.strictObject({
    chip: z.literal('ina3221'),
    address: monitorAddress.max(0x43).default(0x41),
    shuntOhm,
    channel: z
      .union([z.literal(1), z.literal(2), z.literal(3)])
      .default(1)
      .describe('The one that the battery is on.'),
  }),
]);

export const freenoveSchema = z.strictObject({
  board: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('Version printed on the board: voltage divider and reference differ.'),
  i2cBus: z.number().int().min(0).max(99).default(1),
  adc: z.enum(['auto', 'ads7830', 'pcf8591']).default('auto').describe('Converter behind the battery; auto: found by probing.'),
  geometry: z
    .strictObject({
      wheelRadiusM: z.number().min(0.005).max(0.5).default(0.0325),
      wheelBaseM: z
        .number()
        .min(0.02)
        .max(2)
        .default(0.2)
        .describe('Effective: four wheels that skid turn like two that are further apart than they are.'),
    })
    .prefault({}),
  motors: motorsSchema,
  speedCurve: curveSchema,
  imu: imuSchema
    .nullable()
    .default(null)
    .describe('An MPU-6050 on the same I2C bus: its gyroscope tells turns, which wheels that skid do not.'),
  powerMonitor: powerMonitorSchema
    .nullable()
    .default(null)
    .describe('An INA219 or INA3221 between battery and car: volts and watts in place of the volts of the board’s converter.'),
  sonar: sonarSchema.nullable().prefault({}),
  lineSensors: z
    .array(line)
    .length(3)
    .nullable()
    .default(null)
    .describe('From left to right, [14, 15, 23] in the kit. 14 and 15 are the UART as well: null while a lidar or a console is on it.'),
  buzzerLine: line.nullable().default(17),
  leds: z
    .strictObject({ device: z.string().min(1).max(100).default('/dev/spidev0.0') })
    .nullable()
    .default(null)
    .describe('Board v2 only; its clock must stand at 2.4 MHz, see docs/raspberry-pi.md.'),
});

export type FreenoveConfig = z.infer<typeof freenoveSchema>;

function isAfter(point: z.infer<typeof curvePoint>, before: z.infer<typeof curvePoint> | undefined): boolean {
  return before === undefined || (point.radPerSec > before.radPerSec && point.duty > before.duty);
}
