// The sandbox of real sites: one worker thread per instance, its data-plane socket ending in that worker, ended when a call takes too long.
import type { Worker } from 'node:worker_threads';
import { OutriderError } from '../../../shared/errors.ts';
import { type Logger, SILENT_LOGGER } from '../../../shared/ports/logger.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import type { ServiceLine } from '../../../shared/services/service-bridge.ts';
import { ServiceThreads, type ServiceSettings } from '../../../shared/services/service-threads.ts';
import { fromWireError, toWireError } from '../../../shared/wire-error.ts';
import { CallWatch, newWatchCell } from './call-watch.ts';
import { IdleClass } from './idle-class.ts';
import { CachingLoader, type ModuleLoader, type RunnableModule } from './module-loader.ts';
import { type InstanceStart, type InstanceStats, type LoadedModule, NO_STATS, type Sandbox, type SandboxedInstance } from './sandbox.ts';
import { type FromWorker, given, type ToWorker, type WorkerEnvironment, type WorkerTls } from './worker-messages.ts';
import { carryToPort } from './port-transport.ts';
import { HogWatch } from './thread-priority.ts';
import { WorkerPool } from './worker-pool.ts';

export interface WorkerSandboxOptions extends WorkerEnvironment {
  readonly loader: ModuleLoader;
  /** Workers that wait warm; default 2. */
  readonly spareWorkers?: number;
  /** For the threads that serve host functions. */
  readonly services?: ServiceSettings;
  readonly logger?: Logger;
}

/** How often deadlines and hogs are looked for [ms]. */
const WATCH_PERIOD_MS = 10;
/** How long an instance may take to start, or to close on request, before its worker is ended [ms]. */
const START_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1000;

export class WorkerSandbox implements Sandbox {
  readonly #options: WorkerSandboxOptions;
  readonly #pool: WorkerPool;
  readonly #loader: CachingLoader;
  readonly #running = new Set<WorkerInstance>();
  readonly #services: ServiceThreads;
  readonly #idleClass: IdleClass;
  readonly #watchdog: NodeJS.Timeout;

  constructor(options: WorkerSandboxOptions) {
    this.#options = options;
    const { logger = SILENT_LOGGER } = options;
    const onFallback = (why: string): void => logger.warn({ why }, 'a hog gets the lowest nice value, for it cannot be made idle work');
    this.#idleClass = new IdleClass({ onFallback });
    this.#pool = new WorkerPool({ spare: options.spareWorkers ?? 2, environment: () => environmentOf(this.#options) });
    this.#loader = new CachingLoader(options.loader);
    this.#services = new ServiceThreads(options.services ?? {});
    this.#watchdog = setInterval(() => {
      const nowMs = performance.now();
      for (const instance of this.#running) instance.watch(nowMs);
    }, WATCH_PERIOD_MS);
    this.#watchdog.unref();
  }

  /** Resolves when spare workers and the threads of these host functions are warm. */
  async warm(grants: readonly string[]): Promise<void> {
    await Promise.all([this.#pool.warm(), this.#services.warm(grants)]);
  }

  /** What computes networks here beside the CPU, or null. */
  async accelerator(grants: readonly string[]): Promise<string | null> {
    if (!grants.includes('nn')) return null;
    const facts = (await this.#services.facts('nn').catch(() => null)) as { readonly accelerator?: string | null } | null;
    return facts?.accelerator ?? null;
  }

  cached(digest: string): LoadedModule | null {
    return this.#loader.cached(digest);
  }

  load(digest: string, bundle: Uint8Array): Promise<LoadedModule> {
    return this.#loader.load(digest, bundle);
  }

  async start(module: LoadedModule, options: InstanceStart): Promise<SandboxedInstance> {
    const worker = await this.#pool.take();
    const instance = new WorkerInstance(worker, options, this.#idleClass, () => this.#running.delete(instance));
    this.#running.add(instance);
    const imported = module.manifest.hostInterfaces.map(({ name }) => name).filter((name) => options.grants.includes(name));
    await instance.begin(module as RunnableModule, this.#options, this.#services.connect(imported, options.rover ?? options.instance));
    return instance;
  }

  /** Instances show this certificate to whoever connects from now on. */
  renew(tls: WorkerTls): void {
    for (const instance of this.#running) instance.renew(tls);
  }

  async close(): Promise<void> {
    clearInterval(this.#watchdog);
    await Promise.all([...this.#running].map((instance) => instance.close()));
    await this.#pool.close();
    await this.#services.close();
    this.#idleClass.close();
  }
}

class WorkerInstance implements SandboxedInstance {
  readonly #worker: Worker;
  readonly #options: InstanceStart;
  readonly #idleClass: IdleClass;
  readonly #ended: () => void;
  readonly #cell = newWatchCell();
  readonly #watch: CallWatch;
  readonly #asked = new Map<number, { readonly resolve: (bytes: Uint8Array) => void; readonly reject: (error: Error) => void }>();
  #address: string | null = null;
  #hog: HogWatch | null = null;
  #stats: InstanceStats = NO_STATS;
  #over = false;
  #started: ((failure: Error | null) => void) | null = null;
  #closed: (() => void) | null = null;
  #count = 0;

  constructor(worker: Worker, options: InstanceStart, idleClass: IdleClass, ended: () => void) {
    this.#worker = worker;
    this.#options = options;
    this.#idleClass = idleClass;
    this.#ended = ended;
    this.#watch = new CallWatch(this.#cell, options.limits.callDeadlineSec * 1000);
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#fail(crashOf(error)));
    worker.on('exit', () => this.#fail(new OutriderError('OUT_MODULE_TRAP', `the worker of ${options.instance} ended unexpectedly`)));
  }

  get addresses(): readonly string[] {
    return this.#address === null ? [] : [this.#address];
  }

  get stats(): InstanceStats {
    return this.#stats;
  }

  async begin(module: RunnableModule, environment: WorkerEnvironment, services: Readonly<Record<string, ServiceLine>>): Promise<void> {
    const { onActivated: _a, onRetired: _r, onFailed: _f, onEffect: _e, storeCheckpoint, ...plain } = this.#options;
    const started = new Promise<void>((resolve, reject) => {
      this.#started = (failure) => (failure === null ? resolve() : reject(failure));
    });
    const timeout = setTimeout(
      () => this.#fail(new OutriderError('OUT_EDGE_DEADLINE', 'the instance did not start in time')),
      START_TIMEOUT_MS,
    );
    const message: ToWorker = {
      type: 'start',
      digest: module.digest,
      module: module.transferable,
      start: { ...plain, stores: storeCheckpoint !== null },
      watch: this.#cell,
      environment: environmentOf(environment),
      services,
    };
    this.#worker.postMessage(message, [...Object.values(services).map((line) => line.port), ...given(plain.held)]);
    await started.finally(() => clearTimeout(timeout));
  }

  /** Called periodically: ends the worker when its guest does not come back. */
  watch(nowMs: number): void {
    if (this.#over) return;
    const overdue = this.#watch.overdue(nowMs);
    this.#hog?.look(this.#watch.inGuest, nowMs);
    if (!overdue) return;
    const { instance, limits } = this.#options;
    this.#fail(new OutriderError('OUT_EDGE_DEADLINE', `a call of ${instance} ran longer than ${limits.callDeadlineSec} s`));
  }

  freeze(): Promise<Uint8Array> {
    if (this.#over) return Promise.reject(new OutriderError('OUT_ELASTIC_RETIRED', `${this.#options.instance} has ended`));
    return this.#ask((id) => ({ type: 'freeze', id }));
  }

  invoke(functionName: string, args: Uint8Array): Promise<Uint8Array> {
    if (this.#over) return Promise.reject(new OutriderError('OUT_ELASTIC_RETIRED', `${this.#options.instance} has ended`));
    return this.#ask((id) => ({ type: 'invoke', id, functionName, args }));
  }

  accept(transport: Transport): void {
    if (this.#over) return transport.close();
    const port = carryToPort(transport);
    const message: ToWorker = { type: 'accept', port, description: transport.description, peer: transport.provenPeer ?? null };
    this.#worker.postMessage(message, [port]);
    return undefined;
  }

  revoke(rovers: readonly string[]): void {
    if (!this.#over) this.#post({ type: 'revoke', rovers });
  }

  renew(tls: WorkerTls): void {
    if (!this.#over) this.#post({ type: 'renew', tls });
  }

  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const goodbye = new Promise<void>((resolve) => (this.#closed = resolve));
    this.#post({ type: 'close' });
    const patience = setTimeout(() => this.#closed?.(), CLOSE_TIMEOUT_MS);
    await goodbye;
    clearTimeout(patience);
    await this.#end();
  }

  #ask(message: (id: number) => ToWorker): Promise<Uint8Array> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post(message(id));
    });
  }

  #receive(message: FromWorker): void {
    const { onActivated, onRetired, onEffect } = this.#options;
    if (message.type === 'closed') this.#closed?.();
    if (this.#over) return;
    switch (message.type) {
      case 'started':
        if (message.failure === null) {
          this.#address = message.address;
          this.#watchThread(message.threadId);
          this.#started?.(null);
        } else {
          this.#over = true;
          this.#started?.(fromWireError(message.failure));
          void this.#end();
        }
        break;
      case 'store':
        void this.#store(message.id, message.bytes);
        break;
      case 'answered': {
        const waiting = this.#asked.get(message.id);
        this.#asked.delete(message.id);
        if (message.bytes !== null) waiting?.resolve(message.bytes);
        else waiting?.reject(fromWireError(message.failure ?? { code: 'OUT_INTERNAL', message: 'no answer' }));
        break;
      }
      case 'effect':
        onEffect(message.effect);
        break;
      case 'activated':
        onActivated();
        break;
      case 'retired':
        onRetired(message.reason, message.left);
        break;
      case 'failed':
        this.#fail(fromWireError(message.failure));
        break;
      case 'stats':
        this.#stats = message.stats;
        break;
      case 'ready':
      case 'closed':
        break;
    }
  }

  #watchThread(threadId: number | null): void {
    if (threadId !== null) this.#hog = new HogWatch(threadId, this.#idleClass);
  }

  async #store(id: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#options.storeCheckpoint?.(bytes);
      this.#post({ type: 'stored', id, failure: null });
    } catch (error) {
      this.#post({ type: 'stored', id, failure: toWireError(error) });
    }
  }

  /** Over, without its consent: the thread is ended, whoever waits is told, the host drops the instance. */
  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    for (const { reject } of this.#asked.values()) reject(error);
    const starting = this.#address === null;
    void this.#end();
    if (starting) this.#started?.(error);
    else this.#options.onFailed(error);
  }

  async #end(): Promise<void> {
    this.#ended();
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

const environmentOf = ({ site, bindHost, advertisedHost, tls }: WorkerEnvironment): WorkerEnvironment => ({
  site,
  bindHost,
  advertisedHost,
  tls,
});

function crashOf(error: Error): OutriderError {
  const outOfMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
  return new OutriderError(outOfMemory ? 'OUT_EDGE_LIMIT' : 'OUT_MODULE_TRAP', `the worker of the instance crashed: ${error.message}`, {
    cause: error,
  });
}
