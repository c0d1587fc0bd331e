// Wheel radii and wheel base from driven figures, by least squares over all measured end poses (Antonelli, Chiaverini and Fusco, "A calibration
// method for odometry of mobile robots based on the least-squares technique", 2005), solved by Gauss-Newton.
import { angleDifference } from '../../shared/geometry/angle.ts';
import { IDENTITY, type Pose2 } from '../../shared/geometry/pose2.ts';
import { integrate } from '../../shared/geometry/twist2.ts';
import { OutriderError } from '../../shared/errors.ts';
import { solveLinear } from './solve-linear.ts';
import type { DrivenFigure } from './figures.ts';

export interface DriveFit {
  readonly leftRadiusM: number;
  readonly rightRadiusM: number;
  readonly wheelBaseM: number;
  /** Root mean square of what remains between computed and measured end positions [m]. */
  readonly residualM: number;
}

/** Standard deviations of a measured end: with tape and chalk [m], and by sighting along the rover [rad]. */
const POSITION_SIGMA_M = 0.005;
const HEADING_SIGMA_RAD = 0.02;
const ITERATIONS = 100;
/** Plain steps first: they come near from afar. */
const PLAIN_ITERATIONS = 15;
const HUBER = 1.345;

type Parameters = readonly [left: number, right: number, base: number];

/**
 * Fits the constants. `start` is what was believed before. Whole turns that a wrong base leaves out or adds are found by continuity, so a base
 * may be wrong by a third of a turn over all turns of a figure. Throws OUT_CALIBRATION when the figures do not determine them.
 */
export function fitDrive(
  figures: readonly DrivenFigure[],
  start: { readonly wheelRadiusM: number; readonly wheelBaseM: number },
): DriveFit {
  let parameters: Parameters = [start.wheelRadiusM, start.wheelRadiusM, start.wheelBaseM];
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const step = gaussNewtonStep(figures, parameters, iteration >= PLAIN_ITERATIONS);
    if (step === null) {
      throw new OutriderError('OUT_CALIBRATION', 'the figures do not tell wheel radius and wheel base apart: drive lines as well as turns');
    }
    parameters = [parameters[0] + step[0], parameters[1] + step[1], parameters[2] + step[2]];
    if (iteration >= PLAIN_ITERATIONS && Math.hypot(...step) < 1e-12) break;
  }
  const [leftRadiusM, rightRadiusM, wheelBaseM] = parameters;
  const sound = [leftRadiusM, rightRadiusM, wheelBaseM].every((value) => Number.isFinite(value) && value > 0.001 && value < 10);
  if (!sound)
    throw new OutriderError(
      'OUT_CALIBRATION',
      `the measured ends lead to impossible wheels: ${parameters.map((p) => p.toFixed(4)).join(', ')} m`,
    );
  const squares = figures.map((figure) => {
    const end = endOf(figure, parameters);
    return (end.x - figure.measured.x) ** 2 + (end.y - figure.measured.y) ** 2;
  });
  return { leftRadiusM, rightRadiusM, wheelBaseM, residualM: Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length) };
}

/** Where wheels of these constants lead, in the frame of the start. */
function endOf({ turns }: DrivenFigure, [left, right, base]: Parameters): Pose2 {
  return turns.reduce((pose, { leftRad, rightRad }) => {
    const [l, r] = [leftRad * left, rightRad * right];
    return integrate(pose, { linearMPerSec: (l + r) / 2, angularRadPerSec: (r - l) / base }, 1);
  }, IDENTITY);
}

/** Computed minus measured, in standard deviations. */
function residuals(figures: readonly DrivenFigure[], parameters: Parameters): number[] {
  return figures.flatMap((figure) => {
    const end = endOf(figure, parameters);
    const { measured } = figure;
    return [
      (end.x - measured.x) / POSITION_SIGMA_M,
      (end.y - measured.y) / POSITION_SIGMA_M,
      angleDifference(end.theta, measured.theta) / HEADING_SIGMA_RAD,
    ];
  });
}

/**
 * One reweighted step: beyond Huber's constant a residual counts less the larger it is (Huber 1964), so that a wheel that slipped once does not
 * decide. The weights are in units of the residuals' own median, since slip, not the tape, is what limits them.
 */
function gaussNewtonStep(figures: readonly DrivenFigure[], parameters: Parameters, robust: boolean): [number, number, number] | null {
  const at = residuals(figures, parameters);
  const sizes = at.map(Math.abs).toSorted((a, b) => a - b);
  const scale = Math.max(1, 1.4826 * (sizes[sizes.length >> 1] ?? 0));
  const weights = at.map((residual) => (!robust ? 1 : Math.min(1, (HUBER * scale) / Math.max(1e-9, Math.abs(residual)))));
  const columns = parameters.map((value, index) => {
    const h = value * 1e-6;
    const moved = parameters.map((p, i) => (i === index ? p + h : p)) as unknown as Parameters;
    return residuals(figures, moved).map((residual, i) => (residual - (at[i] as number)) / h);
  });
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + (weights[i] as number) * value * (b[i] as number), 0);
  const normal = columns.map((a) => columns.map((b) => dot(a, b)));
  const right = columns.map((a) => -dot(a, at));
  const step = solveLinear(normal, right);
  return step === null ? null : [step[0] as number, step[1] as number, step[2] as number];
}
