// Corrects odometry by a full sweep: where must the rover stand so that each echo's arc touches something known to be occupied and no cone
// crosses it? A search over small shifts and turns around odometry's guess; a sweep that says little changes little.
import { compose, type Pose2 } from '../../../shared/geometry/pose2.ts';
import { LOG_ODDS_LIMIT } from '../../../shared/mapping/log-odds.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';

export interface SweepMatchOptions {
  /** Half width of the search and its steps [m], [rad]. */
  readonly shiftM: number;
  readonly shiftStepM: number;
  readonly turnRad: number;
  readonly turnStepRad: number;
  /** Echoes from farther away are too wide to tell a pose by [m]. */
  readonly maxRangeM: number;
  /** At least so many echoes must touch known surfaces at the best pose, and this share of those in reach. */
  readonly minTouching: number;
  readonly minShare: number;
}

export const DEFAULT_SWEEP_MATCH: SweepMatchOptions = {
  shiftM: 0.16,
  shiftStepM: 0.04,
  turnRad: 0.16,
  turnStepRad: 0.02,
  maxRangeM: 2,
  minTouching: 8,
  minShare: 0.6,
};

/** What odometry may err by between sweeps: standard deviations of a shift and of a turn. */
const SHIFT_DEVIATION_M = 0.06;
const TURN_DEVIATION_RAD = 0.06;
/** What a squared deviation from odometry costs, in touching echoes. */
const SURPRISE = 0.15;
/** Points across an arc and along a cone's axis. */
const ARC_POINTS = 5;
const AXIS_STEP_M = 0.1;
const RIM_LOSS = 0.4;
/** Evidence from which a cell counts as a surface at all, in fixed-point log-odds. */
const SURFACE = 6;

export interface SweptPing {
  readonly ping: RangeInputs;
  /** Odometry's pose of the base in the map frame. */
  readonly at: Pose2;
}

/** Log-odds of the cell that contains a point [m]. */
export type MapProbe = (x: number, y: number) => number;

/** By how much the poses of a sweep must be moved (map frame: corrected ← odometry, about the pose of its last ping); null: nothing to go by. */
export function matchSweep(sweep: readonly SweptPing[], probe: MapProbe, options: SweepMatchOptions = DEFAULT_SWEEP_MATCH): Pose2 | null {
  const echoes = sweep.filter(({ ping }) => ping.rangeM <= options.maxRangeM && ping.rangeM < ping.rangeMaxM);
  const pivot = sweep.at(-1)?.at;
  if (pivot === undefined || echoes.length < options.minTouching) return null;
  const judge = (correction: Pose2): { readonly score: number; readonly touching: number } => {
    let score = 0;
    let touching = 0;
    for (const echo of echoes) {
      const fit = fitOf(echo.ping, compose(correction, echo.at), probe);
      score += fit;
      if (fit > 0.25) touching += 1;
    }
    return { score, touching };
  };
  let best: { readonly score: number; readonly touching: number; readonly correction: Pose2 } | null = null;
  const { shiftM, shiftStepM, turnRad, turnStepRad } = options;
  for (let turn = -turnRad; turn <= turnRad + 1e-9; turn += turnStepRad) {
    for (let dx = -shiftM; dx <= shiftM + 1e-9; dx += shiftStepM) {
      for (let dy = -shiftM; dy <= shiftM + 1e-9; dy += shiftStepM) {
        const correction = aboutPivot(pivot, dx, dy, turn);
        const { score, touching } = judge(correction);
        const surprise = (dx * dx + dy * dy) / SHIFT_DEVIATION_M ** 2 + (turn / TURN_DEVIATION_RAD) ** 2;
        const judged = score - SURPRISE * surprise;
        if (best === null || judged > best.score) best = { score: judged, touching, correction };
      }
    }
  }
  if (best === null || best.touching < options.minTouching || best.touching < options.minShare * echoes.length) return null;
  return best.correction;
}

/** How well an echo fits, about −1 … 1: the best surface on its arc, less what its axis crosses. */
function fitOf(ping: RangeInputs, at: Pose2, probe: MapProbe): number {
  const axis = at.theta + ping.bearingRad;
  let arc = 0;
  for (let k = 0; k < ARC_POINTS; k += 1) {
    const off = (2 * k) / (ARC_POINTS - 1) - 1;
    const angle = axis + (ping.fieldOfViewRad / 2) * 0.9 * off;
    // Towards its rim a cone hears less: this is what tells a turn.
    const heard = 1 - RIM_LOSS * off * off;
    arc = Math.max(arc, heard * surface(probe(at.x + ping.rangeM * Math.cos(angle), at.y + ping.rangeM * Math.sin(angle))));
  }
  let crossed = 0;
  for (let along = 0.2; along < ping.rangeM - 0.12; along += AXIS_STEP_M) {
    crossed = Math.max(crossed, surface(probe(at.x + along * Math.cos(axis), at.y + along * Math.sin(axis))));
  }
  return arc - crossed;
}

/** 0 … 1 from no surface to a sure one; a little evidence counts for more than its share, as sonar never has much. */
function surface(logOdds: number): number {
  return logOdds < SURFACE ? 0 : Math.sqrt(Math.min(1, (2 * logOdds) / LOG_ODDS_LIMIT));
}

/** A turn about the pivot and a shift, as a change of the map frame. */
function aboutPivot(pivot: Pose2, dx: number, dy: number, turn: number): Pose2 {
  const c = Math.cos(turn);
  const s = Math.sin(turn);
  return { x: pivot.x + dx - (c * pivot.x - s * pivot.y), y: pivot.y + dy - (s * pivot.x + c * pivot.y), theta: turn };
}
