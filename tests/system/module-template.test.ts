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
  }, 120_000);

  afterAll(() => rm(home, { recursive: true, force: true }));

  it('builds, and its handle needs nothing but the package', async () => {
    const { stdout } = await outrider('build', project, '--out', path.join(project, 'dist', NAME), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ name: NAME, engine: 'assemblyscript' });
    expect(await readFile(path.join(project, 'handle.ts'), 'utf8')).toContain("import type { CallOptions } from 'outrider/elastic';");
    await tool('typescript/bin/tsc', '-p', '.');
  }, 120_000);

  it('passes its own test, on both builds', async () => {
    const { stdout } = await tool('vitest/vitest.mjs', 'run', '--reporter', 'json');
    expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ success: true, numPassedTests: 3 });
  }, 120_000);

  it('offloads to a running edge and comes back with its state, by its own program', async () => {
    const data = path.join(home, 'site');
    const site = await startEdgeSite(defineSite({ data, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    try {
      const { stdout } = await tool('tsx/dist/cli.mjs', 'main.ts', site.brokerUrl);
      const [onboard, moved, edge, back] = stdout.split('\n');
      expect(onboard).toMatch(/^onboard 1000 \{ count: 1000,/);
      expect(moved).toMatch(/^moved edge-\d pause [\d.]+ ms$/);
      expect(edge).toMatch(/^edge 2000 \{ count: 2000,/);
      expect(back).toMatch(/^moved onboard \{ count: 2000,/);
    } finally {
      await site.close();
    }
  }, 120_000);

  it('says what is wrong when there is no edge', async () => {
    await expect(tool('tsx/dist/cli.mjs', 'main.ts', 'mqtt://127.0.0.1:9')).rejects.toMatchObject({
      stderr: expect.stringContaining('OUT_BUS_UNREACHABLE') as string,
    });
  }, 120_000);

  it.each(['Gas-Level', '../up', NAME])('refuses the name %s', async (name) => {
    await expect(outrider('new', '--', name)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('OUT_MODULE_NEW') });
  });
});
