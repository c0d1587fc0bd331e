// Our loader of components: the same answers as jco's transpiled output, memory bounded, nothing imported that is not granted.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transpile } from '@bytecodealliance/jco';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeBundle, sha256Hex, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { parseComponent } from '../../shared/elastic/component-binary.ts';
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { HostFunctions } from '../../shared/elastic/module-instance.ts';
import { CORE_HEADER, readSections, writeSections } from '../../shared/elastic/wasm-binary.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { makeComponent } from '../../toolchain/build/component.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/modules/sampler/', import.meta.url));
const findBlobs = (mask: Uint8Array, width: number, height: number) => [{ x: 1.5, y: height, area: mask.length, label: `w${width}` }];
const shade = (of: string, amount: number | null): number => (of === 'dark' && amount !== null ? 40 : 7);
const host: HostFunctions = { vision: { findBlobs, shade } };

let bundle: ModuleBundle;
beforeAll(async () => {
  ({ bundle } = await buildModule(FIXTURE));
}, 120_000);

/** The bundle with another component in it. */
function withComponent(component: Uint8Array, changes: { memoryMaxBytes?: number } = {}): ModuleBundle {
  const wasm = { ...bundle.manifest.builds.wasm, bytes: component.length, sha256: sha256Hex(component) };
  const manifest = { ...bundle.manifest, ...changes, builds: { ...bundle.manifest.builds, wasm } };
  return makeBundle(manifest, new Map([...bundle.files, ['module.wasm', component]]), null);
}

const wasmOf = (source: ModuleBundle): Uint8Array => source.files.get('module.wasm') ?? new Uint8Array();

interface Transpiled {
  readonly api: Record<string, (...args: unknown[]) => unknown>;
  readonly state: { save(): Uint8Array; load(version: number, bytes: Uint8Array): void };
}

/** The same component by jco. */
async function byJco(): Promise<Transpiled> {
  const directory = await mkdtemp(path.join(tmpdir(), 'outrider-jco-'));
  const { files } = await transpile(wasmOf(bundle), { name: 'sampler', instantiation: 'async' });
  for (const [name, bytes] of Object.entries(files).filter(([name]) => !name.includes('/')))
    await writeFile(path.join(directory, name.replace(/\.js$/, '.mjs')), bytes);
  const { instantiate } = (await import(pathToFileURL(path.join(directory, 'sampler.mjs')).href)) as {
    instantiate: (load: (name: string) => Promise<WebAssembly.Module>, imports: object) => Promise<Transpiled>;
  };
  return instantiate(async (name) => WebAssembly.compile(new Uint8Array(await readFile(path.join(directory, name)))), {
    'outrider:host/vision': { findBlobs, shade: (of: string, amount: number | undefined) => shade(of, amount ?? null) },
    'outrider:host/math': {
      ...Object.fromEntries(Object.getOwnPropertyNames(Math).map((name) => [name, Math[name as 'sin']])),
      numberText: String,
    },
    'outrider:host/fault': {
      raise: (message: string) => {
        throw new Error(message);
      },
    },
  });
}

describe('component loader', { timeout: 120_000 }, () => {
  it('gives the same answers and the same state as the component run by jco', async () => {
    const ours = await (await compileWasm(bundle)).instantiate(host);
    const theirs = await byJco();
    expect(theirs.api['mix']?.(5, -3, 4_000_000_000)).toBe(ours.call('mix', [5, -3, 4_000_000_000]));
    expect(theirs.api['waves']?.(0.7, 12)).toBe(ours.call('waves', [0.7, 12]));
    expect(theirs.api['label']?.(3, 0.1, 'busy', false)).toBe(ours.call('label', [3, 0.1, 'busy', false]));
    expect(theirs.api['regions']?.(new Uint8Array(12), 4)).toBe(ours.call('regions', [new Uint8Array(12), 4]));
    expect(theirs.api['area']?.({ tag: 'circle', val: { centre: { x: 0, y: 0 }, radius: 2 } })).toBe(
      ours.call('area', [{ kind: 'circle', centre: { x: 0, y: 0 }, radius: 2 }]),
    );
    for (const [x, name] of [
      [1.5, 'ä'],
      [-2, 'b'],
      [7, '漢'],
    ] as const) {
      expect(theirs.api['add']?.({ x, y: 1 }, name)).toBe(ours.call('add', [{ x, y: 1 }, name]));
    }
    expect(theirs.api['describe']?.()).toBe(ours.call('describe', []));
    const saved = theirs.state.save();
    expect(Buffer.from(ours.snapshot()).subarray(-saved.length).equals(saved)).toBe(true);
  });

  it('refuses a component that imports what its manifest does not name', async () => {
    const { core } = parseComponent(wasmOf(bundle));
    expect(parseComponent(wasmOf(bundle)).imports).toContain('outrider:host/vision');
    const foreign = { ...bundle, manifest: { ...bundle.manifest, hostInterfaces: [] } };
    await expect(compileWasm(foreign)).rejects.toThrow(/outrider:host\/vision/);
    await expect(compileWasm(withComponent(core))).rejects.toThrow(/core module/);
    await expect(compileWasm(withComponent(Buffer.from('no wasm at all')))).rejects.toMatchObject({ code: 'OUT_MODULE_COMPONENT' });
  });

  it('refuses a component that is cut anywhere before its last export, with a code', async () => {
    const bytes = wasmOf(bundle);
    const whole = parseComponent(bytes).exports;
    let refused = 0;
    const wrong: number[] = [];
    for (let length = 0; length < bytes.length; length += 61) {
      const outcome = await compileWasm(withComponent(bytes.subarray(0, length))).catch((error: unknown) => error);
      if (isOutriderError(outcome, 'OUT_MODULE_COMPONENT')) refused += 1;
      // Otherwise only sections without meaning for running, such as names, may have been cut off.
      else if (outcome instanceof Error || parseComponent(bytes.subarray(0, length)).exports.join() !== whole.join()) wrong.push(length);
    }
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(0.8 * (bytes.length / 61));
  });

  it('refuses a component that lacks an export of its world', async () => {
    const { core } = parseComponent(wasmOf(bundle));
    const bare = writeSections(CORE_HEADER, readSections(core, CORE_HEADER));
    await expect(makeComponent(bare, 'package a:b; world w { export missing: func(); }', 'utf8')).rejects.toMatchObject({
      code: 'OUT_MODULE_BUILD',
    });
  });

  it('bounds memory: what fits at the limit does not fit below it, and the trap retires the instance', async () => {
    const name = 'x'.repeat(1_000_000);
    const roomy = await (await compileWasm(bundle)).instantiate(host);
    expect(roomy.call('add', [{ x: 1, y: 1 }, name])).toBe(1);
    const tight = await (await compileWasm(withComponent(wasmOf(bundle), { memoryMaxBytes: 1_048_576 }))).instantiate(host);
    expect(tight.memoryBytes()).toBeLessThanOrEqual(1_048_576);
    expect(() => tight.call('add', [{ x: 1, y: 1 }, name])).toThrow(expect.objectContaining({ code: 'OUT_MODULE_TRAP' }));
    expect(() => tight.call('top', [])).toThrow(/retired/);
    expect(tight.memoryBytes()).toBeLessThanOrEqual(1_048_576);
  });

  it('does not grow over many calls: garbage is collected between them', async () => {
    const instance = await (await compileWasm(bundle)).instantiate(host);
    const shapes = Array.from({ length: 500 }, (_, index) => ({ kind: 'box', corner: { x: index, y: 0 }, width: 1, name: `box ${index}` }));
    for (let round = 0; round < 20; round += 1) instance.call('moveAll', [shapes, { x: 1, y: 1 }]);
    const settled = instance.memoryBytes();
    for (let round = 0; round < 500; round += 1) instance.call('moveAll', [shapes, { x: 1, y: 1 }]);
    expect(instance.memoryBytes()).toBeLessThanOrEqual(settled + 1_048_576);
  });

  it('throws the guest’s own message and goes on; refuses arguments of wrong types before the guest sees them', async () => {
    for (const instance of [await (await compileWasm(bundle)).instantiate(host), await instantiateNative(bundle, host)]) {
      expect(() => instance.call('refuse', ['no é'])).toThrow(
        expect.objectContaining({ code: 'OUT_MODULE_THREW', message: 'refused: no é' }),
      );
      expect(instance.call('refuse', [''])).toBe(0);
      expect(() => instance.call('mix', [1.5, 2, 3])).toThrow(expect.objectContaining({ code: 'OUT_MODULE_VALUE' }));
      expect(() => instance.call('mix', [1, 2])).toThrow(/takes 3 arguments/);
      expect(() => instance.call('toString', [])).toThrow(expect.objectContaining({ code: 'OUT_MODULE_VALUE' }));
    }
  });

  it('refuses to start without a host function that it needs', async () => {
    const compiled = await compileWasm(bundle);
    await expect(compiled.instantiate({})).rejects.toMatchObject({ code: 'OUT_MODULE_HOST_FUNCTION' });
    await expect(compiled.instantiate({ vision: { findBlobs } })).rejects.toThrow(/shade/);
    await expect(instantiateNative(bundle, {})).rejects.toMatchObject({ code: 'OUT_MODULE_HOST_FUNCTION' });
  });

  it('compiles once: manifest and module can be posted to a worker', async () => {
    const { manifest, wasmModule } = await compileWasm(bundle);
    const worker = new Worker(
      'const { parentPort } = require("node:worker_threads"); parentPort.once("message", (m) => parentPort.postMessage([m.manifest.name, WebAssembly.Module.exports(m.wasmModule).length]));',
      { eval: true },
    );
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    worker.postMessage({ manifest, wasmModule });
    const [name, exports] = await new Promise<[string, number]>((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(name).toBe('sampler');
    expect(exports).toBeGreaterThan(10);
  });

  it('builds the same bytes from the same source', async () => {
    const again = await buildModule(FIXTURE);
    expect(again.bundle.digest).toBe(bundle.digest);
  });
});
