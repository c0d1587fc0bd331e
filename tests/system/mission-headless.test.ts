// A short mission on the virtual clock through the command line, twice with one seed: same result, every output readable.
import { McapStreamReader } from '@mcap/core';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MissionReport } from '../../missions/report.ts';
import { parseMapServerYaml } from '../../shared/mapping/map-server-yaml.ts';
import { lastJson, outrider } from './cli-process.ts';

const MISSION = `
mission: { id: two-rooms, title: Two rooms, timeLimitSec: 300 }
world:
  name: two rooms
  sizeM: [10, 8]
  walls:
    - { path: [[5, 0], [5, 3.2]] }
    - { path: [[5, 4.8], [5, 8]] }
  hazards:
    - { class: survivor, at: [8.5, 1.5] }
    - { class: gas-cylinder, at: [8.5, 6.5] }
    - { class: chemical-drum, at: [1.5, 6.5] }
  starts:
    - { at: [1.4, 1.4], yawDeg: 45 }
    - { at: [2.6, 1.4], yawDeg: 45 }
fleet:
  rovers: [{ id: rover-1 }, { id: rover-2 }]
`;
const LIMIT_MS = 180_000;

describe('a headless mission of two rovers', () => {
  let folder = '';
  const reports: MissionReport[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-mission-'));
    const mission = join(folder, 'two-rooms.yaml');
    await writeFile(mission, MISSION);
    for (const outputs of [['--out', join(folder, 'first')], []]) {
      const result = await outrider('sim', mission, '--headless', '--seed', '11', ...outputs, '--json');
      expect(result.exitCode, result.stderr).toBe(0);
      reports.push(lastJson<MissionReport>(result));
    }
  }, LIMIT_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('searches the site without touching anything and without losing a call', () => {
    expect(reports).toHaveLength(2);
    for (const report of reports) {
      expect(report).toMatchObject({ outcome: 'completed', rovers: 2, collisions: 0 });
      expect(report.coverage).toBeGreaterThanOrEqual(0.95);
      expect(report.calls.lost).toBe(0);
      expect(report.calls.onboard).toBeGreaterThan(0);
      expect(report.calls.edge).toBeGreaterThan(0);
      expect(report.offload.map_server).toMatchObject({ deployed: 1, redirected: 1, failovers: 0 });
      expect(report.hazards).toMatchObject({ total: 3, found: 3, false_positives: 0 });
      // The hosts are shut down when the mission is over: that is no part of its log.
      expect(report.events.map(({ kind }) => kind)).not.toContain('edge');
      expect(report.events.length).toBeGreaterThan(1);
    }
  });

  it('gives the same report again with the same seed, recorded or not', () => {
    const [first, second] = reports;
    expect(first?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect({ ...second, wall: null }).toEqual({ ...first, wall: null });
  });

  it('leaves a report for machines and one for people', async () => {
    expect(JSON.parse(await readFile(join(folder, 'first/report.json'), 'utf8'))).toEqual(reports[0]);
    const page = await readFile(join(folder, 'first/report.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain('Two rooms');
  });

  it('leaves a map for map_server and a picture of it', async () => {
    const info = parseMapServerYaml(await readFile(join(folder, 'first/map.yaml'), 'utf8'), 'map.yaml');
    expect(info).toMatchObject({ image: 'map.pgm', resolutionM: 0.05 });
    const header = /^P5\s+(?:#[^\n]*\n)*(\d+)\s+(\d+)\s+255\s/.exec((await readFile(join(folder, 'first/map.pgm'))).toString('latin1'));
    const [width, height] = [Number(header?.[1]), Number(header?.[2])];
    expect(width * 0.05).toBeGreaterThan(9);
    expect(height * 0.05).toBeGreaterThan(7);
    const picture = PNG.sync.read(await readFile(join(folder, 'first/map.png')));
    expect(picture.width * picture.height).toBeGreaterThan(0);
  });

  it('leaves a recording that an MCAP reader takes whole', async () => {
    const reader = new McapStreamReader({ validateCrcs: true });
    reader.append(await readFile(join(folder, 'first/mission.mcap')));
    const topics = new Set<string>();
    let messages = 0;
    for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
      if (record.type === 'Channel') topics.add(record.topic);
      if (record.type === 'Message') messages += 1;
    }
    expect(reader.done()).toBe(true);
    expect(messages).toBeGreaterThan(50);
    expect(topics.size).toBeGreaterThan(3);
  });
});
