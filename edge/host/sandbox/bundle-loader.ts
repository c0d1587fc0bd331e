// Loads real bundles: decodes, verifies digest and signature, rewrites and compiles the component.
import { decodeBundle } from '../../../shared/elastic/bundle.ts';
import { verifyBundle } from '../../../shared/elastic/bundle-signature.ts';
import { compileWasm } from '../../../shared/elastic/wasm-instance.ts';
import { OutriderError } from '../../../shared/errors.ts';
import { runnable } from './compiled-module.ts';
import type { ModuleLoader } from './module-loader.ts';

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
