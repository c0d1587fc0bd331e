// Wheel radii and base from driven figures: exact on exact wheels, within 2 % on wheels that slip, and refused where they cannot be told.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeYaml, changeYamlFile, freenoveDriveChanges, toDriveConstants } from '../../robot/calibration/calibrated-yaml.ts';
import { calibrationFigures, driveFigure, type DrivenFigure, type Figure } from '../../robot/calibration/figures.ts';
import { fitDrive } from '../../robot/calibration/fit-drive.ts';
import { driveTwin } from '../../robot/calibration/main.ts';
import { solveLinear } from '../../robot/calibration/solve-linear.ts';
import { IDENTITY } from '../../shared/geometry/pose2.ts';
import { integrate } from '../../shared/geometry/twist2.ts';
import { toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { loadTwin } from '../../sim/vehicle/twin.ts';
import { DEFAULT_VEHICLE, NO_NOISE } from '../../sim/vehicle/vehicle-spec.ts';
import { SimulatedDrive, Vehicle } from '../../sim/vehicle/vehicle.ts';

const SIZES = { lineM: 2, squareM: 1.5, turns: 3, runs: 1 };
const FIGURES = calibrationFigures(SIZES);

/** Ends of the figures for wheels of given radii and base, when a rover that believes otherwise drives them without slip. */
function driven(
  figures: readonly Figure[],
  wheels: { left: number; right: number; base: number },
  believed = DEFAULT_VEHICLE.geometry,
): DrivenFigure[] {
  return figures.map(({ name, strokes }) => {
    const turns = strokes.map((stroke) => {
      const twist =
        'forwardM' in stroke
          ? { linearMPerSec: stroke.forwardM, angularRadPerSec: 0 }
          : { linearMPerSec: 0, angularRadPerSec: stroke.turnRad };
      const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds(twist, believed);
      return { leftRad: leftRadPerSec, rightRad: rightRadPerSec };
    });
    const measured = turns.reduce((pose, { leftRad, rightRad }) => {
      const [l, r] = [leftRad * wheels.left, rightRad * wheels.right];
      return integrate(pose, { linearMPerSec: (l + r) / 2, angularRadPerSec: (r - l) / wheels.base }, 1);
    }, IDENTITY);
    return { name, turns, measured };
  });
}

describe('the constants of a drive', () => {
  it('come out exactly from exact ends, for any wheels that differ from what was believed', () => {
    const { wheelRadiusM, wheelBaseM } = DEFAULT_VEHICLE.geometry;
    const part = (share: number) => fc.double({ min: 1 - share, max: 1 + share, noNaN: true });
    fc.assert(
      fc.property(part(0.08), part(0.03), part(0.12), (size, unequal, base) => {
        const wheels = { left: wheelRadiusM * size, right: wheelRadiusM * size * unequal, base: wheelBaseM * base };
        const fit = fitDrive(driven(FIGURES, wheels), DEFAULT_VEHICLE.geometry);
        expect(fit.leftRadiusM / wheels.left).toBeCloseTo(1, 6);
        expect(fit.rightRadiusM / wheels.right).toBeCloseTo(1, 6);
        expect(fit.wheelBaseM / wheels.base).toBeCloseTo(1, 6);
        expect(fit.residualM).toBeLessThan(1e-6);
      }),
    );
  });

  it('are refused from lines alone: they do not tell the base', () => {
    const standing = [{ name: 'nothing', turns: [{ leftRad: 0, rightRad: 0 }], measured: IDENTITY }];
    expect(() => fitDrive(standing, DEFAULT_VEHICLE.geometry)).toThrow(expect.objectContaining({ code: 'OUT_CALIBRATION' }));
  });

  it('slow down the faster side: with the trims, both sides roll alike', () => {
    const constants = toDriveConstants({ leftRadiusM: 0.033, rightRadiusM: 0.032, wheelBaseM: 0.21, residualM: 0 });
    expect(constants).toEqual({ geometry: { wheelRadiusM: 0.032, wheelBaseM: 0.21 }, leftTrim: 0.9697, rightTrim: 1 });
    // Driven again with these trims, the same wheels measure alike, and nothing changes any more.
    const again = toDriveConstants(
      { leftRadiusM: 0.033 * 0.9697, rightRadiusM: 0.032, wheelBaseM: 0.21, residualM: 0 },
      { left: 0.9697, right: 1 },
    );
    expect(again.leftTrim).toBeCloseTo(0.9697, 3);
    expect(again.geometry.wheelRadiusM).toBeCloseTo(0.032, 5);
  });
});

describe('driving a figure', () => {
  it('goes by the wheels, waits until they stand and leaves the drive stopped', async () => {
    const clock = new VirtualClock();
    const vehicle = new Vehicle({ ...DEFAULT_VEHICLE, noise: NO_NOISE }, IDENTITY, new SeededRandom(1));
    clock.every(0.02, () => vehicle.step(0.02, clock.nowSec(), () => true));
    const drive = new SimulatedDrive(vehicle, () => clock.nowSec());
    const square = FIGURES[3] as Figure;
    const turns = await clock.runUntilSettled(driveFigure(square, { drive, clock, geometry: DEFAULT_VEHICLE.geometry }));
    expect(turns).toHaveLength(8);
    expect(Math.hypot(vehicle.pose.x, vehicle.pose.y)).toBeLessThan(0.08); // a square closes
    expect(Math.abs(vehicle.pose.theta)).toBeLessThan(0.1);
    expect(vehicle.distanceM).toBeGreaterThan(4 * SIZES.squareM - 0.1);
    await clock.run({ untilSec: clock.nowSec() + 1 });
    expect(vehicle.twist).toEqual({ linearMPerSec: 0, angularRadPerSec: 0 });
  });

  it('ends when the drive disconnects', async () => {
    const clock = new VirtualClock();
    const vehicle = new Vehicle(DEFAULT_VEHICLE, IDENTITY, new SeededRandom(1));
    let connected = true;
    clock.every(0.02, () => vehicle.step(0.02, clock.nowSec(), () => true));
    clock.after(1, () => (connected = false));
    const drive = new SimulatedDrive(
      vehicle,
      () => clock.nowSec(),
      () => connected,
    );
    const driving = driveFigure(FIGURES[0] as Figure, { drive, clock, geometry: DEFAULT_VEHICLE.geometry });
    await expect(clock.runUntilSettled(driving)).rejects.toThrow(/disconnected/);
  });
});

const FILE = `# my car
body: freenove-4wd
id: car-1
freenove:
  geometry: { wheelRadiusM: 0.0317, wheelBaseM: 0.2231 } # measured in May
  speedCurve:
    - { radPerSec: 0, duty: 600 }
    - { radPerSec: 18, duty: 4095 }
`;

describe('a simulated twin', () => {
  it.each([1, 2, 3, 4, 5])(
    'of a calibrated file drives the figures and finds its own constants within 2 percent (seed %d)',
    async (seed) => {
      const folder = await mkdtemp(join(tmpdir(), 'outrider-twin-'));
      const path = join(folder, 'rover.yaml');
      await writeFile(path, FILE);
      const spec = await loadTwin(path);
      await rm(folder, { recursive: true });
      expect(spec.geometry).toEqual({ wheelRadiusM: 0.0317, wheelBaseM: 0.2231 });
      expect(spec.maxWheelSpeedRadPerSec).toBe(18);
      expect(spec.noise.slip).toBeGreaterThan(0);
      const believed = { wheelRadiusM: 0.0317 * 0.92, wheelBaseM: 0.2231 * 1.1 };
      const fit = await driveTwin(calibrationFigures({ ...SIZES, runs: 5 }), spec, believed, seed);
      expect(Math.abs(fit.leftRadiusM / 0.0317 - 1)).toBeLessThan(0.02);
      expect(Math.abs(fit.rightRadiusM / 0.0317 - 1)).toBeLessThan(0.02);
      expect(Math.abs(fit.wheelBaseM / 0.2231 - 1)).toBeLessThan(0.02);
    },
  );
});

describe('the rover’s file', () => {
  it('gets the constants and keeps its comments, its order and everything else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrider-calibrate-'));
    const path = join(folder, 'rover.yaml');
    await writeFile(path, FILE);
    const constants = { geometry: { wheelRadiusM: 0.0321, wheelBaseM: 0.219 }, leftTrim: 0.98, rightTrim: 1 };
    await changeYamlFile(path, freenoveDriveChanges(constants));
    const text = await readFile(path, 'utf8');
    await rm(folder, { recursive: true });
    expect(text).toContain('# my car');
    expect(text).toContain('{ wheelRadiusM: 0.0321, wheelBaseM: 0.219 } # measured in May');
    expect(text).toContain('id: car-1');
    expect(text).toMatch(/leftFront:\s+trim: 0.98/);
    expect(text).toContain('{ radPerSec: 18, duty: 4095 }');
  });

  it('that is no YAML is refused, with its name', () => {
    expect(() => changeYaml('a: [', [], 'rover.yaml')).toThrow(/rover\.yaml/);
  });
});

describe('small systems of equations', () => {
  it('are solved also when a pivot is zero, and a singular one has no answer', () => {
    expect(
      solveLinear(
        [
          [0, 2],
          [3, 0],
        ],
        [4, 9],
      ),
    ).toEqual([3, 2]);
    expect(
      solveLinear(
        [
          [1, 2],
          [2, 4],
        ],
        [1, 2],
      ),
    ).toBeNull();
  });
});
