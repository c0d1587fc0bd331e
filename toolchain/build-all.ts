// Builds every reference module into dist/modules/, and puts their networks into dist/models/, as part of `npm run build`; what has not
// changed is not built again.
// `--check` fails where a committed handle.ts is not what its module's source says.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../shared/errors.ts';
import { buildModule, writeBundle } from './build/build-module.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = path.resolve(HERE, import.meta.url.endsWith('.ts') ? '..' : '../..');
const MODULES = path.join(ROOT, 'shared/modules');
const OUT = path.join(ROOT, 'dist/modules');
const MODELS_OUT = path.join(ROOT, 'dist/models');
/** What decides the outcome beside a module's own folder. */
const SHARED_INPUTS = /^(component|wasm|bundle|value-codec|interface-type|module-manifest)/;

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(path.relative(ROOT, file))
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}

async function toolchainFiles(): Promise<string[]> {
  const elastic = path.resolve(HERE, '../shared/elastic');
  const own = (await filesBelow(HERE)).filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'));
  const shared = (await readdir(elastic))
    .filter((file) => SHARED_INPUTS.test(file) && /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'))
    .toSorted();
  return [...own, ...shared.map((file) => path.join(elastic, file)), path.join(ROOT, 'package-lock.json')];
}

/** Networks lie in `<module>/model/` as `<name>.onnx` with `<name>.json`. */
async function copyModels(directory: string): Promise<void> {
  const from = path.join(directory, 'model');
  if (!existsSync(from)) return;
  await mkdir(MODELS_OUT, { recursive: true });
  for (const file of await readdir(from))
    if (/\.(onnx|json)$/.test(file)) await copyFile(path.join(from, file), path.join(MODELS_OUT, file));
}

async function main(check: boolean): Promise<void> {
  await mkdir(OUT, { recursive: true });
  const toolchain = await digestOf(await toolchainFiles());
  const common = await digestOf([path.join(MODULES, 'portable.ts'), ...(await filesBelow(path.join(MODULES, 'host')))]);
  const names = (await readdir(MODULES)).filter((name) => existsSync(path.join(MODULES, name, 'module.json'))).toSorted();
  for (const name of names) {
    const directory = path.join(MODULES, name);
    await copyModels(directory);
    const key = createHash('sha256')
      .update(toolchain + common + (await digestOf(await filesBelow(directory))))
      .digest('hex');
    const keyFile = path.join(OUT, `.${name}.key`);
    const known = await readFile(keyFile, 'utf8').catch(() => '');
    if (!check && known === key && existsSync(path.join(OUT, name, 'manifest.json'))) continue;
    const started = performance.now();
    const { bundle, handle, remarks } = await buildModule(directory);
    const handleFile = path.join(directory, 'handle.ts');
    if ((await readFile(handleFile, 'utf8').catch(() => '')) !== handle) {
      const message = `${path.relative(ROOT, handleFile)} is not what its module says: run \`outrider module build ${path.relative(ROOT, directory)}\``;
      if (check) throw new OutriderError('OUT_MODULE_BUILD', message);
      console.warn(message);
    }
    await writeBundle(bundle, path.join(OUT, name));
    await writeFile(keyFile, key);
    for (const remark of remarks) console.log(`${name}: ${remark}`);
    console.log(
      `${name}: ${bundle.files.get('module.wasm')?.length} bytes of Wasm, ${bundle.digest.slice(0, 12)} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
    );
  }
}

try {
  await main(process.argv.includes('--check'));
} catch (error) {
  if (!(error instanceof OutriderError)) throw error;
  console.error(`${error.code}: ${error.message}\n${error.remedy}`);
  process.exitCode = 1;
}
