// A headless mission whose rovers share their detector's network with the edge, layer by layer, through the command line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MissionReport } from '../../missions/report.ts';
import { lastJson, outrider } from './cli-process.ts';

const mission = (offload: string): string => `
mission:
  id: two-rooms
  title: Two rooms
  timeLimitSec: 120
  detection: { placement: edge, offload: ${offload} }
world:
  name: two rooms
  sizeM: [7, 5]
  walls:
    - { path: [[4, 0], [4, 1.8]] }
  hazards:
    - { class: survivor, at: [6, 1.2] }
    - { class: gas-cylinder, at: [6, 4] }
  starts:
    - { at: [1.4, 1.4], yawDeg: 45 }
fleet:
  rovers: [{ id: rover-1 }]
`;

describe('a headless mission with incremental offloading', () => {
  let folder = '';
  const run = async (name: string, offload: string) => {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, mission(offload));
    return outrider('sim', file, '--headless', '--seed', '3', '--json');
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-shared-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('finds its hazards with the first layers on board and the others at a host, the same each time', async () => {
    const reports: MissionReport[] = [];
    for (let count = 0; count < 2; count += 1) {
      const result = await run('rooms', '{ inference: incremental, minLayersOnboard: 1 }');
      expect(result.exitCode, result.stderr).toBe(0);
      reports.push(lastJson<MissionReport>(result));
    }
    const [report] = reports as [MissionReport];
    expect(report).toMatchObject({ outcome: 'completed', collisions: 0, hazards: { total: 2, found: 2, false_positives: 0 } });
    expect(report.offload.detection).toMatchObject({ offloads: 1, recalls: 0, failovers: 0 });
    const [rover] = report.fleet;
    expect(rover?.calls_edge).toBeGreaterThan(10);
    expect(reports[1]?.fingerprint).toBe(report.fingerprint);
  }, 180_000);

  it.each([
    ['{ inference: piecemeal }', /mission\.detection\.offload\.inference/],
    ['{ minLayersOnboard: 2 }', /minLayersOnboard: the whole detector takes frames with it/],
    ['{ inference: incremental, minLayersOnboard: -1 }', /minLayersOnboard/],
    ['{ inference: incremental, k: 1 }', /offload\.k/],
    ['{ inference: incremental, layers: 3 }', /offload/],
  ])('refuses %s, saying where', async (offload, where) => {
    const result = await run('wrong', offload);
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain('OUT_CONFIG_INVALID');
    expect(result.stderr).toMatch(where);
  });

  it('refuses more layers on board than the network has', async () => {
    const result = await run('many', '{ inference: incremental, minLayersOnboard: 9999 }');
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain('OUT_MODEL_PROFILE');
  }, 30_000);
});
