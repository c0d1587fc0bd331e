// Threads of a host that serve host functions to the instances' threads: started when first needed, started again when they crash.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { ServiceLine } from '../host-functions/service-bridge.ts';
import { builtFile } from './worker-pool.ts';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** Interfaces that have a thread of their own, and its entry. */
const ENTRIES: Readonly<Record<string, string>> = {
  vision: new URL(`../host-functions/vision-service.${extension}`, import.meta.url).href,
};

export class HostServices {
  readonly #threads = new Map<string, Worker>();

  /** Starts the services of these interfaces ahead of need; resolves when they are loaded. */
  async warm(interfaces: readonly string[]): Promise<void> {
    const fresh = interfaces.filter((name) => Object.hasOwn(ENTRIES, name) && !this.#threads.has(name)).map((name) => this.#thread(name));
    await Promise.all(fresh.map((thread) => new Promise<void>((resolve) => thread.once('message', () => resolve()))));
  }

  /** Lines for one instance: one per served interface among `interfaces`. */
  connect(interfaces: readonly string[]): Readonly<Record<string, ServiceLine>> {
    const lines: Record<string, ServiceLine> = {};
    for (const name of interfaces) {
      if (!Object.hasOwn(ENTRIES, name)) continue;
      const { port1, port2 } = new MessageChannel();
      const cell = new Int32Array(new SharedArrayBuffer(4));
      this.#thread(name).postMessage({ port: port1, cell } satisfies ServiceLine, [port1]);
      lines[name] = { port: port2, cell };
    }
    return lines;
  }

  async close(): Promise<void> {
    const threads = [...this.#threads.values()];
    this.#threads.clear();
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  #thread(name: string): Worker {
    let thread = this.#threads.get(name);
    if (thread === undefined) {
      const started = new Worker(builtFile(ENTRIES[name] ?? ''), { env: {}, execArgv: [] });
      started.unref();
      const forget = (): void => {
        if (this.#threads.get(name) === started) this.#threads.delete(name);
      };
      started.on('error', forget);
      started.on('exit', forget);
      this.#threads.set(name, started);
      thread = started;
    }
    return thread;
  }
}
