// Where the Offload Handler gets the bundles that it sends: the rover carries those of its application.
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';

export interface OutgoingBundle {
  /** SHA-256 that addresses the bundle [hex]. */
  readonly digest: string;
  /** The encoded bundle; only asked for when a host does not have it. */
  readonly encoded: () => Uint8Array | Promise<Uint8Array>;
  /** Length of `encoded` [bytes]. */
  readonly bytes: number;
}

export interface BundleSource {
  /** The bundle of a module that this rover runs. Throws OUT_MODULE_BUNDLE when it carries no such bundle. */
  get(manifest: ModuleManifest): OutgoingBundle;
}
