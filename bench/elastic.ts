// A call with a 100 kB frame in and 1 kB out over loopback, beside a bare socket, gRPC and Cap'n Web; and what a call costs on board.
import { SystemClock } from '../shared/clock/system-clock.ts';
import { ElasticModule } from '../shared/elastic/elastic-module.ts';
import { atMost, quantile, type Bench } from './bench-result.ts';
import { bareClient, capnwebClient, grpcClient, outriderClient, startPeers, type CallClient } from './support/call-clients.ts';
import { ANSWER_BYTES, FRAME_BYTES, FRAME_MANIFEST, FrameInstance, type FrameHandle } from './support/frame-module.ts';

/** Rounds in which every client takes its turn, so that a busy machine is busy for all; the ratio is of each round. */
const ROUNDS = 30;
const CALLS_PER_ROUND = 60;
const WARM_UP_CALLS = 200;
const SETTLING_CALLS = 30;
const IN_FLIGHT = 64;
const PIPELINED_CALLS = 4000;

export const bench: Bench = {
  name: 'elastic',
  description: 'a call with 100 kB in and 1 kB out over loopback beside its peers; the overhead of a call on board',
  async run({ log }) {
    const peers = await startPeers();
    const { ports } = peers;
    const outrider = await outriderClient(ports.outrider);
    const clients = [outrider, await bareClient(ports.bare), grpcClient(ports.grpc), await capnwebClient(ports.capnweb)];
    // Many calls in flight first: the kernel sizes a connection's receive window by what passes, and one that stays below a frame's
    // size doubles every latency of that connection, whoever uses it.
    const pipelined = new Map<string, number>();
    for (const client of clients) pipelined.set(client.name, await measurePipelined(client));
    const latencies = await measureLatencies(clients, log);
    const bare = latencies['bare_socket'] as Latencies;
    const sections: Record<string, unknown> = {};
    for (const [name, { samplesMs }] of Object.entries(latencies)) {
      sections[name] = { p50_ms: quantile(samplesMs, 0.5), p99_ms: quantile(samplesMs, 0.99), calls: samplesMs.length };
    }
    const ratioTo = (name: string): number => {
      const other = latencies[name] as Latencies;
      return quantile(
        (latencies['outrider'] as Latencies).roundsMs.map((ms, round) => ms / (other.roundsMs[round] ?? Number.NaN)),
        0.5,
      );
    };
    for (const client of clients) {
      const section = sections[client.name] as Record<string, unknown>;
      section['calls_per_s_64_in_flight'] = pipelined.get(client.name);
    }
    const onboard = await measureOnboard();
    for (const client of clients) await client.close();
    await peers.stop();
    const toBare = ratioTo('bare_socket');
    return {
      results: {
        ...sections,
        onboard,
        p50_ratio_to_bare_socket: toBare,
        p50_ratio_to_grpc: ratioTo('grpc_js'),
        p50_ratio_to_capnweb: ratioTo('capnweb_ws'),
        bare_socket_p50_spread_ms: quantile(bare.roundsMs, 0.9) - quantile(bare.roundsMs, 0.1),
      },
      targets: {
        p50_ratio_to_bare_socket: atMost(toBare, 1.5),
        p50_ratio_to_grpc: atMost(ratioTo('grpc_js'), 1),
        p50_ratio_to_capnweb: atMost(ratioTo('capnweb_ws'), 1),
        onboard_overhead_us: atMost(onboard.overhead_us, 10),
      },
    };
  },
};

interface Latencies {
  readonly samplesMs: number[];
  /** Median of each round. */
  readonly roundsMs: number[];
}

async function measureLatencies(clients: readonly CallClient[], log: (line: string) => void): Promise<Record<string, Latencies>> {
  const frame = Buffer.alloc(FRAME_BYTES, 1);
  for (const client of clients) {
    for (let call = 0; call < WARM_UP_CALLS; call += 1) {
      const bytes = await client.call(frame);
      if (bytes !== ANSWER_BYTES) throw new Error(`${client.name} answered ${bytes} bytes`);
    }
  }
  const latencies: Record<string, Latencies> = Object.fromEntries(clients.map(({ name }) => [name, { samplesMs: [], roundsMs: [] }]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const client of clients) {
      const samplesMs: number[] = [];
      // Nobody pays for the garbage and the cold caches that the client before left behind.
      for (let call = 0; call < SETTLING_CALLS; call += 1) await client.call(frame);
      for (let call = 0; call < CALLS_PER_ROUND; call += 1) {
        const started = performance.now();
        await client.call(frame);
        samplesMs.push(performance.now() - started);
      }
      latencies[client.name]?.samplesMs.push(...samplesMs);
      latencies[client.name]?.roundsMs.push(quantile(samplesMs, 0.5));
    }
    if (round % 10 === 9) log(`  round ${round + 1} of ${ROUNDS}`);
  }
  return latencies;
}

/** Calls per second with 64 under way. */
async function measurePipelined(client: CallClient): Promise<number> {
  const frame = Buffer.alloc(FRAME_BYTES, 1);
  let left = PIPELINED_CALLS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await client.call(frame);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return PIPELINED_CALLS / ((performance.now() - started) / 1000);
}

/** What `await handle.detect(frame)` costs on board beyond awaiting the function itself. */
async function measureOnboard(): Promise<{ readonly direct_us: number; readonly elastic_us: number; readonly overhead_us: number }> {
  const instance = new FrameInstance();
  const createLocal = (): Promise<FrameInstance> => Promise.resolve(instance);
  const module = new ElasticModule<FrameHandle>({
    manifest: FRAME_MANIFEST,
    channelId: 'onboard',
    clock: new SystemClock(),
    site: null,
    createLocal,
  });
  await module.start();
  const frame = new Uint8Array(FRAME_BYTES);
  const args = [frame];
  const direct = (): Promise<unknown> => Promise.resolve(instance.call('detect', args));
  const elastic = (): Promise<unknown> => module.handle.detect(frame);
  const timeUs = async (call: () => Promise<unknown>): Promise<number> => {
    const calls = 20_000;
    const started = performance.now();
    for (let index = 0; index < calls; index += 1) await call();
    return ((performance.now() - started) * 1000) / calls;
  };
  const samples = { direct: [] as number[], elastic: [] as number[] };
  for (let round = 0; round < 11; round += 1) {
    samples.direct.push(await timeUs(direct));
    samples.elastic.push(await timeUs(elastic));
  }
  await module.close();
  const direct_us = quantile(samples.direct, 0.5);
  const elastic_us = quantile(samples.elastic, 0.5);
  return { direct_us, elastic_us, overhead_us: elastic_us - direct_us };
}
