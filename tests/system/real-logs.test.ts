// Recorded logs of real buildings through the command line: split among rovers, and halves put together without a known pose.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Pose2 } from '../../shared/geometry/pose2.ts';
import { lastJson, outrider, REPOSITORY } from './cli-process.ts';

const LOGS = `${REPOSITORY}../shared/data/carmen/`;
const NEEDED = ['freiburg-101-corrected.log.gz', 'csail-corrected.log.gz', 'seattle-corrected.log.gz'];
const missing = NEEDED.filter((name) => !existsSync(`${LOGS}${name}`));
const YAW_RAD = 1.1;
const LIMIT_MS = 120_000;

interface Replay {
  readonly outcome: string;
  readonly log_duration_s: number;
  readonly map: { readonly agreement: number };
  readonly calls: { readonly lost: number };
  readonly offload: { readonly map_server: { readonly deployed: number; readonly redirected: number } };
  readonly wall: { readonly duration_s: number };
}

interface MapMerge {
  readonly pairs: readonly { readonly transform: Pose2 | null; readonly accepted: boolean; readonly reasons: readonly string[] }[];
  readonly merged: readonly unknown[] | null;
}

describe.skipIf(missing.length > 0)(
  `recorded logs${missing.length > 0 ? ` (skipped, not at ../shared/data/carmen: ${missing.join(', ')})` : ''}`,
  () => {
    it(
      'two rovers that share freiburg-101 draw the map that the whole log gives, ten times faster than it was recorded',
      async () => {
        const result = await outrider('replay', `${LOGS}freiburg-101-corrected.log.gz`, '--rovers', '2', '--json');
        expect(result.exitCode, result.stderr).toBe(0);
        const replay = lastJson<Replay>(result);
        expect(replay.outcome).toBe('completed');
        expect(replay.map.agreement).toBeGreaterThanOrEqual(0.95);
        expect(replay.calls.lost).toBe(0);
        expect(replay.offload.map_server).toMatchObject({ deployed: 1, redirected: 1 });
        expect(replay.wall.duration_s).toBeLessThan(replay.log_duration_s / 10);
      },
      LIMIT_MS,
    );

    it(
      'halves of csail find each other although one is turned by an unknown angle',
      async () => {
        const log = `${LOGS}csail-corrected.log.gz`;
        const result = await outrider('map', 'merge', `${log}#0-0.5`, `${log}#0.5-1`, '--yaw-b', String(YAW_RAD), '--json');
        expect(result.exitCode, result.stderr).toBe(0);
        const [pair] = lastJson<MapMerge>(result).pairs;
        expect(pair?.accepted).toBe(true);
        const { x, y, theta } = pair?.transform ?? { x: Infinity, y: Infinity, theta: Infinity };
        expect(Math.hypot(x, y)).toBeLessThan(0.5);
        const errorRad = theta + YAW_RAD;
        expect(Math.abs(Math.atan2(Math.sin(errorRad), Math.cos(errorRad)))).toBeLessThan((2 * Math.PI) / 180);
      },
      LIMIT_MS,
    );

    it(
      'maps of two different buildings are not put together',
      async () => {
        const result = await outrider('map', 'merge', `${LOGS}csail-corrected.log.gz`, `${LOGS}seattle-corrected.log.gz`, '--json');
        expect(result.exitCode).toBe(1);
        const { pairs, merged } = lastJson<MapMerge>(result);
        expect(pairs.map(({ accepted }) => accepted)).toEqual([false]);
        expect(pairs[0]?.reasons.length).toBeGreaterThan(0);
        expect(merged).toBeNull();
      },
      LIMIT_MS,
    );
  },
);
