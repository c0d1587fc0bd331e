// The bundles that a rover carries, as the Offload Handler sends them: encoded once.
import { encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { OutriderError } from '../../shared/errors.ts';
import type { BundleSource, OutgoingBundle } from './bundle-source.ts';

export function carriedBundles(bundles: readonly ModuleBundle[]): BundleSource {
  const outgoing = new Map<string, OutgoingBundle>();
  for (const bundle of bundles) {
    const encoded = encodeBundle(bundle);
    outgoing.set(bundle.manifest.name, { digest: bundle.digest, bytes: encoded.length, encoded: () => encoded });
  }
  return {
    get: (manifest) => {
      const bundle = outgoing.get(manifest.name);
      if (bundle === undefined) throw new OutriderError('OUT_MODULE_BUNDLE', `this rover carries no bundle of ${manifest.name}`);
      return bundle;
    },
  };
}
