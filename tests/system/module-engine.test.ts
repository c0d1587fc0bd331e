// Code outside the portable subset: the toolchain falls back to a JavaScript engine by name, and both builds keep one meaning.
import { beforeAll, describe, expect, test } from 'vitest';
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { ModuleInstance } from '../../shared/elastic/module-instance.ts';
import { buildModule, type ModuleBuild } from '../../toolchain/build/build-module.ts';

const TEXTS = ['Der Hund und die Katze und der Hund', '', 'élan élan 12 elan', 'a'.repeat(500), 'Straße, STRASSE; straße!'];

const host = { vision: { shade: (of: string, amount: number | null) => (of === 'dark' ? 10 : 200) + (amount ?? 1), findBlobs: () => [] } };

describe('a module outside the portable subset', { timeout: 300_000 }, () => {
  let build: ModuleBuild;
  let native: ModuleInstance;
  let engine: ModuleInstance;

  beforeAll(async () => {
    build = await buildModule('tests/fixtures/modules/words');
    native = await instantiateNative(build.bundle, host);
    engine = await (await compileWasm(build.bundle)).instantiate(host);
  }, 300_000);

  test('says which engine it got, that it is not accelerated, and which places are why', () => {
    expect(build.bundle.manifest.builds.wasm.engine).toBe('starlingmonkey');
    expect(build.remarks[0]).toMatch(/^NOT ACCELERATED: .*StarlingMonkey/);
    expect(build.remarks.join('\n')).toMatch(/outside the portable subset: words\.ts:\d+: regular expressions are not portable/);
    expect(build.remarks.join('\n')).toMatch(/words\.ts:\d+: .*JSON/);
  });

  test('gives the same answers and the same snapshots as the native build', () => {
    for (const text of TEXTS) {
      expect(engine.call('count', [text, 1])).toEqual(native.call('count', [text, 1]));
      expect(engine.call('totals', [])).toEqual(native.call('totals', []));
      expect(Buffer.from(engine.snapshot())).toEqual(Buffer.from(native.snapshot()));
    }
    expect(engine.call('sumJson', ['[1, 2.5, -0.25]'])).toBe(3.25);
  });

  test('state crosses from either build to the other', async () => {
    const fresh = await (await compileWasm(build.bundle)).instantiate(host);
    fresh.restore(native.snapshot());
    const other = await instantiateNative(build.bundle, host);
    other.restore(engine.snapshot());
    for (const instance of [fresh, other]) expect(instance.call('totals', [])).toEqual(native.call('totals', []));
  });

  test('what the module throws is an error with its message, and the instance lives on', () => {
    for (const instance of [native, engine]) {
      expect(() => instance.call('sumJson', ['{"a":1}'])).toThrow(
        expect.objectContaining({
          code: 'OUT_MODULE_THREW',
          message: expect.stringContaining('an array of numbers was expected') as string,
        }),
      );
      expect(() => instance.call('sumJson', ['{'])).toThrow(expect.objectContaining({ code: 'OUT_MODULE_THREW' }));
      expect(instance.call('sumJson', ['[4]'])).toBe(4);
    }
  });

  test('calls granted host functions, and is refused without them', async () => {
    for (const instance of [native, engine])
      expect([instance.call('shadeOf', ['tree']), instance.call('shadeOf', ['hmm'])]).toEqual([201, 11]);
    await expect((await compileWasm(build.bundle)).instantiate({})).rejects.toMatchObject({ code: 'OUT_MODULE_HOST_FUNCTION' });
  });

  test('its memory image moves, too', async () => {
    const next = await (await compileWasm(build.bundle)).instantiate(host);
    next.image?.restore(engine.image?.capture() ?? new Uint8Array());
    expect(next.call('totals', [])).toEqual(engine.call('totals', []));
  });
});
