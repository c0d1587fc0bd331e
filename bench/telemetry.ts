// Telemetry of a thousand rovers through one broker: the embedded one, and beside it NATS and Mosquitto where they are installed.
import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { connectMqttBus } from '../shared/bus/mqtt-bus.ts';
import { atLeast, atMost, type Bench, quantile } from './bench-result.ts';
import { brokerProcess, ended, freePort, isInstalled } from './support/broker-process.ts';
import { processorSec, residentBytes } from './support/process-figures.ts';

const ROVERS = 1000;
const RATE_HZ = 5;
/** Of which the first part warms up [s]. */
const FULL: Load = { rovers: ROVERS, warmUpSec: 3, measuredSec: 10 };
const SUFFIX = import.meta.url.slice(-3);

interface Load {
  readonly rovers: number;
  readonly warmUpSec: number;
  readonly measuredSec: number;
}

interface RunningBroker {
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

export const bench: Bench = {
  name: 'telemetry',
  description: `${ROVERS} rovers at ${RATE_HZ} Hz through one broker to a dashboard: delivery, memory; side by side with other brokers`,
  run: async ({ log }) => {
    const brokers: [string, () => Promise<RunningBroker | null>][] = [
      ['embedded', embedded],
      ['nats', nats],
      ['mosquitto', mosquitto],
    ];
    const results: Record<string, unknown> = { rovers: ROVERS, rate_hz: RATE_HZ };
    let p99: number | null = null;
    let delivered: number | null = null;
    for (const [name, start] of brokers) {
      const broker = await start();
      if (broker === null) {
        results[name] = 'not installed';
        continue;
      }
      log(`${name} …`);
      try {
        const figures = await measure(broker, FULL);
        results[name] = figures;
        if (name === 'embedded') {
          p99 = figures.delivery_p99_ms;
          delivered = figures.delivered_fraction;
        }
      } finally {
        await broker.close();
      }
    }
    return { results, targets: { embedded_delivery_p99_ms: atMost(p99, 100), embedded_delivered_fraction: atLeast(delivered, 0.999) } };
  },
};

/** What rovers that publish at 5 Hz make of a broker. */
export async function measure({ port, pid }: RunningBroker, { rovers, warmUpSec, measuredSec }: Load) {
  const emptyBytes = await residentBytes(pid);
  const bus = await connectMqttBus({ url: `mqtt://127.0.0.1:${port}`, clientId: 'dashboard', keepAliveSec: 30 });
  const latenciesMs: number[] = [];
  let received = 0;
  let bytes = 0;
  let fromSec = Number.POSITIVE_INFINITY;
  await bus.subscribe('outrider/bench/rover/+/state', ({ payload }) => {
    received += 1;
    bytes += payload.byteLength;
    const { stampSec } = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as { stampSec: number };
    if (stampSec >= fromSec) latenciesMs.push(now() - stampSec * 1000);
  });
  const load = new Worker(new URL(`./support/telemetry-load${SUFFIX}`, import.meta.url), {
    workerData: { port, rovers, rateHz: RATE_HZ, seconds: warmUpSec + measuredSec },
  });
  const said = (type: string): Promise<{ readonly sent: number; readonly seconds: number }> =>
    new Promise((resolve, reject) => {
      load.on('message', (message: { type: string; sent: number; seconds: number }) => {
        if (message.type === type) resolve(message);
      });
      load.once('error', reject);
    });
  const end = said('sent');
  await said('connected');
  const processorBeforeSec = await processorSec(pid);
  fromSec = now() / 1000 + warmUpSec;
  const { sent, seconds } = await end;
  for (let waited = 0; waited < 5000 && received < sent; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
  const usedSec = (await processorSec(pid)) - processorBeforeSec;
  const fullBytes = await residentBytes(pid);
  load.postMessage('end');
  await bus.close();
  return {
    messages_per_sec: sent / seconds,
    bytes_per_message: bytes / Math.max(1, received),
    delivered_fraction: received / sent,
    delivery_p50_ms: quantile(latenciesMs, 0.5),
    delivery_p99_ms: quantile(latenciesMs, 0.99),
    delivery_max_ms: quantile(latenciesMs, 1),
    broker_processor_us_per_message: (usedSec / sent) * 1e6,
    memory_mb: fullBytes / 1e6,
    memory_per_rover_kb: (fullBytes - emptyBytes) / rovers / 1e3,
  };
}

const now = (): number => performance.timeOrigin + performance.now();

/** The embedded broker in a process of its own. */
export async function embedded(): Promise<RunningBroker> {
  const child = fork(new URL(`./support/telemetry-broker${SUFFIX}`, import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', (code) => reject(new Error(`the broker ended with ${code}`)));
  });
  return { port, pid: child.pid ?? 0, close: () => ended(child) };
}

async function nats(): Promise<RunningBroker | null> {
  const clientPort = await freePort();
  return installed('nats-server', (port, folder) => [
    'nats.conf',
    [
      'server_name: bench',
      `listen: 127.0.0.1:${clientPort}`,
      `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))} }`,
      `mqtt { listen: 127.0.0.1:${port} }`,
    ],
    (file) => ['-c', file],
  ]);
}

async function mosquitto(): Promise<RunningBroker | null> {
  return installed('mosquitto', (port) => [
    'mosquitto.conf',
    [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false'],
    (file) => ['-c', file],
  ]);
}

type Setup = (port: number, folder: string) => readonly [file: string, lines: readonly string[], args: (file: string) => string[]];

/** Starts a broker of the operating system's packages; null where it is not installed. */
async function installed(command: string, setup: Setup): Promise<RunningBroker | null> {
  if (!isInstalled(command)) return null;
  const folder = await mkdtemp(join(tmpdir(), 'outrider-bench-'));
  const port = await freePort();
  const [name, lines, args] = setup(port, folder);
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`);
  const broker = await brokerProcess(command, args(file), port);
  const close = async (): Promise<void> => {
    await broker.kill();
    await rm(folder, { recursive: true, force: true });
  };
  return { port, pid: broker.pid, close };
}
