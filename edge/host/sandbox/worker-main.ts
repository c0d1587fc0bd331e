// Entry of a sandbox worker: runs one module instance with its shell and its own data-plane listener. The guest gets no ambient
// authority: what it can reach are the granted host functions. The worker waits warm until it is told what to run.
import { ownThreadId } from './thread-priority.ts';
import { parentPort, workerData } from 'node:worker_threads';
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';
import { serviceClient } from '../../../shared/services/service-bridge.ts';
import { fromWireError, toWireError } from '../../../shared/wire-error.ts';
import { hostFunctionRegistry } from '../host-functions/registry.ts';
import { compiledModule } from './compiled-module.ts';
import { watched } from './call-watch.ts';
import { Entrance } from './entrance.ts';
import { liveClock } from './live-ports.ts';
import { PacedEffects } from './paced-effects.ts';
import { rehearse } from './rehearsal.ts';
import { runInstance, type RunningInstance } from './run-instance.ts';
import { PortTransport } from './port-transport.ts';
import { type FromWorker, given, type ToWorker, type WorkerEnvironment } from './worker-messages.ts';

const STATS_PERIOD_SEC = 1;

const port = parentPort;
if (port === null) throw new Error('worker-main runs in a worker thread');
const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const clock = liveClock();
const stores = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
let running: RunningInstance | null = null;
let entrance: Entrance | null = null;
let count = 0;

async function start(message: Extract<ToWorker, { type: 'start' }>): Promise<void> {
  const { environment, watch } = message;
  const { stores: storing, ...options } = message.start;
  const module = compiledModule(message.digest, message.module);
  // Here already: a flood of messages would fill the memory of the main thread before it could object.
  const effects = new PacedEffects({ clock, perSec: options.limits.effectsPerSec, put: (effect) => post({ type: 'effect', effect }) });
  const storeCheckpoint = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = ++count;
      stores.set(id, { resolve, reject });
      post({ type: 'store', id, bytes });
    });
  const served = Object.fromEntries(
    Object.entries(message.services).map(([name, line]) => [name, () => serviceClient(line, functionsOf(module.manifest, name))]),
  );
  entrance ??= await Entrance.open(environment);
  entrance.show(environment.tls);
  running = await runInstance(
    module,
    {
      ...options,
      storeCheckpoint: storing ? storeCheckpoint : null,
      onActivated: () => post({ type: 'activated' }),
      onRetired: (reason, left) => {
        effects.end();
        post({ type: 'retired', reason, left }, given(left));
      },
      onFailed: (error) => post({ type: 'failed', failure: toWireError(error) }),
      onEffect: (effect) => effects.take(effect),
    },
    {
      site: environment.site,
      clock,
      dataPlane: entrance,
      registry: { ...hostFunctionRegistry(), ...served },
      guard: (instance) => watched(instance, watch),
    },
  );
  clock.every(STATS_PERIOD_SEC, () => {
    if (running !== null) post({ type: 'stats', stats: running.stats() });
  });
  post({ type: 'started', address: running.address, threadId: ownThreadId(), failure: null });
}

function functionsOf(manifest: ModuleManifest, interfaceName: string): string[] {
  return manifest.hostInterfaces.filter(({ name }) => name === interfaceName).flatMap(({ functions }) => functions.map(({ name }) => name));
}

function answer(id: number, work: Promise<Uint8Array> | undefined): void {
  (work ?? Promise.reject(new Error('nothing runs here'))).then(
    (bytes) => post({ type: 'answered', id, bytes, failure: null }),
    (error: unknown) => post({ type: 'answered', id, bytes: null, failure: toWireError(error) }),
  );
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'start':
      start(message).catch((error: unknown) => post({ type: 'started', address: null, failure: toWireError(error) }));
      break;
    case 'freeze':
      answer(message.id, running?.freeze());
      break;
    case 'invoke':
      answer(message.id, running?.invoke(message.functionName, message.args));
      break;
    case 'stored': {
      const waiting = stores.get(message.id);
      stores.delete(message.id);
      if (message.failure === null) waiting?.resolve();
      else waiting?.reject(fromWireError(message.failure));
      break;
    }
    case 'accept': {
      const transport = new PortTransport(message.port, message.description, message.peer);
      if (running === null) transport.close();
      else running.accept(transport);
      break;
    }
    case 'revoke':
      running?.revoke(message.rovers);
      break;
    case 'renew':
      entrance?.show(message.tls);
      break;
    case 'close':
      void (running?.close() ?? Promise.resolve()).then(() => entrance?.close()).finally(() => post({ type: 'closed' }));
      break;
  }
});

// What is wrong with the address or the certificate is told to whoever starts an instance here.
entrance = await Entrance.open(workerData as WorkerEnvironment).catch(() => null);
if (entrance !== null) await rehearse(clock, entrance).catch(() => undefined);
post({ type: 'ready' });
