// Time per frame of one detector in four places: its network alone, natively, in the sandbox with inference by the host, and portably.
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { HostFunctions } from '../../shared/elastic/module-instance.ts';
import { OnnxRuntimeEngine } from '../../shared/inference/onnxruntime-engine.ts';
import type { NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import { quantile } from '../bench-result.ts';

export interface Speeds {
  /** Medians [ms]. */
  readonly network_ms: number;
  readonly native_frame_ms: number;
  readonly guest_frame_ms: number;
  readonly guest_own_ms: number;
  readonly web_network_ms: number;
  /** Of the network's time in the portable engine, against onnxruntime-node. */
  readonly web_times_slower: number;
  /** The share of a frame's time that the sandbox adds. */
  readonly guest_overhead_fraction: number;
  readonly guest_memory_bytes: number;
  readonly web_rss_bytes: number;
  readonly node_rss_bytes: number;
}

interface SpeedOptions {
  readonly bundle: ModuleBundle;
  readonly host: HostFunctions;
  readonly network: Uint8Array;
  readonly frame: NeuralFrame;
  readonly size: { readonly width: number; readonly height: number };
  readonly rounds: number;
}

/** All on one thread of the engine, interleaved, so that the machine's moods meet everyone. */
export async function measureSpeeds({ bundle, host, network, frame, size: { width, height }, rounds }: SpeedOptions): Promise<Speeds> {
  const dimensions = [1, 3, height, width];
  const data = new Float32Array(3 * height * width).fill(0.4);
  const rss = (): number => process.memoryUsage().rss;
  const beforeNode = rss();
  const engine = await OnnxRuntimeEngine.create({ provider: 'cpu', threads: 1 });
  const graph = await engine.load(network, 'hazards');
  const input = graph.inputs[0]?.name ?? '';
  await graph.run([{ name: input, dimensions, data }]);
  const afterNode = rss();
  const web = await import('onnxruntime-web/wasm');
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(network, { executionProviders: ['wasm'] });
  await session.run({ [input]: new web.Tensor('float32', data, dimensions) });
  const afterWeb = rss();

  let computeMs = 0;
  const nn = host['nn'] as { compute: (...args: unknown[]) => unknown };
  const watched = {
    ...host,
    nn: {
      ...nn,
      compute: (...args: unknown[]): unknown => {
        const startedMs = performance.now();
        const outputs = nn.compute(...args);
        computeMs = performance.now() - startedMs;
        return outputs;
      },
    },
  } as unknown as HostFunctions;
  const native = await instantiateNative(bundle, watched);
  const guest = await (await compileWasm(bundle)).instantiate(watched);
  const times = { network: [] as number[], native: [] as number[], guest: [] as number[], own: [] as number[], web: [] as number[] };
  for (let round = 0; round < rounds + 3; round += 1) {
    const marks: [keyof typeof times, () => unknown][] = [
      ['network', () => graph.run([{ name: input, dimensions, data }])],
      ['native', () => native.call('detect', [frame])],
      ['guest', () => guest.call('detect', [frame])],
      ['web', () => session.run({ [input]: new web.Tensor('float32', data, dimensions) })],
    ];
    for (const [name, work] of marks) {
      const startedMs = performance.now();
      await work();
      const tookMs = performance.now() - startedMs;
      // The first rounds warm up compilers and caches.
      if (round < 3) continue;
      times[name].push(tookMs);
      if (name === 'guest') times.own.push(tookMs - computeMs);
    }
  }
  await graph.close();
  await session.release();
  const median = (samples: readonly number[]): number => quantile(samples, 0.5);
  return {
    network_ms: median(times.network),
    native_frame_ms: median(times.native),
    guest_frame_ms: median(times.guest),
    guest_own_ms: median(times.own),
    web_network_ms: median(times.web),
    web_times_slower: median(times.web) / median(times.network),
    guest_overhead_fraction: 1 - median(times.native) / median(times.guest),
    guest_memory_bytes: guest.memoryBytes(),
    node_rss_bytes: afterNode - beforeNode,
    web_rss_bytes: afterWeb - afterNode,
  };
}
