import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const fileOf = (name: string): string => fileURLToPath(new URL(`../../hardware/install/${name}`, import.meta.url));
const UNITS = ['outrider-watchdog.service', 'outrider-rover.service'];
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

/** `key = value` lines of a unit. */
async function readUnit(name: string): Promise<Map<string, string>> {
  const text = await readFile(fileOf(name), 'utf8');
  return new Map(
    text
      .split('\n')
      .flatMap((line) => (/^[A-Z]\w+=/.test(line) ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])),
  );
}

describe('what is installed on a rover', () => {
  it('agent and watchdog read one file, and either comes back when it dies', async () => {
    const [watchdog, rover] = await Promise.all(UNITS.map(readUnit));
    expect(watchdog?.get('ExecStart')).toBe('/usr/bin/outrider robot watchdog --config /etc/outrider/rover.yaml');
    expect(rover?.get('ExecStart')).toBe('/usr/bin/outrider robot --config /etc/outrider/rover.yaml');
    for (const unit of [watchdog, rover])
      expect([unit?.get('Restart'), unit?.get('StartLimitIntervalSec'), unit?.get('User')]).toEqual(['always', '0', 'outrider']);
  });

  it('the watchdog does not hang on the agent, and has its socket’s folder', async () => {
    const watchdog = await readUnit('outrider-watchdog.service');
    expect(watchdog.get('RuntimeDirectory')).toBe('outrider');
    for (const key of ['BindsTo', 'PartOf', 'Requires']) expect(watchdog.has(key)).toBe(false);
    expect((await readUnit('outrider-rover.service')).get('Wants')).toContain('outrider-watchdog.service');
  });

  it.skipIf(!hasSystemd)('systemd finds no fault with the units', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'units-'));
    try {
      const paths = await Promise.all(
        UNITS.map(async (name) => {
          const path = join(folder, name);
          // The command is not installed where tests run.
          await writeFile(path, (await readFile(fileOf(name), 'utf8')).replaceAll('/usr/bin/outrider', '/bin/true'));
          return path;
        }),
      );
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' });
      expect({ status, complaints: stderr.split('\n').filter((line) => line.includes('outrider')) }).toEqual({ status: 0, complaints: [] });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('the script is one that sh reads, and every file that it installs is there', async () => {
    expect(spawnSync('sh', ['-n', fileOf('install.sh')]).status).toBe(0);
    const script = await readFile(fileOf('install.sh'), 'utf8');
    const named = [...script.matchAll(/^\s*install .*"\$here\/([\w./-]+\w)"/gm)].map(([, name]) => name as string);
    expect(named).toContain('../freenove-4wd/rover.yaml');
    for (const name of [...named, ...UNITS]) expect((await readFile(fileOf(name))).length).toBeGreaterThan(0);
  });
});
