#!/usr/bin/env node
// Takes out of a production installation what only other systems can load: onnxruntime-node and @serialport/bindings-cpp bring the binaries of
// every system, some 250 MB. npm runs it after a global installation; hardware/install/install.sh runs it with --force. Not in a checkout, unless forced.
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    force: { type: 'boolean', default: false },
    platform: { type: 'string', default: process.platform },
    arch: { type: 'string', default: process.arch },
    root: { type: 'string', default: dirname(dirname(fileURLToPath(import.meta.url))) },
  },
});
const { force, platform, arch, root } = values;
const isCheckout = existsSync(join(root, 'tsconfig.json'));
const isGlobal = process.env.npm_config_global === 'true' && process.env.OUTRIDER_PRUNE !== 'skip';

if (force || (isGlobal && !isCheckout)) {
  const packages = join(root, 'node_modules');
  const bytes = pruneOnnxRuntime(packages) + pruneSerialPort(packages);
  console.log(`removed binaries of other systems than ${platform}-${arch}: ${(bytes / 1e6).toFixed(0)} MB`);
}

/** bin/napi-vN/PLATFORM/ARCH */
function pruneOnnxRuntime(packages) {
  let bytes = 0;
  for (const version of foldersIn(join(packages, 'onnxruntime-node', 'bin'))) {
    if (!existsSync(join(version, platform, arch))) continue; // nothing here would be left
    for (const system of foldersIn(version))
      for (const folder of foldersIn(system)) if (folder !== join(version, platform, arch)) bytes += remove(folder);
  }
  return bytes;
}

/** prebuilds/PLATFORM-ARCH[+ARCH] */
function pruneSerialPort(packages) {
  const prebuilds = foldersIn(join(packages, '@serialport', 'bindings-cpp', 'prebuilds'));
  const isOurs = (folder) => {
    const [system, archs = ''] = folder.slice(folder.lastIndexOf('/') + 1).split('-');
    return system === platform && archs.split('+').includes(arch);
  };
  return prebuilds.some(isOurs) ? prebuilds.filter((folder) => !isOurs(folder)).reduce((sum, folder) => sum + remove(folder), 0) : 0;
}

function foldersIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

function remove(folder) {
  const bytes = bytesOf(folder);
  rmSync(folder, { recursive: true, force: true });
  return bytes;
}

function bytesOf(path) {
  const entry = lstatSync(path);
  return entry.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0) : entry.size;
}
