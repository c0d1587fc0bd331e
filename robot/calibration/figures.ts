// Figures that a rover drives for its calibration: straight lines, turns on the spot, and a square in both directions, whose errors tell a wrong
// wheel base from unequal wheels (UMBmark: Borenstein and Feng, "Measurement and correction of systematic odometry errors", 1996).
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import { type DriveGeometry, toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DriveIo } from '../../shared/ports/drive-io.ts';

/** Part of a figure, by what the rover believes of its wheels: straight on [m], or a turn on the spot [rad]; either sign. */
export type Stroke = { readonly forwardM: number } | { readonly turnRad: number };

export interface Figure {
  readonly name: string;
  readonly strokes: readonly Stroke[];
}

/** How far each side's wheels turned in one stroke [rad]. */
export interface WheelTurn {
  readonly leftRad: number;
  readonly rightRad: number;
}

/** One driven figure: what the wheels did, and where the rover then stood, in the frame of its start. */
export interface DrivenFigure {
  readonly name: string;
  readonly turns: readonly WheelTurn[];
  readonly measured: Pose2;
}

export interface FigureSizes {
  /** Length of the lines [m]. */
  readonly lineM: number;
  /** Edge of the square [m]. */
  readonly squareM: number;
  /** Whole turns on the spot. */
  readonly turns: number;
  /** How often the set is driven: slip differs from run to run, the wheels do not. */
  readonly runs: number;
}

/** The set: there and back, both ways round. Five measured ends for three unknowns. */
export function calibrationFigures({ lineM, squareM, turns, runs }: FigureSizes): Figure[] {
  const square = (side: 1 | -1): Stroke[] =>
    Array.from({ length: 4 }, () => [{ forwardM: squareM }, { turnRad: (side * Math.PI) / 2 }]).flat();
  const set: Figure[] = [
    { name: 'line', strokes: [{ forwardM: lineM }] },
    { name: 'turns to the left', strokes: [{ turnRad: 2 * Math.PI * turns }] },
    { name: 'turns to the right', strokes: [{ turnRad: -2 * Math.PI * turns }] },
    { name: 'square to the left', strokes: square(1) },
    { name: 'square to the right', strokes: square(-1) },
  ];
  return Array.from({ length: runs }, () => set).flat();
}

export interface DriveFigureOptions {
  readonly drive: DriveIo;
  readonly clock: Clock;
  /** What the rover believes so far. */
  readonly geometry: DriveGeometry;
  readonly speedMPerSec?: number;
  readonly turnRadPerSec?: number;
}

/** Slow enough not to slip. */
const SPEED_M_PER_SEC = 0.2;
const TURN_RAD_PER_SEC = 1;
const CYCLE_SEC = 0.02;
/** Wheels count as standing when no angle has changed for this long [s]. */
const REST_SEC = 0.3;

/** Drives a figure by the wheels' own angles and waits after each stroke until they stand. Rejects when the drive disconnects; it is stopped then. */
export async function driveFigure(figure: Figure, options: DriveFigureOptions): Promise<WheelTurn[]> {
  const turns: WheelTurn[] = [];
  try {
    for (const stroke of figure.strokes) turns.push(await driveStroke(stroke, options));
  } finally {
    options.drive.stop();
  }
  return turns;
}

async function driveStroke(stroke: Stroke, options: DriveFigureOptions): Promise<WheelTurn> {
  const { drive, clock, geometry } = options;
  const straight = 'forwardM' in stroke;
  const way = straight ? stroke.forwardM : stroke.turnRad;
  const speed = straight ? (options.speedMPerSec ?? SPEED_M_PER_SEC) : (options.turnRadPerSec ?? TURN_RAD_PER_SEC);
  const wheels = (amount: number) =>
    toWheelSpeeds({ linearMPerSec: straight ? amount : 0, angularRadPerSec: straight ? 0 : amount }, geometry);
  const goal = wheels(way); // over one second: angles
  const goalRad = Math.abs(goal.leftRadPerSec) + Math.abs(goal.rightRadPerSec);
  const start = readWheels(drive);
  const turned = (): WheelTurn => {
    const now = readWheels(drive);
    return { leftRad: now.leftRad - start.leftRad, rightRad: now.rightRad - start.rightRad };
  };
  const done = (): number => Math.abs(turned().leftRad) + Math.abs(turned().rightRad);
  for (let part = 0; part < goalRad; part = done()) {
    const slowly = Math.min(1, 0.15 + (goalRad - part) / 6); // comes to rest without overshooting far
    const { leftRadPerSec, rightRadPerSec } = wheels(Math.sign(way) * speed * slowly);
    drive.setWheelSpeeds(leftRadPerSec, rightRadPerSec);
    await clock.sleep(CYCLE_SEC);
  }
  drive.stop();
  for (let before = Number.NaN; before !== done();) {
    before = done();
    await clock.sleep(REST_SEC);
  }
  return turned();
}

function readWheels(drive: DriveIo): WheelTurn {
  const { connected, leftPositionRad, rightPositionRad } = drive.update();
  if (!connected) throw new Error('the drive disconnected while a figure was driven');
  return { leftRad: leftPositionRad, rightRad: rightPositionRad };
}
