// An on-board instance in a thread of its own: the loop that drives the rover goes on while a frame is prepared, computed and read.
// The thread runs the build that the manifest names for on board; what it asks of `nn`, `image` or `vision` is answered by their threads.
import { Worker } from 'node:worker_threads';
import type { ModuleBundle } from '../elastic/bundle.ts';
import type { LocalRunner } from '../elastic/local-runner.ts';
import type { CapturedState } from '../elastic/state-form.ts';
import { OutriderError } from '../errors.ts';
import { fromWireError, type WireError } from '../wire-error.ts';
import { builtFile } from './built-file.ts';
import type { ServiceLine } from './service-bridge.ts';

/** What the thread is started with. */
export interface RunnerData {
  readonly bundle: ModuleBundle;
  /** One for each host interface of the module. */
  readonly lines: Readonly<Record<string, ServiceLine>>;
}

export type RunnerRequest =
  | { readonly id: number; readonly kind: 'call'; readonly functionName: string; readonly args: readonly unknown[] }
  | { readonly id: number; readonly kind: 'capture' }
  | { readonly id: number; readonly kind: 'restore'; readonly state: CapturedState };

/** The first answer has the id 0: the instance is there, or why it is not. */
export interface RunnerAnswer {
  readonly id: number;
  readonly value: unknown;
  readonly failure: WireError | null;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** Frames are garbage at once; a small nursery gives their memory back soon. */
const SMALL_HEAP = { maxYoungGenerationSizeMb: 4 };
const ENTRY = new URL(`./thread-runner-main${import.meta.url.slice(-3)}`, import.meta.url).href;

/** Starts the thread; resolves when the instance is made. Rejects as `instantiateOnboard` does. */
export async function startThreadRunner({ bundle, lines }: RunnerData): Promise<LocalRunner> {
  const ports = Object.values(lines).map(({ port }) => port);
  const workerData: RunnerData = { bundle, lines };
  const worker = new Worker(builtFile(ENTRY), { env: {}, execArgv: [], workerData, transferList: ports, resourceLimits: SMALL_HEAP });
  const runner = new ThreadRunner(worker, bundle);
  await runner.ready;
  worker.unref();
  return runner;
}

class ThreadRunner implements LocalRunner {
  readonly build: LocalRunner['build'];
  readonly ready: Promise<unknown>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  #ended: Error | null = null;

  constructor(worker: Worker, { manifest }: ModuleBundle) {
    this.build = manifest.onboard;
    this.#worker = worker;
    this.ready = new Promise((resolve, reject) => this.#pending.set(0, { resolve, reject }));
    worker.on('message', ({ id, value, failure }: RunnerAnswer) => {
      const waiting = this.#pending.get(id);
      this.#pending.delete(id);
      if (this.#pending.size === 0) worker.unref();
      if (failure === null) waiting?.resolve(value);
      else waiting?.reject(fromWireError(failure));
    });
    // As after a trap: the instance is gone with its thread, and whoever holds it makes a new one.
    const end = (why: string): void => {
      this.#ended ??= new OutriderError('OUT_MODULE_TRAP', `the thread of ${manifest.name} ended: ${why}`);
      for (const { reject } of this.#pending.values()) reject(this.#ended);
      this.#pending.clear();
    };
    worker.on('error', (error) => end(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => end(`exit code ${code}`));
  }

  call(functionName: string, args: readonly unknown[]): Promise<unknown> {
    return this.#ask({ kind: 'call', functionName, args });
  }

  capture(): Promise<CapturedState> {
    return this.#ask({ kind: 'capture' }) as Promise<CapturedState>;
  }

  async restore(state: CapturedState): Promise<void> {
    await this.#ask({ kind: 'restore', state });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Unnumbered<RunnerRequest>): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // A process may end while nothing is asked, not while an answer is awaited.
      this.#worker.ref();
      this.#worker.postMessage({ ...request, id });
    });
  }
}
