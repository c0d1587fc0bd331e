// A short chaos run: whatever is killed or cut, no acknowledged map update or detection is lost and every call is answered.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Report {
  readonly faults: readonly { readonly fault: string; readonly wholeAfterSec: number | null }[];
  readonly unanswered: number;
  readonly answered: { readonly updates: number; readonly detections: number; readonly reports: number };
  readonly updatesChecked: number;
  readonly sightings: number;
  readonly failures: readonly string[];
}

const SCRIPT = 'dist/bench/chaos/main.js';

test.skipIf(!existsSync(SCRIPT))(
  'half a minute of kills and cuts under a live fleet loses nothing',
  async () => {
    const run = spawn(process.execPath, [SCRIPT, '--seed', '7', '--minutes', '0.4', '--rovers', '6', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    run.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => run.once('exit', resolve));
    const report = JSON.parse(output) as Report;
    expect(report.failures).toEqual([]);
    expect(report.unanswered).toBe(0);
    // Each fault was followed until the fleet was whole; how soon is a figure of the documented run, not of a shared machine.
    expect(report.faults.length).toBeGreaterThanOrEqual(2);
    expect(report.faults.filter(({ wholeAfterSec }) => wholeAfterSec === null)).toEqual([]);
    // The ledger was not empty, and each report took effect once.
    expect(report.answered.updates).toBeGreaterThan(50);
    expect(report.answered.detections).toBeGreaterThan(50);
    expect(report.updatesChecked).toBeGreaterThan(report.answered.updates);
    expect(report.sightings).toBe(report.answered.reports);
  },
  150_000,
);
