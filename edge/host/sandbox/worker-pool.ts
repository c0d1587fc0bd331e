// Warm workers: started and loaded ahead of time, because starting one takes longer than everything else in a warm offload.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../shared/services/built-file.ts';
import type { FromWorker, WorkerEnvironment } from './worker-messages.ts';

export interface WorkerPoolOptions {
  /** Workers that wait warm. */
  readonly spare: number;
  /** Heap of the trusted JavaScript in a worker [MiB]; the guest's memory is bounded in its own code. */
  readonly heapMb?: number;
  /** Where a worker listens for its instance, and with which certificate at the moment. */
  readonly environment: () => WorkerEnvironment;
}

/** How long after a worker was taken the next one is started [ms]: starting one would slow the move that the first was taken for. */
const REFILL_MS = 150;

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url).href;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #spare: Promise<Worker>[] = [];
  #closed = false;
  #refilling: NodeJS.Timeout | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#refill();
  }

  /** A loaded worker; another one is started in its place a little later. */
  take(): Promise<Worker> {
    clearTimeout(this.#refilling);
    this.#refilling = setTimeout(() => this.#refill(), REFILL_MS);
    return this.#spare.shift() ?? this.#spawn();
  }

  /** Resolves when the spare workers are warm. */
  async warm(): Promise<void> {
    await Promise.all(this.#spare);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refilling);
    const workers = await Promise.allSettled(this.#spare.splice(0));
    await Promise.all(workers.flatMap((result) => (result.status === 'fulfilled' ? [result.value.terminate()] : [])));
  }

  #refill(): void {
    while (!this.#closed && this.#spare.length < this.#options.spare) {
      const worker = this.#spawn();
      worker.catch(() => undefined);
      this.#spare.push(worker);
    }
  }

  #spawn(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(workerFile(), {
        resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMb ?? 128, maxYoungGenerationSizeMb: 4 },
        // Nothing of the host's environment is for modules or their shells.
        env: {},
        execArgv: [],
        workerData: this.#options.environment(),
      });
      worker.once('message', (message: FromWorker) => (message.type === 'ready' ? resolve(worker) : reject(new Error('not ready'))));
      worker.once('error', reject);
    });
  }
}

/** The bundle of a whole build; its parts where there is none, or where they were compiled again after it. */
function workerFile(): string {
  const parts = builtFile(ENTRY);
  const bundle = parts.replace(/worker-main\.js$/, 'worker-bundle.js');
  const changedMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const compiled = join(dirname(parts), '../../../.tsbuildinfo');
  return changedMs(bundle) > 0 && changedMs(bundle) >= changedMs(compiled) ? bundle : parts;
}
