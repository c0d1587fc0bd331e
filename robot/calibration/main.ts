// `outrider robot calibrate`: the wheels by driven figures (asked for, or, with a simulated twin, seen), camera and servo; writes the constants.
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { loadTwin } from '../../sim/vehicle/twin.ts';
import { SimulatedDrive, Vehicle } from '../../sim/vehicle/vehicle.ts';
import { DEFAULT_VEHICLE } from '../../sim/vehicle/vehicle-spec.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { OutriderError } from '../../shared/errors.ts';
import { between, IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import type { DriveGeometry } from '../../shared/kinematics/differential-drive.ts';
import { changeYamlFile, freenoveDriveChanges, toDriveConstants } from './calibrated-yaml.ts';
import { calibrationFigures, driveFigure, type DrivenFigure, type Figure, type FigureSizes } from './figures.ts';
import { type DriveFit, fitDrive } from './fit-drive.ts';
import { centreByHand, correctedZero, findPost } from './servo-zero.ts';

export interface CalibrateOptions extends FigureSizes {
  readonly config: string;
  /** A simulated twin drives in place of the rover; nothing is written. */
  readonly twin?: boolean;
  readonly seed: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const calibratedSchema = z.looseObject({
  body: z.string(),
  freenove: z.looseObject({ geometry: z.looseObject({ wheelRadiusM: z.number(), wheelBaseM: z.number() }) }).optional(),
});

/** True when the constants were found (and written, unless dry or a twin). */
export async function runCalibrate(options: CalibrateOptions): Promise<boolean> {
  const { body, freenove } = await loadYaml(options.config, calibratedSchema);
  if (body !== 'freenove-4wd') {
    throw new OutriderError(
      'OUT_CALIBRATION',
      `${options.config}: body ${body} drives by its own odometry; calibrate it with its own tools`,
    );
  }
  const figures = calibrationFigures(options);
  if (options.twin === true) return calibrateTwin(figures, options);
  const believed = freenove?.geometry ?? DEFAULT_VEHICLE.geometry;
  const { openFreenove } = await import('../../hardware/freenove-4wd/freenove-body.ts');
  const { freenoveSchema } = await import('../../hardware/freenove-4wd/config.ts');
  const config = (await loadYaml(options.config, z.looseObject({ freenove: freenoveSchema.prefault({}) }))).freenove;
  const clock = new SystemClock();
  const rover = await openFreenove(config, clock, null);
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const driven: DrivenFigure[] = [];
  try {
    for (const figure of figures) {
      await ask.question(`${figure.name}: put the rover on its mark, make room, press Enter; Ctrl-C stops it `);
      const turns = await driveFigure(figure, { drive: rover.drive, clock, geometry: believed });
      driven.push({
        name: figure.name,
        turns,
        measured: parseEnd(await ask.question('it stands at x y heading (m, m, degrees; from its mark): ')),
      });
    }
  } finally {
    ask.close();
    rover.close();
  }
  const fit = fitDrive(driven, believed);
  const { leftFront, rightFront } = config.motors;
  const constants = toDriveConstants(fit, { left: leftFront.trim, right: rightFront.trim });
  if (options.dryRun !== true) await changeYamlFile(options.config, freenoveDriveChanges(constants));
  tell(options, { ...constants, residualM: fit.residualM, written: options.dryRun !== true });
  return true;
}

/** The twin has the file's wheels; the calibration begins with those of another rover and has to find them. */
async function calibrateTwin(figures: readonly Figure[], options: CalibrateOptions): Promise<boolean> {
  const spec = await loadTwin(options.config);
  const believed = { wheelRadiusM: spec.geometry.wheelRadiusM * 0.92, wheelBaseM: spec.geometry.wheelBaseM * 1.1 };
  const fit = await driveTwin(figures, spec, believed, options.seed);
  const { geometry } = toDriveConstants(fit);
  const off = (found: number, true_: number): number => found / true_ - 1;
  const radiusError = off((fit.leftRadiusM + fit.rightRadiusM) / 2, spec.geometry.wheelRadiusM);
  const baseError = off(fit.wheelBaseM, spec.geometry.wheelBaseM);
  tell(options, { simulated: true, true: spec.geometry, believed, found: geometry, radiusError, baseError, residualM: fit.residualM });
  return Math.abs(radiusError) < 0.02 && Math.abs(baseError) < 0.02;
}

/** Drives the figures with a simulated vehicle on an empty floor, one after the other, and reads the true ends off it. */
export async function driveTwin(
  figures: readonly Figure[],
  spec: typeof DEFAULT_VEHICLE,
  believed: DriveGeometry,
  seed: number,
): Promise<DriveFit> {
  const driven: DrivenFigure[] = [];
  for (const [index, figure] of figures.entries()) {
    const clock = new VirtualClock();
    const random = new SeededRandom(seed);
    // The same wheels each time, other slip.
    const vehicle = new Vehicle(spec, IDENTITY, {
      ...bindRandom(random),
      fork: (label) => random.fork(label === 'built' ? label : `${label}${index}`),
    });
    clock.every(STEP_SEC, () => vehicle.step(STEP_SEC, clock.nowSec(), () => true));
    const drive = new SimulatedDrive(vehicle, () => clock.nowSec());
    const turns = await clock.runUntilSettled(driveFigure(figure, { drive, clock, geometry: believed }));
    driven.push({ name: figure.name, turns, measured: between(IDENTITY, vehicle.pose) });
  }
  return fitDrive(driven, believed);
}

export interface ServoOptions {
  readonly config: string;
  /** By a post that stands ahead, found by the sensor itself, in place of the operator's eye. */
  readonly post?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Turns the ultrasonic sensor until it looks ahead, and writes its servo's zero. */
export async function runCalibrateServo(options: ServoOptions): Promise<boolean> {
  const { openFreenove } = await import('../../hardware/freenove-4wd/freenove-body.ts');
  const { freenoveSchema } = await import('../../hardware/freenove-4wd/config.ts');
  const file = z.looseObject({ body: z.literal('freenove-4wd'), freenove: freenoveSchema.prefault({}) });
  const { freenove } = await loadYaml(options.config, file);
  const pan = freenove.sonar?.pan ?? null;
  if (pan === null) throw new OutriderError('OUT_CALIBRATION', `${options.config}: freenove.sonar.pan is null: no servo turns the sensor`);
  const clock = new SystemClock();
  const rover = await openFreenove(freenove, clock, null);
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const { sonar } = rover;
    if (sonar === null) throw new OutriderError('OUT_CALIBRATION', 'the ultrasonic sensor is not configured');
    const sighting = options.post === true ? await findPost(sonar, clock) : null;
    const bearingDeg =
      sighting?.bearingDeg ??
      (await centreByHand(sonar, (at) =>
        ask.question(`the sensor is turned by ${at}°; degrees further to the left, or Enter when it looks ahead: `),
      ));
    const zeroDeg = correctedZero(pan, bearingDeg);
    if (options.dryRun !== true) await changeYamlFile(options.config, [[['freenove', 'sonar', 'pan', 'zeroDeg'], zeroDeg]]);
    tell(options, { zeroDeg, before: pan.zeroDeg, ...(sighting === null ? {} : { sighting }), written: options.dryRun !== true });
  } finally {
    ask.close();
    rover.close();
  }
  return true;
}

const STEP_SEC = 0.02;

function bindRandom(random: SeededRandom): Pick<SeededRandom, 'next' | 'gaussian' | 'integer'> {
  return { next: () => random.next(), gaussian: () => random.gaussian(), integer: (bound) => random.integer(bound) };
}

function parseEnd(text: string): Pose2 {
  const [x, y, degrees] = text
    .trim()
    .split(/[\s,;]+/)
    .map(Number);
  if (x === undefined || y === undefined || degrees === undefined || ![x, y, degrees].every(Number.isFinite)) {
    throw new OutriderError('OUT_CALIBRATION', `${JSON.stringify(text)} is no place: three numbers are wanted, such as 1.98 0.03 -2`);
  }
  return { x, y, theta: (degrees * Math.PI) / 180 };
}

function tell(options: { readonly json?: boolean }, result: object): void {
  console.log(options.json === true ? JSON.stringify(result) : JSON.stringify(result, null, 2));
}
