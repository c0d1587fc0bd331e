// A mission's report in one line, for people.
import type { MissionReport } from './report.ts';

/** Outcome, coverage, findings and moves; ends with how fast it ran. */
export function summary(report: MissionReport): string {
  const { hazards, offload } = report;
  const error = hazards.mean_error_m === null ? '' : `, ${hazards.mean_error_m.toFixed(2)} m mean error`;
  return (
    `seed ${report.seed}: ${report.outcome} after ${report.duration_s.toFixed(0)} s, ${(report.coverage * 100).toFixed(1)} % covered, ` +
    `${hazards.found} of ${hazards.total} hazards found (${hazards.false_positives} false${error}), map F1 ${report.map.surface_f1.toFixed(3)}, ` +
    `${report.collisions} collisions, detection ${offload.detection.offloads}× out and ${offload.detection.recalls}× back ` +
    `(${report.wall.real_time_factor.toFixed(1)}× real time)`
  );
}

/** Of several runs: how many found everything and nothing else, in one line. */
export function runsSummary(reports: readonly MissionReport[]): string {
  const clean = reports.filter(
    ({ outcome, hazards }) => outcome === 'completed' && hazards.found === hazards.total && hazards.false_positives === 0,
  );
  const left = reports.filter((report) => !clean.includes(report)).map(({ seed }) => seed);
  const which = left.length === 0 ? '' : ` (not with seed ${left.join(', ')})`;
  const wallSec = reports.reduce((sum, { wall }) => sum + wall.duration_s, 0);
  return `${clean.length} of ${reports.length} missions completed with all hazards found and no false one${which}; ${wallSec.toFixed(0)} s of wall time`;
}
