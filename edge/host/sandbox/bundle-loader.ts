// Loads real bundles: decodes, verifies digest and signature, rewrites and compiles the component.
import { decodeBundle } from '../../../shared/elastic/bundle.ts';
import { verifyBundle } from '../../../shared/elastic/bundle-signature.ts';
import { CompiledModule, compileWasm, type TransferableModule } from '../../../shared/elastic/wasm-instance.ts';
import { OutriderError } from '../../../shared/errors.ts';
import type { ModuleLoader, RunnableModule } from './module-loader.ts';

export interface BundleLoaderOptions {
  /** PEM public keys; with any, only bundles signed by one of them run here. */
  readonly trustedKeys?: readonly string[];
}

export function bundleLoader(options: BundleLoaderOptions = {}): ModuleLoader {
  return {
    load: async (digest, encoded) => {
      const bundle = decodeBundle(encoded);
      if (bundle.digest !== digest)
        throw new OutriderError('OUT_MODULE_TAMPERED', `the bundle has the digest ${bundle.digest}, not the announced ${digest}`);
      verifyBundle(bundle, options.trustedKeys ?? []);
      return runnable(digest, await compileWasm(bundle));
    },
  };
}

/** The module in a worker, from what `RunnableModule.transferable` became on the way. */
export function compiledModule(digest: string, transferred: unknown): RunnableModule {
  return runnable(digest, new CompiledModule(transferred as TransferableModule));
}

function runnable(digest: string, compiled: CompiledModule): RunnableModule {
  const { manifest, wasmModule } = compiled;
  return {
    digest,
    manifest,
    instantiate: (host) => compiled.instantiate(host),
    transferable: { manifest, wasmModule } satisfies TransferableModule,
  };
}
