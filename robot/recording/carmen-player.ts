// A recorded log as a rover's body: its scans come out of a lidar port and its odometry out of wheel encoders, on any clock, so that the
// same agent that drives a rover can live through the log. A log split in time makes several such rovers.
import { angleDifference, normalizeAngle } from '../../shared/geometry/angle.ts';
import { between, type Pose2 } from '../../shared/geometry/pose2.ts';
import { type DriveGeometry, toWheelSpeeds } from '../../shared/kinematics/differential-drive.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DriveInputs, DriveIo } from '../../shared/ports/drive-io.ts';
import type { LidarInputs, LidarIo, LidarScan } from '../../shared/ports/lidar-io.ts';
import type { CarmenLog, LogScan } from './carmen-log.ts';

/** A stretch of a log that one rover plays. */
export interface LogPart {
  readonly scans: readonly LogScan[];
  /** Corrected pose of its first scan, in the log's frame: where the rover starts. */
  readonly startPose: Pose2;
  readonly durationSec: number;
}

/** Splits a log into `rovers` stretches of equally many scans, in order. Throws RangeError when there are fewer scans than rovers. */
export function splitLog(log: CarmenLog, rovers: number): LogPart[] {
  const total = log.scans.length;
  if (!Number.isInteger(rovers) || rovers < 1 || rovers > total)
    throw new RangeError(`${total} scans cannot be split among ${rovers} rovers`);
  return Array.from({ length: rovers }, (_, i) => {
    const scans = log.scans.slice(Math.floor((i * total) / rovers), Math.floor(((i + 1) * total) / rovers));
    const first = scans[0] as LogScan;
    const last = scans[scans.length - 1] as LogScan;
    return { scans, startPose: first.corrected, durationSec: last.scan.stampSec - first.scan.stampSec };
  });
}

export interface CarmenPlayerOptions {
  readonly part: LogPart;
  readonly clock: Clock;
  /** Wheels of the rover that plays it; the agent must be given the same. */
  readonly geometry: DriveGeometry;
  /** Which poses of the log the wheels follow. `corrected` goes with the SLAM preset TRUSTED_ODOMETRY. */
  readonly odometry: 'corrected' | 'raw';
}

/** One motion that wheels can make exactly: a turn on the spot or a straight way. */
interface Stroke {
  readonly leftRad: number;
  readonly rightRad: number;
}

/**
 * Begins with the first `drive.update()`. Between two scans the wheels turn, drive straight and turn again, which leads exactly from
 * pose to pose; at most one of these motions is reported per update, so that an agent that integrates arcs follows without error.
 * A scan comes out when its time has come and the wheels have got there; its stamp is that moment.
 */
export class CarmenPlayer {
  readonly drive: DriveIo;
  readonly lidar: LidarIo;
  readonly #options: CarmenPlayerOptions;
  readonly #firstSec: number;
  #startSec: number | null = null;
  /** Scan that the wheels have reached, and what is left of the way to the next. */
  #reached = 0;
  #strokes: Stroke[] = [];
  #left = 0;
  #right = 0;
  #scan: LidarScan | null = null;

  constructor(options: CarmenPlayerOptions) {
    this.#options = options;
    this.#firstSec = (options.part.scans[0] as LogScan).scan.stampSec;
    this.drive = { update: () => this.#readDrive(), setWheelSpeeds: () => {}, stop: () => {} };
    this.lidar = { update: () => this.#readLidar() };
  }

  /** Whether the last scan has come out. */
  get done(): boolean {
    return this.#scan !== null && this.#reached === this.#options.part.scans.length - 1 && this.#scan.sequence === this.#reached;
  }

  /** Played share, 0 … 1. */
  get progress(): number {
    return this.#scan === null ? 0 : (this.#scan.sequence + 1) / this.#options.part.scans.length;
  }

  #readDrive(): DriveInputs {
    const now = this.#options.clock.nowSec();
    this.#startSec ??= now;
    this.#advance(now - this.#startSec);
    return {
      connected: true,
      stampSec: now,
      leftPositionRad: this.#left,
      rightPositionRad: this.#right,
      leftVelocityRadPerSec: 0,
      rightVelocityRadPerSec: 0,
    };
  }

  #advance(elapsedSec: number): void {
    const { scans } = this.#options.part;
    const next = scans[this.#reached + 1];
    // A scan that is not out yet must be taken where the wheels stand.
    if (next === undefined || this.#scan?.sequence !== this.#reached) return;
    const from = scans[this.#reached] as LogScan;
    if (this.#strokes.length === 0) this.#strokes = strokesBetween(this.#poseOf(from), this.#poseOf(next), this.#options.geometry);
    const startSec = from.scan.stampSec - this.#firstSec;
    const stretch = next.scan.stampSec - from.scan.stampSec;
    const due = ((elapsedSec - startSec) / stretch) * STROKES;
    if (due < STROKES - this.#strokes.length + 1 - 1e-9) return;
    const stroke = this.#strokes.shift() as Stroke;
    this.#left += stroke.leftRad;
    this.#right += stroke.rightRad;
    if (this.#strokes.length === 0) this.#reached += 1;
  }

  #readLidar(): LidarInputs {
    const now = this.#options.clock.nowSec();
    const item = this.#options.part.scans[this.#reached];
    if (item !== undefined && this.#startSec !== null && this.#scan?.sequence !== this.#reached) {
      const due = item.scan.stampSec - this.#firstSec;
      if (now - this.#startSec >= due - 1e-9) this.#scan = { ...item.scan, stampSec: now, sequence: this.#reached };
    }
    return { connected: true, scan: this.#scan };
  }

  #poseOf(item: LogScan): Pose2 {
    return this.#options.odometry === 'corrected' ? item.corrected : item.odometry;
  }
}

/** Turn, drive, turn. */
const STROKES = 3;

/** Wheel motions that lead from one pose to another: face the goal (or turn the back on it), go straight, turn to its heading. */
function strokesBetween(from: Pose2, to: Pose2, geometry: DriveGeometry): Stroke[] {
  const step = between(from, to);
  const way = Math.hypot(step.x, step.y);
  const backwards = step.x < 0;
  const bearing = way < 1e-9 ? 0 : normalizeAngle(Math.atan2(step.y, step.x) + (backwards ? Math.PI : 0));
  const stroke = (linearMPerSec: number, angularRadPerSec: number): Stroke => {
    const { leftRadPerSec, rightRadPerSec } = toWheelSpeeds({ linearMPerSec, angularRadPerSec }, geometry); // over one second
    return { leftRad: leftRadPerSec, rightRad: rightRadPerSec };
  };
  return [stroke(0, bearing), stroke(backwards ? -way : way, 0), stroke(0, angleDifference(step.theta, bearing))];
}
