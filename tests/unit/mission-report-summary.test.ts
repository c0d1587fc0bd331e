import { describe, expect, it } from 'vitest';
import type { MissionReport } from '../../missions/report.ts';
import { runsSummary } from '../../missions/report-summary.ts';

function report(seed: number, found: number, falsePositives = 0, outcome = 'completed'): MissionReport {
  const hazards = { total: 9, found, false_positives: falsePositives };
  return { seed, outcome, hazards, wall: { duration_s: 50 } } as unknown as MissionReport;
}

describe('the line under several missions', () => {
  it('counts those in which everything was found and nothing else', () => {
    expect(runsSummary([report(1, 9), report(2, 9)])).toBe(
      '2 of 2 missions completed with all hazards found and no false one; 100 s of wall time',
    );
  });

  it('names the seeds of those that missed one, made one up, or did not end', () => {
    const line = runsSummary([report(1, 9), report(2, 8), report(3, 9, 1), report(4, 9, 0, 'failed')]);
    expect(line).toContain('1 of 4 missions');
    expect(line).toContain('(not with seed 2, 3, 4)');
  });
});
