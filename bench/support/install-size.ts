// Size of a production installation: this checkout is packed and installed the way docs/raspberry-pi.md says, into a folder for the purpose, and
// measured before and after bin/prune-install.js. Where no registry answers, it is worked out from what is installed here, and the method says so.
import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface InstallSize {
  readonly method: string;
  /** As npm unpacks it. */
  readonly total_mb: number;
  /** After bin/prune-install.js, which npm or hardware/install/install.sh runs. */
  readonly on_a_rover_mb: number;
  /** The five largest packages after it [MB]. */
  readonly largest_mb: Readonly<Record<string, number>>;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MB = 1e6;
const PACK_TIMEOUT_MS = 60_000;
const INSTALL_TIMEOUT_MS = 150_000;

const run = promisify(execFile);

/** Never rejects for want of a network. */
export async function productionInstall(log: (line: string) => void): Promise<InstallSize> {
  const folder = await mkdtemp(join(tmpdir(), 'outrider-install-'));
  try {
    return await measure(folder);
  } catch (error) {
    const reason = (error as Error).message.split('\n').at(-1) ?? '';
    log(`no installation for measuring: ${reason}`);
    return await compute();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string): Promise<InstallSize> {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    timeout: PACK_TIMEOUT_MS,
  });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ readonly filename: string }];
  // The sizes before pruning are wanted, so npm must not prune; CUDA's files are not for rovers.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', OUTRIDER_PRUNE: 'skip' };
  const args = ['install', '--global', '--prefix', folder, '--omit=dev', '--prefer-offline', join(folder, filename)];
  await run('npm', args, { cwd: folder, env, timeout: INSTALL_TIMEOUT_MS });
  const installed = join(folder, 'lib', 'node_modules', 'outrider');
  const total = await bytesOf(installed, true);
  await run(process.execPath, [join(installed, 'bin', 'prune-install.js'), '--force']);
  const packages = await packagesIn(join(installed, 'node_modules'));
  const sizes = await Promise.all(
    packages.map(async (name) => [name, await bytesOf(join(installed, 'node_modules', name), true)] as const),
  );
  return {
    method: `measured: npm pack, npm install --global --omit=dev into an empty folder on ${process.platform}-${process.arch}, then bin/prune-install.js`,
    total_mb: total / MB,
    on_a_rover_mb: (await bytesOf(installed, true)) / MB,
    largest_mb: largest(sizes),
  };
}

async function packagesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const scoped = names.filter((name) => name.startsWith('@'));
  const inside = await Promise.all(scoped.map(async (scope) => (await readdir(join(folder, scope))).map((name) => `${scope}/${name}`)));
  return [...names.filter((name) => !name.startsWith('@')), ...inside.flat()];
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** By the packages that the lockfile marks as no development dependency, as they are installed here, and the files that package.json publishes. */
async function compute(): Promise<InstallSize> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
  const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
  const names = Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path.startsWith('node_modules/') && dev !== true && devOptional !== true)
    .map(([path]) => path);
  const sizes = await Promise.all(
    names.map(async (name) => [name.replace('node_modules/', ''), await bytesOf(join(ROOT, name), false)] as const),
  );
  const own = await Promise.all(files.map((entry) => bytesOf(join(ROOT, entry.replace(/\/\*\..*$/, '')), false)));
  const total = own.reduce((sum, bytes) => sum + bytes, 0) + sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  const foreign = await bytesOfOtherSystems(join(ROOT, 'node_modules', 'onnxruntime-node', 'bin'));
  return {
    method: 'computed: non-development packages of the lockfile as installed here, and the published files',
    total_mb: total / MB,
    on_a_rover_mb: (total - foreign) / MB,
    largest_mb: largest(sizes),
  };
}

function largest(sizes: readonly (readonly [string, number])[]): Record<string, number> {
  const first = sizes.toSorted(([, a], [, b]) => b - a).slice(0, 5);
  return Object.fromEntries(first.map(([name, bytes]) => [name, bytes / MB]));
}

/** Everything below bin/napi-vN but this system's own. */
async function bytesOfOtherSystems(folder: string): Promise<number> {
  let bytes = 0;
  for (const version of await readdir(folder).catch(() => []))
    bytes += (await bytesOf(join(folder, version), true)) - (await bytesOf(join(folder, version, process.platform, process.arch), true));
  return bytes;
}

/** Bytes of the files in a folder (or of a file), with or without packages nested in it. 0: not there. */
async function bytesOf(path: string, nested: boolean): Promise<number> {
  const entry = await lstat(path).catch(() => null);
  if (entry === null || entry.isSymbolicLink()) return 0;
  if (!entry.isDirectory()) return entry.size;
  const inside = await readdir(path);
  const measured = inside.filter((name) => nested || name !== 'node_modules');
  const sizes = await Promise.all(measured.map((name) => bytesOf(join(path, name), nested)));
  return sizes.reduce<number>((sum, size) => sum + size, 0);
}
