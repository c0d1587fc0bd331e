// What one ultrasonic ping says about the map: its cone is free up to the echo, and something on the arc at the echo's range has thrown it
// back, nobody knows where. The arc's evidence is one surface's worth, spread over the cells that may have been it
// (Moravec & Elfes, High resolution maps from wide angle sonar, ICRA 1985).
import { angleDifference } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { LOG_ODDS_PER_NAT } from '../../../shared/mapping/log-odds.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';

export interface SonarModelOptions {
  /** Echoes from farther away are too wide to draw; they only clear up to here [m]. */
  readonly maxRangeM: number;
  /** Without an echo the cone is believed free up to here [m]: a smooth wall met at a slant throws no echo back either. */
  readonly silentClearM: number;
  /** What a silent ping's evidence counts against that of an echo. */
  readonly silentWeight: number;
  /** Standard deviation of a range [m], and its part that grows with the range. */
  readonly deviationM: number;
  readonly deviationPerM: number;
  /** Probability that an echo has come straight from a surface in the cone. */
  readonly reliability: number;
  /** Evidence on the axis close to the sensor, log-odds of being occupied [nat]; negative. */
  readonly freeNat: number;
}

export const DEFAULT_SONAR_MODEL: SonarModelOptions = {
  maxRangeM: 2.5,
  silentClearM: 1,
  silentWeight: 0.2,
  deviationM: 0.015,
  deviationPerM: 0.01,
  reliability: 0.72,
  freeNat: -0.6,
};

/** The map as the model asks it and writes to it; cells are squares of `resolutionM` counted from the map's origin. */
export interface SonarTarget {
  readonly resolutionM: number;
  /** Log-odds in fixed point, see log-odds.ts. */
  logOddsOf(cellX: number, cellY: number): number;
  /** Adds evidence, in the same units. */
  add(cellX: number, cellY: number, logOdds: number): void;
}

interface ArcCell {
  readonly x: number;
  readonly y: number;
  readonly weight: number;
}

/** Draws a ping taken at the base pose `at` (map frame). An invalid reading (NaN) says nothing. */
export function drawPing(target: SonarTarget, ping: RangeInputs, at: Pose2, options: SonarModelOptions = DEFAULT_SONAR_MODEL): void {
  const { rangeM, rangeMaxM } = ping;
  if (Number.isNaN(rangeM)) return;
  const hasEcho = rangeM < rangeMaxM;
  const drawn = hasEcho && rangeM <= options.maxRangeM;
  const sigma = options.deviationM + options.deviationPerM * Math.min(rangeM, options.maxRangeM);
  const clearM = hasEcho ? Math.min(rangeM - 2 * sigma, options.maxRangeM) : Math.min(options.silentClearM, rangeMaxM);
  const freeNat = options.freeNat * (hasEcho ? 1 : options.silentWeight);
  const arc: ArcCell[] = [];
  let total = 0;
  forEachInCone(target.resolutionM, ping, at, drawn ? rangeM + 2 * sigma : clearM, (x, y, awayM, off) => {
    const across = 1 - off * off; // Elfes' profile: certain on the axis, nothing at the cone's rim
    if (awayM < clearM) {
      const along = 1 - (Math.max(0, awayM - ping.rangeMinM) / Math.max(clearM, 1e-6)) ** 2;
      const evidence = Math.round(LOG_ODDS_PER_NAT * freeNat * across * (hasEcho ? 0.35 + 0.65 * along : along));
      if (evidence !== 0) target.add(x, y, evidence);
    } else if (drawn) {
      const z = (awayM - rangeM) / Math.max(sigma, target.resolutionM / 2);
      // What is known to be free has not thrown the echo back.
      const weight = across * Math.exp(-0.5 * z * z) * occupiedProbability(target.logOddsOf(x, y));
      if (weight <= 0) return;
      arc.push({ x, y, weight });
      total += weight;
    }
  });
  for (const { x, y, weight } of arc) {
    const evidence = Math.round(LOG_ODDS_PER_NAT * arcEvidenceNat(weight / total, options.reliability));
    if (evidence > 0) target.add(x, y, evidence);
  }
}

/** Log-odds [nat] of a cell that has thrown the echo back with probability `share`, and of which nothing else is known. */
export function arcEvidenceNat(share: number, reliability: number): number {
  const p = 0.5 + 0.5 * reliability * share;
  return Math.log(p / (1 - p));
}

function occupiedProbability(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds / LOG_ODDS_PER_NAT));
}

/** Every cell whose centre lies in the cone up to `reachM`; `off` is its angle from the axis, −1 … 1 from rim to rim. */
function forEachInCone(
  cellM: number,
  { bearingRad, fieldOfViewRad }: RangeInputs,
  at: Pose2,
  reachM: number,
  visit: (cellX: number, cellY: number, awayM: number, off: number) => void,
): void {
  const axis = at.theta + bearingRad;
  const half = fieldOfViewRad / 2;
  const rim = [axis - half, axis, axis + half].map((angle) => [at.x + reachM * Math.cos(angle), at.y + reachM * Math.sin(angle)] as const);
  const xs = [at.x, ...rim.map(([x]) => x)];
  const ys = [at.y, ...rim.map(([, y]) => y)];
  // An arc of less than half a turn leaves the box of its ends and middle by at most its sagitta.
  const slack = reachM * (1 - Math.cos(half)) + cellM;
  const low = (values: readonly number[]): number => Math.floor((Math.min(...values) - slack) / cellM);
  const high = (values: readonly number[]): number => Math.floor((Math.max(...values) + slack) / cellM);
  for (let y = low(ys); y <= high(ys); y += 1) {
    for (let x = low(xs); x <= high(xs); x += 1) {
      const dx = (x + 0.5) * cellM - at.x;
      const dy = (y + 0.5) * cellM - at.y;
      const awayM = Math.hypot(dx, dy);
      if (awayM > reachM) continue;
      const off = angleDifference(Math.atan2(dy, dx), axis) / half;
      if (off > -1 && off < 1) visit(x, y, awayM, off);
    }
  }
}
