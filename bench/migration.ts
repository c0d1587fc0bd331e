// The pause that a caller at 50 calls/s sees while a module's state moves onboard → edge → other host → onboard; hosts are threads, reached over TCP.
import { Worker } from 'node:worker_threads';
import { SystemClock } from '../shared/clock/system-clock.ts';
import { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { MoveReport } from '../shared/elastic/module-events.ts';
import type { PrepareOptions, PrepareResult, RemoteEndpoint, RemoteSite } from '../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../shared/elastic/transports/tcp.ts';
import { atMost, quantile, type Bench } from './bench-result.ts';
import { BALLAST_MANIFEST, BallastInstance, type BallastHandle } from './support/frame-module.ts';
import type { HostOrder } from './support/migration-host.ts';

const CALL_PERIOD_MS = 20;
const TOURS = 12;
const MIB = 1024 * 1024;

export const bench: Bench = {
  name: 'migration',
  description: 'the pause seen by a caller at 50 calls/s while 1 MB and 16 MB of state move onboard → edge → other host → onboard',
  async run({ log }) {
    const small = await measure(1 * MIB, log);
    const large = await measure(16 * MIB, log);
    return {
      results: { state_1mb: small.figures, state_16mb: large.figures },
      targets: { pause_1mb_p50_ms: atMost(small.pauseMs, 10), pause_16mb_p50_ms: atMost(large.pauseMs, 60) },
    };
  },
};

/** Two hosts, each a thread with its own event loop and sockets. */
class BenchSite implements RemoteSite {
  readonly reachable = true;
  readonly #hosts = new Map<string, Worker>();
  readonly #plane = new TcpDataPlane();
  #count = 0;

  constructor() {
    for (const hostId of ['host-a', 'host-b']) {
      this.#hosts.set(
        hostId,
        new Worker(new URL(`./support/migration-host${import.meta.url.slice(-3)}`, import.meta.url), { workerData: { hostId } }),
      );
    }
  }

  async prepare(_manifest: unknown, { epoch, excludeHost }: PrepareOptions): Promise<PrepareResult> {
    const [hostId, worker] = [...this.#hosts].find(([id]) => id !== excludeHost) as [string, Worker];
    this.#count += 1;
    const instanceId = `instance-${this.#count}`;
    const address = await new Promise<string>((resolve) => {
      const onMessage = (message: { readonly instanceId: string; readonly address: string }): void => {
        if (message.instanceId !== instanceId) return;
        worker.off('message', onMessage);
        resolve(message.address);
      };
      worker.on('message', onMessage);
      worker.postMessage({ instanceId, epoch, release: false } satisfies HostOrder);
    });
    const endpoint: RemoteEndpoint = { hostId, instanceId, epoch, token: hostId, connect: () => this.#plane.connect(address) };
    const report = { hostId, stepsMs: {}, bundleBytesSent: 0, warm: true };
    return { kind: 'prepared', endpoint, abandon: () => this.release(endpoint), report };
  }

  locate(): Promise<null> {
    return Promise.resolve(null);
  }

  release({ hostId, instanceId, epoch }: RemoteEndpoint): Promise<void> {
    this.#hosts.get(hostId)?.postMessage({ instanceId, epoch, release: true } satisfies HostOrder);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const worker of this.#hosts.values()) await worker.terminate();
  }
}

interface Call {
  readonly startedMs: number;
  readonly latencyMs: number;
}

async function measure(
  ballastBytes: number,
  log: (line: string) => void,
): Promise<{ readonly figures: Record<string, unknown>; readonly pauseMs: number }> {
  const site = new BenchSite();
  const createLocal = (): Promise<BallastInstance> => Promise.resolve(new BallastInstance(ballastBytes));
  const options = { manifest: BALLAST_MANIFEST, channelId: 'rover', clock: new SystemClock(), site, createLocal };
  const module = new ElasticModule<BallastHandle>(options);
  await module.start();
  const calls: Call[] = [];
  const frame = new Uint8Array(1000);
  let answered = 0;
  let lastMs = performance.now();
  const call = async (): Promise<void> => {
    // From when the call was due: a thread that captures a state makes its caller late.
    const startedMs = Math.min(lastMs + CALL_PERIOD_MS, performance.now());
    lastMs = performance.now();
    answered = Math.max(answered, await module.handle.touch(frame));
    calls.push({ startedMs, latencyMs: performance.now() - startedMs });
  };
  const pending: Promise<void>[] = [];
  const ticker = setInterval(() => void pending.push(call()), CALL_PERIOD_MS);
  const moves: { readonly report: MoveReport; readonly fromMs: number; readonly toMs: number }[] = [];
  for (let tour = 0; tour <= TOURS; tour += 1) {
    for (const move of ['offload', 'handoff', 'recall'] as const) {
      await new Promise((resolve) => void setTimeout(resolve, 5 * CALL_PERIOD_MS));
      const fromMs = performance.now();
      const report = await module[move]();
      if (report.outcome !== 'moved') throw report.error ?? new Error(`${move}: ${report.outcome}`);
      // The first tour warms up.
      if (tour > 0) moves.push({ report, fromMs, toMs: performance.now() });
    }
  }
  await new Promise((resolve) => void setTimeout(resolve, 5 * CALL_PERIOD_MS));
  clearInterval(ticker);
  await Promise.all(pending);
  if (answered !== calls.length) throw new Error(`${calls.length} calls were made, the module counts ${answered}`);
  await module.close();
  await site.close();
  // A call that was under way during the move waits for what is left of the pause; the longest wait is the pause that the caller sees.
  const seen = moves.map(({ report, fromMs, toMs }) => ({
    kind: report.kind,
    pauseMs: Math.max(
      report.pauseMs,
      ...calls.filter((c) => c.startedMs < toMs && c.startedMs + c.latencyMs > fromMs).map((c) => c.latencyMs),
    ),
  }));
  const pauseMs = quantile(
    seen.map((move) => move.pauseMs),
    0.5,
  );
  const figures: Record<string, unknown> = {
    pause_p50_ms: pauseMs,
    pause_p99_ms: quantile(
      seen.map((move) => move.pauseMs),
      0.99,
    ),
    moves: seen.length,
    calls: calls.length,
  };
  for (const kind of ['offload', 'handoff', 'recall'] as const) {
    const own = moves.filter(({ report }) => report.kind === kind).map(({ report }) => report);
    const median = (of: (report: MoveReport) => number): number => quantile(own.map(of), 0.5);
    figures[kind] = {
      pause_p50_ms: quantile(
        seen.filter((move) => move.kind === kind).map((move) => move.pauseMs),
        0.5,
      ),
      held_p50_ms: median((report) => report.pauseMs),
      duration_p50_ms: median((report) => report.durationMs),
      bytes_ahead: median((report) => report.bytesAhead),
      bytes_in_pause: median((report) => report.bytesInPause),
    };
  }
  log(`  ${ballastBytes / MIB} MiB: ${pauseMs.toFixed(1)} ms`);
  return { figures, pauseMs };
}
