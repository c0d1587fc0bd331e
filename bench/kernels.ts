// The three LAWOW programs: V8 running the TypeScript, the same source as our Wasm component, and JavaScript inside StarlingMonkey.
import { Bench as Tinybench } from 'tinybench';
import { readBundle } from '../shared/elastic/bundle.ts';
import { compileWasm, instantiateNative } from '../shared/elastic/instantiate.ts';
import type { ModuleInstance } from '../shared/elastic/module-instance.ts';
import { fibonacci, insertionSort, matrixMultiply } from '../shared/modules/kernels/kernels.ts';
import { atLeast, atMost, quantile, type Bench } from './bench-result.ts';
import { startStarlingMonkey, type KernelCalls } from './support/starlingmonkey.ts';

/** Rounds of which the median ratio is taken; each measures both sides one after the other. */
const ROUNDS = 7;
const FULL = { matrix: 500, fibonacci: 32, sort: 30_000 };
/** What StarlingMonkey does in seconds; ours is measured at the same sizes. */
const SMALL = { matrix: 120, fibonacci: 22, sort: 2000 };
const INSTANCES = 20;

/** The native build as a script of its own: what StarlingMonkey runs is what V8 runs. */
const asScript = (nativeBuild: string): string =>
  `const built = ((__host) => { ${nativeBuild} })({});\nconst { matrixMultiply, fibonacci, insertionSort } = built.functions;`;

type Sizes = typeof FULL;
type KernelName = keyof KernelCalls;
type Work = Readonly<Record<KernelName, readonly unknown[]>>;

function workOf(sizes: Sizes): Work {
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) | 0);
  const matrix = (): Float64Array => Float64Array.from({ length: sizes.matrix ** 2 }, () => next() / 2 ** 31);
  return {
    matrixMultiply: [matrix(), matrix(), sizes.matrix],
    fibonacci: [sizes.fibonacci],
    insertionSort: [Int32Array.from({ length: sizes.sort }, next)],
  };
}

/** Median milliseconds of each task; the tasks run in turn. */
async function measure(tasks: Readonly<Record<string, () => unknown>>, iterations: number): Promise<Record<string, number>> {
  const bench = new Tinybench({ time: 0, iterations, warmupIterations: 1, warmupTime: 0, throws: true, retainSamples: true });
  for (const [name, run] of Object.entries(tasks)) bench.add(name, () => void run());
  await bench.run();
  return Object.fromEntries(
    bench.tasks.map((task) => [task.name, task.result.state === 'completed' ? task.result.latency.p50 : Number.NaN]),
  );
}

const calls = (instance: ModuleInstance, name: KernelName, work: Work) => (): unknown => instance.call(name, work[name]);

/** Bytes of resident memory that one more instance adds, each having run once. */
async function instanceMemory(makeInstance: () => Promise<ModuleInstance>, work: Work): Promise<number> {
  const kept: ModuleInstance[] = [];
  const before = process.memoryUsage().rss;
  for (let index = 0; index < INSTANCES; index += 1) {
    const instance = await makeInstance();
    instance.call('insertionSort', work.insertionSort);
    kept.push(instance);
  }
  return (process.memoryUsage().rss - before) / kept.length;
}

export const bench: Bench = {
  name: 'kernels',
  description: 'matrix product n=500, Fibonacci 32, insertion sort of 30000: V8, our Wasm, StarlingMonkey',
  async run({ log }) {
    const bundle = await readBundle(new URL('../modules/kernels/', import.meta.url).pathname);
    const native = await instantiateNative(bundle, {});
    const compiled = await compileWasm(bundle);
    const wasm = await compiled.instantiate({});
    const plain: KernelCalls = { matrixMultiply, fibonacci, insertionSort };
    const full = workOf(FULL);
    const small = workOf(SMALL);
    const results: Record<string, unknown> = {};
    const targets: Record<string, ReturnType<typeof atMost>> = {};

    for (const name of ['matrixMultiply', 'fibonacci', 'insertionSort'] as const) {
      log(`${name}: V8 and Wasm, ${ROUNDS} rounds`);
      const run = plain[name] as (...args: readonly unknown[]) => unknown;
      const rounds: { plain: number; native: number; wasm: number }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        rounds.push(
          (await measure(
            { plain: () => run(...full[name]), native: calls(native, name, full), wasm: calls(wasm, name, full) },
            3,
          )) as (typeof rounds)[number],
        );
      }
      const median = (pick: (round: (typeof rounds)[number]) => number): number => quantile(rounds.map(pick), 0.5);
      // The faster of the two ways in which V8 runs the source counts as native.
      const ratio = median((round) => round.wasm / Math.min(round.plain, round.native));
      results[name] = {
        v8_source_ms: median((round) => round.plain),
        v8_native_build_ms: median((round) => round.native),
        wasm_ms: median((round) => round.wasm),
        wasm_per_native: ratio,
      };
      targets[`${name}_wasm_per_native`] = atMost(ratio, 1);
    }

    const monkey = await startStarlingMonkey(asScript(new TextDecoder().decode(bundle.files.get('native.js'))), log);
    const slower: number[] = [];
    for (const name of ['matrixMultiply', 'fibonacci', 'insertionSort'] as const) {
      const run = monkey.calls[name] as (...args: readonly unknown[]) => unknown;
      const times = await measure({ monkey: () => run(...small[name]), wasm: calls(wasm, name, small) }, 5);
      const ratio = (times['monkey'] ?? Number.NaN) / (times['wasm'] ?? Number.NaN);
      slower.push(ratio);
      results[`${name}_starlingmonkey`] = { starlingmonkey_ms: times['monkey'], wasm_ms: times['wasm'], starlingmonkey_per_wasm: ratio };
    }
    targets['starlingmonkey_per_wasm'] = atLeast(quantile(slower, 0.5), 40);

    const addedBytes = await instanceMemory(() => compiled.instantiate({}), small);
    targets['added_instance_mb'] = atMost(addedBytes / 1e6, 10);
    results['sizes'] = {
      component_bytes: bundle.manifest.builds.wasm.bytes,
      native_bytes: bundle.manifest.builds.native?.bytes ?? 0,
      starlingmonkey_component_bytes: monkey.componentBytes,
    };
    results['memory'] = { added_instance_bytes: addedBytes, guest_memory_bytes: wasm.memoryBytes() };
    results['sizes_measured'] = { full: FULL, starlingmonkey: SMALL };
    return { results, targets };
  },
};
