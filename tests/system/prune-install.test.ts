// What `npm install --global` leaves behind for other systems is taken out, what this system loads stays.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../bin/prune-install.js', import.meta.url));
const ORT = 'node_modules/onnxruntime-node/bin/napi-v6';
const SERIAL = 'node_modules/@serialport/bindings-cpp/prebuilds';
const ALL = [
  `${ORT}/darwin/arm64`,
  `${ORT}/linux/arm64`,
  `${ORT}/linux/x64`,
  `${ORT}/win32/x64`,
  `${SERIAL}/darwin-x64+arm64`,
  `${SERIAL}/linux-arm64`,
  `${SERIAL}/linux-x64`,
];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'outrider-prune-'));
  for (const folder of ALL) await file(`${folder}/binding.node`, 1000);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), new Uint8Array(bytes));
}

async function prune(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ readonly left: string[]; readonly said: string }> {
  const inherited = { ...process.env };
  delete inherited['npm_config_global'];
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--root', root, ...args], { env: { ...inherited, ...env } });
  return { left: ALL.filter((folder) => existsSync(join(root, folder))), said: stdout };
}

describe('an installation', () => {
  it.each([
    ['linux', 'arm64', [`${ORT}/linux/arm64`, `${SERIAL}/linux-arm64`]],
    ['linux', 'x64', [`${ORT}/linux/x64`, `${SERIAL}/linux-x64`]],
    ['darwin', 'arm64', [`${ORT}/darwin/arm64`, `${SERIAL}/darwin-x64+arm64`]],
  ])('on %s %s keeps the binaries of its own system only', async (platform, arch, kept) => {
    expect((await prune(['--force', '--platform', platform, '--arch', arch])).left).toEqual(kept);
  });

  it('keeps everything where nothing would be left to load', async () => {
    expect((await prune(['--force', '--platform', 'linux', '--arch', 'riscv64'])).left).toEqual(ALL);
  });

  it('is pruned by npm when it is a global one, and left alone as a part of another project', async () => {
    expect((await prune(['--arch', 'x64', '--platform', 'linux'])).left).toEqual(ALL);
    const { left, said } = await prune(['--arch', 'x64', '--platform', 'linux'], { npm_config_global: 'true' });
    expect(left).toHaveLength(2);
    expect(said).toContain('removed');
  });

  it('in a checkout stays whole', async () => {
    await file('tsconfig.json', 2);
    expect((await prune(['--arch', 'x64', '--platform', 'linux'], { npm_config_global: 'true' })).left).toEqual(ALL);
  });
});
