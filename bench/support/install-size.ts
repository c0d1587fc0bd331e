// Size of a production installation, worked out from what is installed here: the packages that the lockfile marks as no development
// dependency, and the files that package.json publishes. No registry is asked. hardware/install/install.sh removes what of it belongs to
// other systems (binaries of onnxruntime-node for macOS and Windows); that size is given, too.
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface InstallSize {
  readonly method: string;
  /** As npm leaves it. */
  readonly total_mb: number;
  /** After hardware/install/install.sh. */
  readonly on_a_rover_mb: number;
  readonly own_files_mb: number;
  readonly packages: number;
  readonly packages_mb: number;
  /** The five largest packages [MB]. */
  readonly largest_mb: Readonly<Record<string, number>>;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MB = 1e6;

export async function productionInstall(): Promise<InstallSize> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
  const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
  const names = Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path.startsWith('node_modules/') && dev !== true && devOptional !== true)
    .map(([path]) => path);
  const sizes: [string, number][] = [];
  for (const name of names) {
    const bytes = await bytesOf(join(ROOT, name));
    if (bytes > 0) sizes.push([name.replace('node_modules/', ''), bytes]);
  }
  let own = 0;
  for (const entry of files) own += await bytesOf(join(ROOT, entry.replace(/\/\*\..*$/, '')));
  const foreign = await bytesOfOtherSystems(join(ROOT, 'node_modules', 'onnxruntime-node', 'bin'));
  const packages = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  const largest = sizes.toSorted(([, a], [, b]) => b - a).slice(0, 5);
  return {
    method: 'computed: non-development packages of the lockfile as installed here, and the published files',
    total_mb: (own + packages) / MB,
    on_a_rover_mb: (own + packages - foreign) / MB,
    own_files_mb: own / MB,
    packages: sizes.length,
    packages_mb: packages / MB,
    largest_mb: Object.fromEntries(largest.map(([name, bytes]) => [name, bytes / MB])),
  };
}

/** What install.sh removes: folders `darwin` and `win32` below each version of the interface. */
async function bytesOfOtherSystems(folder: string): Promise<number> {
  let bytes = 0;
  for (const version of await readdir(folder).catch(() => []))
    for (const system of ['darwin', 'win32']) bytes += await bytesOf(join(folder, version, system));
  return bytes;
}

/** Bytes of the files in a folder (or of a file), without packages nested in it: the lockfile lists those by themselves. 0: not there. */
async function bytesOf(path: string): Promise<number> {
  const entry = await lstat(path).catch(() => null);
  if (entry === null || entry.isSymbolicLink()) return 0;
  if (!entry.isDirectory()) return entry.size;
  const inside = await readdir(path);
  const sizes = await Promise.all(inside.map((name) => (name === 'node_modules' ? Promise.resolve(0) : bytesOf(join(path, name)))));
  return sizes.reduce<number>((sum, size) => sum + size, 0);
}
