// The bare kit: a rover without a lidar searches a small site by its swept ultrasonic sensor, through the command line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { MissionReport } from '../../missions/report.ts';
import { lastJson, outrider } from './cli-process.ts';

const MISSION = `
mission: { id: by-sonar, title: Two small rooms by sonar, timeLimitSec: 900 }
world:
  name: two small rooms
  sizeM: [5, 3]
  walls:
    - { path: [[2.8, 0], [2.8, 1]] }
    - { path: [[2.8, 2.1], [2.8, 3]] }
  starts:
    - { at: [1, 1.5], yawDeg: 30 }
fleet:
  rovers: [{ id: rover-1 }]
`;

it('a mission by sonar ends with the floor known and nothing touched', { timeout: 180_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outrider-sonar-'));
  const path = join(folder, 'by-sonar.yaml');
  await writeFile(path, MISSION);
  const result = await outrider('sim', path, '--headless', '--sensor', 'sonar', '--seed', '2', '--json');
  await rm(folder, { recursive: true, force: true });
  expect(result.exitCode, result.stderr).toBe(0);
  const report = lastJson<MissionReport>(result);
  expect(report).toMatchObject({ outcome: 'completed', collisions: 0 });
  expect(report.coverage).toBeGreaterThan(0.95);
  expect(report.map.surface_precision).toBeGreaterThan(0.3);
});
