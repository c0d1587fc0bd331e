// A module of one's own, outside the repository: made, built, tested and offloaded against the packed package, without a network.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { startEdgeSite } from '../../edge/start-site.ts';
import { readBundle } from '../../shared/elastic/bundle.ts';
import { liveRover } from '../support/edge-live-rover.ts';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const NAME = 'gas-level';

/** What a module project depends on, and what those and the package itself need: links, since nothing is installed here. */
async function linkDependencies(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (name === 'outrider' || name.startsWith('.')) continue;
    if (name.startsWith('@')) {
      await mkdir(path.join(to, name), { recursive: true });
      for (const inner of await readdir(path.join(from, name))) await symlink(path.join(from, name, inner), path.join(to, name, inner));
    } else await symlink(path.join(from, name), path.join(to, name));
  }
}

describe.skipIf(!existsSync(path.join(ROOT, 'dist/bin/cli.js')))('a module made outside the repository', () => {
  let home: string;
  let project: string;
  const outrider = (...args: string[]) =>
    run(process.execPath, [path.join(home, 'node_modules/outrider/bin/outrider.js'), 'module', ...args], { cwd: home });
  const tool = (script: string, ...args: string[]) =>
    run(process.execPath, [path.join(ROOT, 'node_modules', script), ...args], { cwd: project });

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'outrider-template-'));
    project = path.join(home, NAME);
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', home], {
      cwd: ROOT,
      maxBuffer: 2 ** 24,
    });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    const modules = path.join(home, 'node_modules');
    await mkdir(path.join(modules, 'outrider'), { recursive: true });
    await linkDependencies(path.join(ROOT, 'node_modules'), modules);
    await run('tar', ['xzf', path.join(home, packed?.filename ?? ''), '-C', path.join(modules, 'outrider'), '--strip-components=1']);
    await outrider('new', NAME);
  }, 60_000);

  afterAll(() => rm(home, { recursive: true, force: true }));

  it('builds, and its handle needs nothing but the package', async () => {
    const { stdout } = await outrider('build', project, '--out', path.join(project, 'dist', NAME), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ name: NAME, engine: 'assemblyscript' });
    expect(await readFile(path.join(project, 'handle.ts'), 'utf8')).toContain("import type { CallOptions } from 'outrider/elastic';");
    await tool('typescript/bin/tsc', '-p', '.');
  }, 60_000);

  it('passes its own test, on both builds', async () => {
    const { stdout } = await tool('vitest/vitest.mjs', 'run', '--reporter', 'json');
    expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ success: true, numPassedTests: 3 });
  }, 60_000);

  it('offloads to a running edge and comes back with its state', async () => {
    const bundle = await readBundle(path.join(project, 'dist', NAME));
    const data = path.join(home, 'site');
    const site = await startEdgeSite(defineSite({ site: 'test', data, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    const rover = await liveRover<{ record(readings: Float64Array): Promise<number>; statistics(): Promise<{ mean: number }> }>({
      rover: 'rover-1',
      bundle,
      brokerUrl: site.brokerUrl,
    });
    try {
      expect(await rover.module.handle.record(Float64Array.of(1, 2, 3))).toBe(3);
      expect(await rover.module.offload({ reason: 'test' })).toMatchObject({ outcome: 'moved', kind: 'offload' });
      expect(await rover.module.handle.record(Float64Array.of(6))).toBe(4);
      expect(await rover.module.recall({ reason: 'test' })).toMatchObject({ outcome: 'moved' });
      expect(await rover.module.handle.statistics()).toMatchObject({ count: 4, mean: 3 });
    } finally {
      await rover.close();
      await site.close();
    }
  }, 60_000);

  it.each(['Gas-Level', '../up', NAME])('refuses the name %s', async (name) => {
    await expect(outrider('new', '--', name)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('OUT_MODULE_NEW') });
  });
});
