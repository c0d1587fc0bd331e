// `outrider robot --config` on a machine that is no rover: each thing that is missing or wrong is one coded error, before anything moves.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outrider, REPOSITORY } from './cli-process.ts';

const LIMIT_MS = 60_000;
const SAMPLE = `${REPOSITORY}hardware/freenove-4wd/rover.yaml`;
const hasI2c = existsSync('/dev/i2c-1');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-rover-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function roverFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('a real rover from the command line', () => {
  it.skipIf(hasI2c)(
    'says that there is no I2C bus, for the agent and for the watchdog',
    async () => {
      const car = await roverFile('car.yaml', 'body: freenove-4wd\nid: car-1\nwatchdog: null\nlogLevel: silent\n');
      for (const args of [
        ['robot', '--config', car],
        ['robot', 'watchdog', '--config', SAMPLE],
      ]) {
        const { exitCode, stderr } = await outrider(...args);
        expect(stderr).toContain('OUT_HARDWARE_BUS: /dev/i2c-1: there is no such device');
        expect(stderr).toContain('raspi-config');
        expect(exitCode).toBe(1);
      }
    },
    LIMIT_MS,
  );

  it(
    'lists what is wrong in its file, and refuses a body that there is not',
    async () => {
      const wrong = await roverFile('wrong.yaml', 'body: freenove-4wd\nid: car 1\nfreenove: { board: 3, sonar: { echoLine: 99 } }\n');
      const { exitCode, stderr } = await outrider('robot', '--config', wrong);
      expect(exitCode).toBe(1);
      for (const path of ['OUT_CONFIG_INVALID', 'id:', 'freenove.board:', 'freenove.sonar.echoLine:']) expect(stderr).toContain(path);
      const other = await outrider('robot', '--config', await roverFile('other.yaml', 'body: hovercraft\n'));
      expect(other.stderr).toContain('(arrived: "hovercraft")');
    },
    LIMIT_MS,
  );

  it(
    'does not send a car over an open network without being told to',
    async () => {
      const open = await roverFile('open.yaml', 'body: freenove-4wd\nid: car-1\nbroker: mqtt://198.51.100.1:1883\n');
      expect((await outrider('robot', '--config', open)).stderr).toContain('OUT_SITE_INSECURE');
    },
    LIMIT_MS,
  );

  it(
    'is either real or simulated, and a watchdog needs the car’s file',
    async () => {
      for (const args of [['robot', '--config', SAMPLE, '--sim'], ['robot', 'watchdog'], ['robot']])
        expect([args.join(' '), (await outrider(...args)).exitCode]).toEqual([args.join(' '), 2]);
    },
    LIMIT_MS,
  );
});
