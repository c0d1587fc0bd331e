// The sandbox of deterministic headless runs: instances live in the caller's thread, on the caller's clock. It bounds memory and
// effects, not time: an endless loop would stop the simulation, so it is not for untrusted modules on real sites.
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataPlane } from '../../../shared/ports/data-plane.ts';
import type { HostFunctionRegistry } from '../host-functions/host-function-source.ts';
import { CachingLoader, type ModuleLoader, type RunnableModule } from './module-loader.ts';
import { runInstance, type RunningInstance, type RunPorts } from './run-instance.ts';
import type { InstanceStart, LoadedModule, Sandbox, SandboxedInstance } from './sandbox.ts';

export interface InlineSandboxOptions {
  readonly site: string;
  readonly clock: Clock;
  readonly dataPlane: DataPlane;
  readonly loader: ModuleLoader;
  readonly registry: HostFunctionRegistry;
  /** Device model of the host: `<module>.<function>` → extra time [s]. */
  readonly holdBackSec?: (task: string) => number;
}

export class InlineSandbox implements Sandbox {
  readonly #ports: RunPorts;
  readonly #loader: CachingLoader;
  readonly #running = new Set<RunningInstance>();

  constructor(options: InlineSandboxOptions) {
    this.#ports = options;
    this.#loader = new CachingLoader(options.loader);
  }

  cached(digest: string): LoadedModule | null {
    return this.#loader.cached(digest);
  }

  load(digest: string, bundle: Uint8Array): Promise<LoadedModule> {
    return this.#loader.load(digest, bundle);
  }

  async start(module: LoadedModule, options: InstanceStart): Promise<SandboxedInstance> {
    const running = await runInstance(module as RunnableModule, options, this.#ports);
    this.#running.add(running);
    return {
      addresses: [running.address],
      get stats() {
        return running.stats();
      },
      freeze: () => running.freeze(),
      invoke: (functionName, args) => running.invoke(functionName, args),
      accept: (transport) => running.accept(transport),
      revoke: (rovers) => running.revoke(rovers),
      close: async () => {
        if (this.#running.delete(running)) await running.close();
      },
    };
  }

  async close(): Promise<void> {
    for (const running of this.#running) await running.close();
    this.#running.clear();
  }
}
