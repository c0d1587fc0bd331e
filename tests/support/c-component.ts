// Builds the C fixture with Debian's clang into a component of its world.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { buildModule, renderModuleWorld } from '../../toolchain/build/build-module.ts';
import { makeComponent } from '../../toolchain/build/component.ts';

const run = promisify(execFile);
const FIXTURE = fileURLToPath(new URL('../fixtures/modules/counter-c/', import.meta.url));

/** Whether clang with the wasm32 target and its linker are installed. */
export async function hasClang(): Promise<boolean> {
  try {
    await Promise.all([run('clang', ['--version']), run('wasm-ld', ['--version'])]);
    return true;
  } catch {
    return false;
  }
}

/** The C counter as a bundle. */
export async function buildCounter(): Promise<ModuleBundle> {
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-counter-'));
  await cp(FIXTURE, directory, { recursive: true });
  // The copy lies outside the repository, where the number types come from the package.
  const source = path.join(directory, 'counter.ts');
  await writeFile(source, (await readFile(source, 'utf8')).replace(/'[./]+shared\/modules\/portable\.ts'/, "'outrider/portable'"));
  const core = path.join(directory, 'core.wasm');
  await run('clang', [
    '--target=wasm32',
    '-O2',
    '-nostdlib',
    '-ffreestanding',
    '-Wl,--no-entry',
    '-o',
    core,
    path.join(directory, 'counter.c'),
  ]);
  const world = await renderModuleWorld(directory);
  await writeFile(path.join(directory, 'counter.wasm'), await makeComponent(await readFile(core), world, 'utf8'));
  return (await buildModule(directory)).bundle;
}
