// A whole CARMEN log as scans on one time line; where the log's times are useless, its order is the time.
import { OutriderError } from '../../shared/errors.ts';
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../shared/ports/lidar-io.ts';
import { type CarmenRecord, type CarmenScan, parseCarmenLine } from './carmen-line.ts';
import { readLines } from './text-lines.ts';

export interface LogScan {
  /** Its `stampSec` is the log's time since its first scan, or the scan's place in the log. */
  readonly scan: LidarScan;
  /** Time as written in the log [s]. */
  readonly timeSec: number;
  /** Corrected pose of the lidar (the same as `odometry` where the log has none). */
  readonly corrected: Pose2;
  /** Odometry pose of the lidar: raw where the log is raw. */
  readonly odometry: Pose2;
}

export interface CarmenLog {
  readonly scans: readonly LogScan[];
  /** From the first scan to the last [s]; estimated where `timed` is false. */
  readonly durationSec: number;
  /** Whether the log's times order its scans; else scans are taken to be UNTIMED_PERIOD_SEC apart. */
  readonly timed: boolean;
  /** Ranges from here on are "no return" [m]. */
  readonly maxRangeM: number;
}

/** Time between the scans of a log without usable times [s]: key frames half a metre to a metre apart at walking pace. */
export const UNTIMED_PERIOD_SEC = 1;

/** All records of a log in order. Throws OUT_LOG_UNREADABLE, OUT_LOG_TRUNCATED, OUT_LOG_MALFORMED; each names file and line. */
export async function* readCarmenRecords(path: string): AsyncGenerator<CarmenRecord> {
  for await (const { text, number, complete } of readLines(path)) {
    let record: CarmenRecord | null;
    try {
      record = parseCarmenLine(text, number);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      const details = { path, line: number };
      // A last line without its end that does not parse was cut, not garbled.
      if (!complete)
        throw new OutriderError('OUT_LOG_TRUNCATED', `${path}: the log breaks off in its last line: ${what}`, { cause, details });
      throw new OutriderError('OUT_LOG_MALFORMED', `${path}: ${what}`, { cause, details });
    }
    if (record !== null) yield record;
  }
}

/** Reads a log (`.log` or `.log.gz`, by content). A log without scans is OUT_LOG_MALFORMED. */
export async function loadCarmenLog(path: string): Promise<CarmenLog> {
  const scans: CarmenScan[] = [];
  for await (const record of readCarmenRecords(path)) if (record.kind === 'scan') scans.push(record);
  if (scans.length === 0) {
    throw new OutriderError('OUT_LOG_MALFORMED', `${path}: there is no FLASER or ROBOTLASER1 line in it`, { details: { path } });
  }
  return toCarmenLog(scans);
}

/** Puts scans on one time line and marks their missing returns. */
export function toCarmenLog(scans: readonly CarmenScan[]): CarmenLog {
  const stamps = timeLine(scans);
  const timed = stamps !== null;
  const maxRangeM = scans[0]?.maxRangeM ?? noReturnRange(scans);
  const stampAt = (i: number): number => stamps?.[i] ?? i * UNTIMED_PERIOD_SEC;
  return {
    scans: scans.map((scan, i) => ({
      scan: {
        stampSec: stampAt(i),
        sequence: i,
        angleMinRad: scan.angleMinRad,
        angleIncrementRad: scan.angleIncrementRad,
        rangeMinM: RANGE_MIN_M,
        rangeMaxM: scan.maxRangeM ?? maxRangeM,
        rangesM: scan.rangesM.map((range) => cleanRange(range, scan.maxRangeM ?? maxRangeM)),
      },
      timeSec: scan.timeSec,
      corrected: scan.pose,
      odometry: scan.odometry,
    })),
    durationSec: stampAt(scans.length - 1),
    timed,
    maxRangeM,
  };
}

/** Nearer returns are the robot itself or a broken beam [m]. */
const RANGE_MIN_M = 0.05;
/** SICK LMS report 81.83 … 81.91 m for dazzle, overflow and no echo: nothing is known of that direction. */
const SICK_INVALID_M = 80;
/** A saturated sensor repeats its maximum: at least this share of all beams. */
const SATURATED_SHARE = 0.002;

/** Stamps [s] from the first scan, strictly increasing; null when the log's times do not tell scans apart. */
function timeLine(scans: readonly CarmenScan[]): Float64Array | null {
  const stamps = new Float64Array(scans.length);
  const first = scans[0]?.timeSec ?? 0;
  let increasing = 0;
  for (let i = 1; i < scans.length; i += 1) {
    const time = (scans[i] as CarmenScan).timeSec;
    if (time > (scans[i - 1] as CarmenScan).timeSec) increasing += 1;
    stamps[i] = Math.max(time - first, (stamps[i - 1] as number) + 1e-3);
  }
  return increasing >= 0.9 * (scans.length - 1) ? stamps : null;
}

/** The range that stands for "no return" [m]: the greatest value below the SICK codes, if the sensor saturates at it. */
function noReturnRange(scans: readonly CarmenScan[]): number {
  let greatest = 0;
  let beams = 0;
  for (const { rangesM } of scans) {
    for (const range of rangesM) {
      beams += 1;
      if (range < SICK_INVALID_M && range > greatest) greatest = range;
    }
  }
  let atGreatest = 0;
  for (const { rangesM } of scans) for (const range of rangesM) if (range > 0.998 * greatest && range < SICK_INVALID_M) atGreatest += 1;
  return atGreatest >= Math.max(10, SATURATED_SHARE * beams) ? greatest : SICK_INVALID_M;
}

function cleanRange(range: number, maxRangeM: number): number {
  if (range < RANGE_MIN_M || range >= SICK_INVALID_M) return Number.NaN;
  return range >= 0.998 * maxRangeM ? Number.POSITIVE_INFINITY : range;
}
