// A compiled module as it runs in this thread or travels to a worker. Apart from the loader, so that workers load no schemas: each
// megabyte here is a megabyte per instance.
import { CompiledModule, type TransferableModule } from '../../../shared/elastic/wasm-instance.ts';
import type { RunnableModule } from './module-loader.ts';

export function runnable(digest: string, compiled: CompiledModule): RunnableModule {
  const { manifest, wasmModule } = compiled;
  const transferable: TransferableModule = { manifest, wasmModule };
  return { digest, manifest, instantiate: (host) => compiled.instantiate(host), transferable };
}

/** The module in a worker, from what `RunnableModule.transferable` became on the way. */
export function compiledModule(digest: string, transferred: unknown): RunnableModule {
  return runnable(digest, new CompiledModule(transferred as TransferableModule));
}
