// Threads of a process that serve host functions to the instances' threads: started when first needed, started again when they crash.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { InferenceSettings } from '../inference/inference-settings.ts';
import { builtFile } from './built-file.ts';
import { CLOSE, type ServiceLine } from './service-bridge.ts';

/** What services are told when they start. */
export interface ServiceSettings {
  readonly inference?: InferenceSettings;
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** Interfaces that have a thread of their own, and its entry. */
const ENTRIES: Readonly<Record<string, string>> = {
  vision: new URL(`./vision-service.${extension}`, import.meta.url).href,
  image: new URL(`./image-service.${extension}`, import.meta.url).href,
  nn: new URL(`./nn-service.${extension}`, import.meta.url).href,
};

/** Longer than any network takes for a batch. */
const PATIENCE_MS = 10_000;

interface Thread {
  readonly worker: Worker;
  /** What the service said when it was ready. */
  readonly ready: Promise<unknown>;
}

export class ServiceThreads {
  readonly #settings: ServiceSettings;
  readonly #threads = new Map<string, Thread>();

  constructor(settings: ServiceSettings = {}) {
    this.#settings = settings;
  }

  /** Starts the services of these interfaces ahead of need; resolves when they are loaded, or cannot be: who calls them is told. */
  async warm(interfaces: readonly string[]): Promise<void> {
    await Promise.allSettled(interfaces.filter((name) => Object.hasOwn(ENTRIES, name)).map((name) => this.#thread(name).ready));
  }

  /** What a service said of itself when it was ready, e.g. its accelerator; starts it where needed. */
  facts(name: string): Promise<unknown> {
    return this.#thread(name).ready;
  }

  /** Lines for one instance of `caller`: one per served interface among `interfaces`. */
  connect(interfaces: readonly string[], caller: string): Readonly<Record<string, ServiceLine>> {
    const lines: Record<string, ServiceLine> = {};
    for (const name of interfaces) {
      if (!Object.hasOwn(ENTRIES, name)) continue;
      const { port1, port2 } = new MessageChannel();
      const cell = new Int32Array(new SharedArrayBuffer(4));
      this.#thread(name).worker.postMessage({ port: port1, cell, caller } satisfies ServiceLine, [port1]);
      lines[name] = { port: port2, cell, caller };
    }
    return lines;
  }

  async close(): Promise<void> {
    const threads = [...this.#threads.values()];
    this.#threads.clear();
    await Promise.all(threads.map(({ worker }) => end(worker)));
  }

  #thread(name: string): Thread {
    let thread = this.#threads.get(name);
    if (thread === undefined) {
      const worker = new Worker(builtFile(ENTRIES[name] ?? ''), { env: {}, execArgv: [], workerData: this.#settings });
      worker.unref();
      const ready = new Promise<unknown>((resolve, reject) => {
        worker.once('message', (message: { readonly facts?: unknown }) => resolve(message.facts ?? null));
        worker.once('error', reject);
        worker.once('exit', () => reject(new Error(`the service ${name} ended while it started`)));
      });
      ready.catch(() => undefined);
      const started = { worker, ready };
      const forget = (): void => {
        if (this.#threads.get(name) === started) this.#threads.delete(name);
      };
      worker.on('error', forget);
      worker.on('exit', forget);
      this.#threads.set(name, started);
      thread = started;
    }
    return thread;
  }
}

/** Lets a thread finish what it computes; one that does not listen is terminated. */
async function end(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.ref();
  worker.postMessage(CLOSE);
  const patience = setTimeout(() => void worker.terminate(), PATIENCE_MS);
  await ended;
  clearTimeout(patience);
}
