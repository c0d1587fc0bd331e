// A component in C, with no code for moving, moves by its memory image and keeps its state; unchanged pages are not sent again.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { compileWasm, type CompiledModule } from '../../shared/elastic/instantiate.ts';
import type { MemoryImage } from '../../shared/elastic/module-instance.ts';
import { buildCounter, hasClang } from '../support/c-component.ts';

const MEGABYTE = 2 ** 20;
const clang = await hasClang();
if (!clang) console.log('skipped: clang and wasm-ld are not installed, so the C component cannot be built');

const imageOf = (image: MemoryImage | null): MemoryImage => {
  if (image === null) throw new Error('the instance has no memory image');
  return image;
};

describe.skipIf(!clang)('memory image of a C component', { timeout: 120_000 }, () => {
  let bundle: ModuleBundle;
  let compiled: CompiledModule;

  beforeAll(async () => {
    bundle = await buildCounter();
    compiled = await compileWasm(bundle);
  }, 120_000);

  it('runs: lists, strings, 64-bit numbers', async () => {
    const counter = await compiled.instantiate({});
    expect(bundle.manifest.builds.wasm.engine).toBe('prebuilt');
    expect(counter.call('add', [[1, 2, 3.5]])).toBe(3);
    expect(counter.call('add', [[4]])).toBe(4);
    expect(counter.call('label', ['Zähler'])).toBe('Zähler!');
    expect(typeof counter.call('digest', [])).toBe('bigint');
  });

  it('moves three times and goes on as if it had not', async () => {
    let counter = await compiled.instantiate({});
    const still = await compiled.instantiate({});
    for (const instance of [counter, still]) instance.call('fill', [7]);
    for (let move = 0; move < 3; move += 1) {
      for (const instance of [counter, still]) instance.call('add', [[move, 0.25]]);
      const next = await compiled.instantiate({});
      imageOf(next.image).restore(imageOf(counter.image).capture());
      counter = next;
    }
    expect(counter.call('digest', [])).toBe(still.call('digest', []));
    expect(counter.call('add', [[1]])).toBe(7);
  });

  it('sends less than 1 % of 16 MB when it moves again unchanged, and only what changed otherwise', async () => {
    const [a, b] = [await compiled.instantiate({}), await compiled.instantiate({})];
    a.call('fill', [1]);
    const first = imageOf(a.image).captureDelta(null);
    expect(first.full).toBe(true);
    expect(first.bytes.length).toBeGreaterThan(16 * MEGABYTE);
    imageOf(b.image).restore(first.bytes);

    const unchanged = imageOf(a.image).captureDelta(first.id);
    expect(unchanged.full).toBe(false);
    expect(unchanged.bytes.length).toBeLessThan(0.01 * 16 * MEGABYTE);
    imageOf(b.image).restore(unchanged.bytes);

    a.call('add', [[5, 6]]);
    const changed = imageOf(a.image).captureDelta(unchanged.id);
    expect(changed.bytes.length).toBeLessThan(4 * 65_536);
    imageOf(b.image).restore(changed.bytes);
    expect(b.call('digest', [])).toBe(a.call('digest', []));

    // And back: b knows the image it restored, so only what it changed itself travels.
    b.call('add', [[7]]);
    const back = imageOf(b.image).captureDelta(changed.id);
    expect(back.full).toBe(false);
    imageOf(a.image).restore(back.bytes);
    expect(a.call('digest', [])).toBe(b.call('digest', []));
  });

  it('falls back to a full image where the base is unknown, and refuses a delta without its base', async () => {
    const [a, b] = [await compiled.instantiate({}), await compiled.instantiate({})];
    const first = imageOf(a.image).captureDelta('no such image');
    expect(first.full).toBe(true);
    const delta = imageOf(a.image).captureDelta(first.id);
    expect(() => imageOf(b.image).restore(delta.bytes)).toThrow(expect.objectContaining({ code: 'OUT_MODULE_SNAPSHOT' }));
  });

  it('refuses images that are cut, of another module, or no images', async () => {
    const a = await compiled.instantiate({});
    const bytes = imageOf(a.image).capture();
    const otherModule = bytes.slice();
    otherModule[10] = (otherModule[10] ?? 0) ^ 1;
    for (const bad of [bytes.subarray(0, -1), bytes.subarray(0, 40), new Uint8Array(), otherModule, Buffer.alloc(200)]) {
      expect(() => imageOf(a.image).restore(bad)).toThrow(expect.objectContaining({ code: 'OUT_MODULE_SNAPSHOT' }));
    }
  });

  it('has no generated snapshot, and says so', async () => {
    const a = await compiled.instantiate({});
    expect(() => a.snapshot()).toThrow(/memory image/);
  });
});
