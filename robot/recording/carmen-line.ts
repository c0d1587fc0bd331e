// One line of a CARMEN log (the format of the Radish data sets: FLASER, ODOM, ROBOTLASER1; all else is passed over).
import { OutriderError } from '../../shared/errors.ts';
import type { Pose2 } from '../../shared/geometry/pose2.ts';

export interface CarmenScan {
  readonly kind: 'scan';
  /** Line of the file, from 1. */
  readonly line: number;
  /** Time as the log has it [s]; may be truncated to a useless precision. */
  readonly timeSec: number;
  /** As written [m]: maxima are still "no return". */
  readonly rangesM: Float32Array;
  readonly angleMinRad: number;
  readonly angleIncrementRad: number;
  /** What the log says is the sensor's range [m], or null. */
  readonly maxRangeM: number | null;
  /** First pose of the line: the laser's, corrected in corrected logs. */
  readonly pose: Pose2;
  /** Second pose of the line: odometry, raw in raw logs. */
  readonly odometry: Pose2;
}

export interface CarmenOdometry {
  readonly kind: 'odometry';
  readonly line: number;
  readonly timeSec: number;
  readonly pose: Pose2;
}

export type CarmenRecord = CarmenScan | CarmenOdometry;

/** More beams than any planar scanner has: bounds what a garbled count can ask for. */
const MAX_BEAMS = 20_000;

/** The record in `text`, or null for comments, parameters and messages that are not needed. Throws OUT_LOG_MALFORMED. */
export function parseCarmenLine(text: string, line: number): CarmenRecord | null {
  const space = text.indexOf(' ');
  const name = space < 0 ? text : text.slice(0, space);
  if (name === 'FLASER') return frontLaser(new Fields(text, line));
  if (name === 'ROBOTLASER1') return robotLaser(new Fields(text, line));
  if (name === 'ODOM') return odometry(new Fields(text, line));
  if (name !== '' && !/^[#A-Za-z]/.test(name)) throw malformed(line, `it begins with ${quote(name)}, not with a message name`);
  return null;
}

/** FLASER n r1 … rn x y θ odomX odomY odomθ ipcTime host loggerTime. */
function frontLaser(fields: Fields): CarmenScan {
  const count = fields.count('number of ranges');
  fields.expectTotal(count + 9, `${count} ranges, two poses, time, host and time`);
  const rangesM = fields.ranges(count);
  const pose = fields.pose();
  const odometryPose = fields.pose();
  const timeSec = fields.number('time');
  return { kind: 'scan', line: fields.line, timeSec, rangesM, ...frontLaserAngles(count), maxRangeM: null, pose, odometry: odometryPose };
}

/**
 * ROBOTLASER1 type startAngle fieldOfView resolution maxRange accuracy remissionMode n r1 … rn m e1 … em
 * laserX laserY laserθ robotX robotY robotθ tv rv forwardSafety sideSafety turnAxis ipcTime host loggerTime.
 */
function robotLaser(fields: Fields): CarmenScan {
  fields.number('laser type');
  const angleMinRad = fields.number('start angle');
  fields.number('field of view');
  const resolutionRad = fields.number('angular resolution');
  const maxRangeM = fields.number('maximum range');
  fields.number('accuracy');
  fields.number('remission mode');
  const count = fields.count('number of ranges');
  const rangesM = fields.ranges(count);
  const remissions = fields.count('number of remissions');
  fields.ranges(remissions);
  fields.expectTotal(count + remissions + 23, `${count} ranges, ${remissions} remissions, two poses, velocities and times`);
  const pose = fields.pose();
  const odometryPose = fields.pose();
  for (const what of ['tv', 'rv', 'forward safety', 'side safety', 'turn axis']) fields.number(what);
  const timeSec = fields.number('time');
  return {
    kind: 'scan',
    line: fields.line,
    timeSec,
    rangesM,
    angleMinRad,
    angleIncrementRad: resolutionRad,
    maxRangeM: maxRangeM > 0 ? maxRangeM : null,
    pose,
    odometry: odometryPose,
  };
}

/** ODOM x y θ tv rv acceleration ipcTime host loggerTime. */
function odometry(fields: Fields): CarmenOdometry {
  fields.expectTotal(9, 'a pose, three velocities, time, host and time');
  const pose = fields.pose();
  for (const what of ['tv', 'rv', 'acceleration']) fields.number(what);
  return { kind: 'odometry', line: fields.line, timeSec: fields.number('time'), pose };
}

const DEGREE = Math.PI / 180;

/** FLASER does not give angles; the number of beams names the scanner and its mode. */
function frontLaserAngles(count: number): { readonly angleMinRad: number; readonly angleIncrementRad: number } {
  const wide = (fieldDeg: number, stepDeg: number): { angleMinRad: number; angleIncrementRad: number } => ({
    angleMinRad: (-fieldDeg / 2) * DEGREE,
    angleIncrementRad: stepDeg * DEGREE,
  });
  if (count === 401 || count === 201) return wide(100, 100 / (count - 1)); // SICK LMS 200, 100° mode
  if (count === 541 || count === 1081) return wide(270, 270 / (count - 1)); // SICK LMS 100, Hokuyo UTM-30LX
  if (count === 682 || count === 683) return wide((count - 1) * (360 / 1024), 360 / 1024); // Hokuyo URG-04LX
  // SICK LMS over 180°: an even count leaves out the last beam.
  return wide(180, 180 / (count % 2 === 0 ? count : Math.max(1, count - 1)));
}

/** The blank-separated words of a line, read from left to right; every complaint names the line and the word. */
class Fields {
  readonly line: number;
  readonly #words: readonly string[];
  #next = 1;

  constructor(text: string, line: number) {
    this.line = line;
    this.#words = text.trim().split(/\s+/);
  }

  expectTotal(total: number, what: string): void {
    const found = this.#words.length - 1;
    if (found < total) throw malformed(this.line, `${this.#words[0]} has ${found} values; ${what} are at least ${total}`);
  }

  number(what: string): number {
    const word = this.#words[this.#next];
    const value = word === undefined ? Number.NaN : Number(word);
    if (!Number.isFinite(value)) {
      throw malformed(this.line, `value ${this.#next} (${what}) is ${word === undefined ? 'missing' : quote(word)}, not a number`);
    }
    this.#next += 1;
    return value;
  }

  count(what: string): number {
    const value = this.number(what);
    if (!Number.isInteger(value) || value < 0 || value > MAX_BEAMS)
      throw malformed(this.line, `the ${what} is ${value}; 0 to ${MAX_BEAMS} can be`);
    return value;
  }

  ranges(count: number): Float32Array {
    const ranges = new Float32Array(count);
    for (let i = 0; i < count; i += 1) ranges[i] = this.number(`number ${i + 1} of ${count}`);
    return ranges;
  }

  pose(): Pose2 {
    return { x: this.number('x'), y: this.number('y'), theta: this.number('theta') };
  }
}

function malformed(line: number, what: string): OutriderError {
  return new OutriderError('OUT_LOG_MALFORMED', `line ${line}: ${what}`, { details: { line } });
}

function quote(word: string): string {
  return JSON.stringify(word.length > 24 ? `${word.slice(0, 24)}…` : word);
}
