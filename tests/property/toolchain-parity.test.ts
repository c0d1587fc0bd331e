// One source, two builds: for arbitrary inputs the native and the Wasm build give equal results, errors and snapshots.
import * as fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { HostFunctions } from '../../shared/elastic/module-instance.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { bothBuilds, outcomeOf, valuesOf } from '../support/module-values.ts';

const RUNS = 300;
const builds = new Map<string, Promise<ModuleBundle>>();
const bundleOf = (folder: string): Promise<ModuleBundle> => {
  const known = builds.get(folder) ?? buildModule(fileURLToPath(new URL(`../${folder}`, import.meta.url))).then(({ bundle }) => bundle);
  builds.set(folder, known);
  return known;
};

const samplerHost: HostFunctions = {
  vision: {
    findBlobs: (mask: Uint8Array, width: number, height: number) => [{ x: width / 3, y: height, area: mask.length, label: `${width}é` }],
    shade: (of: string, amount: number | null) => (of === 'dark' ? 200 : amount === null ? 3 : 4),
  },
};

describe('both builds of a module', { timeout: 120_000 }, () => {
  const functions = [
    'integers',
    'unsigned',
    'mixed',
    'conversions',
    'singles',
    'longs',
    'functions',
    'stores',
    'texts',
    'collections',
    'fills',
  ];
  it.each(functions)('agree bit by bit on numbers.%s', async (name) => {
    const bundle = await bundleOf('fixtures/modules/numbers');
    const { native, wasm } = await bothBuilds(bundle, {});
    const signature = bundle.manifest.functions.find((item) => item.name === name);
    // Text cut in the middle of a surrogate pair is mended only where it crosses a boundary, so pairs stay out of this comparison.
    const text = fc.string({ unit: fc.constantFrom(...'aAzZ ,;09é漢ß'), maxLength: 12 });
    const args = fc.tuple(...(signature?.parameters ?? []).map(({ type }) => (type.kind === 'string' ? text : valuesOf(type))));
    fc.assert(
      fc.property(args, (values) => {
        expect(outcomeOf(wasm, name, values)).toEqual(outcomeOf(native, name, values));
      }),
      { numRuns: RUNS, examples: name === 'integers' ? [[[0, -2147483648]]] : [] },
    );
  });

  it.each(['echo', 'area', 'moveAll', 'mix', 'label', 'refuse', 'regions'])('agree on sampler.%s', async (name) => {
    const bundle = await bundleOf('fixtures/modules/sampler');
    const { native, wasm } = await bothBuilds(bundle, samplerHost);
    const signature = bundle.manifest.functions.find((item) => item.name === name);
    const args = fc.tuple(...(signature?.parameters ?? []).map((parameter) => valuesOf(parameter.type)));
    fc.assert(
      fc.property(args, (values) => {
        expect(outcomeOf(wasm, name, values)).toEqual(outcomeOf(native, name, values));
      }),
      { numRuns: RUNS },
    );
  });

  it('keep equal state through any sequence of calls, and take over from each other at any point', async () => {
    const bundle = await bundleOf('fixtures/modules/sampler');
    const stateful = bundle.manifest.functions.filter((item) => item.stateful);
    const call = fc.oneof(
      ...stateful.map((item) =>
        fc.tuple(fc.constant(item.name), fc.tuple(...item.parameters.map((parameter) => valuesOf(parameter.type)))),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 12 }), fc.nat(12), async (calls, swapAt) => {
        let { native, wasm } = await bothBuilds(bundle, samplerHost);
        for (const [index, [name, args]] of calls.entries()) {
          if (index === swapAt) {
            const next = await bothBuilds(bundle, samplerHost);
            next.native.restore(wasm.snapshot());
            next.wasm.restore(native.snapshot());
            ({ native, wasm } = next);
          }
          expect(outcomeOf(wasm, name, args)).toEqual(outcomeOf(native, name, args));
        }
        expect(Buffer.from(wasm.snapshot()).equals(native.snapshot())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('agree on the reference kernels', async () => {
    const bundle = await bundleOf('../shared/modules/kernels');
    const { native, wasm } = await bothBuilds(bundle, {});
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 15 }),
        fc.int32Array(),
        fc.infiniteStream(fc.double()),
        (n, k, values, stream) => {
          const matrix = (): Float64Array => Float64Array.from({ length: n * n }, () => stream.next().value as number);
          const [a, b] = [matrix(), matrix()];
          expect(outcomeOf(wasm, 'matrixMultiply', [a, b, n])).toEqual(outcomeOf(native, 'matrixMultiply', [a, b, n]));
          expect(outcomeOf(wasm, 'matrixMultiply', [a, b, n + 1])).toEqual(outcomeOf(native, 'matrixMultiply', [a, b, n + 1]));
          expect(wasm.call('fibonacci', [k])).toBe(native.call('fibonacci', [k]));
          expect(wasm.call('insertionSort', [values])).toEqual(values.toSorted());
          expect(native.call('insertionSort', [values])).toEqual(values.toSorted());
        },
      ),
      { numRuns: 100 },
    );
  });
});
