// From an encoded bundle to something that can be instantiated: decoded, verified, compiled once per digest.
import type { HostFunctions, ModuleInstance } from '../../../shared/elastic/module-instance.ts';
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';

/** A compiled module. */
export interface RunnableModule {
  readonly digest: string;
  readonly manifest: ModuleManifest;
  instantiate(host: HostFunctions): Promise<ModuleInstance>;
  /** What `instantiate` needs in another thread: structured-cloneable. Null where the module cannot leave this one. */
  readonly transferable: unknown;
}

export interface ModuleLoader {
  /** Throws OUT_MODULE_BUNDLE, OUT_MODULE_TAMPERED, OUT_MODULE_SIGNATURE, OUT_MODULE_COMPONENT, or OUT_EDGE_TRANSFER for another digest. */
  load(digest: string, encoded: Uint8Array): Promise<RunnableModule>;
}

/** Compiled modules that a host keeps; the one used longest ago goes first. Each is as large as its machine code. */
const MAX_CACHED = 64;

/** Loads each digest once, also when asked for it twice at the same time. */
export class CachingLoader {
  readonly #loader: ModuleLoader;
  readonly #loading = new Map<string, Promise<RunnableModule>>();
  readonly #loaded = new Map<string, RunnableModule>();

  constructor(loader: ModuleLoader) {
    this.#loader = loader;
  }

  cached(digest: string): RunnableModule | null {
    return this.#loaded.get(digest) ?? null;
  }

  async load(digest: string, encoded: Uint8Array): Promise<RunnableModule> {
    const known = this.#loaded.get(digest);
    if (known !== undefined) {
      this.#loaded.delete(digest);
      this.#loaded.set(digest, known);
      return known;
    }
    let loading = this.#loading.get(digest);
    if (loading === undefined) {
      loading = this.#loader.load(digest, encoded).finally(() => this.#loading.delete(digest));
      this.#loading.set(digest, loading);
    }
    const module = await loading;
    this.#loaded.set(digest, module);
    if (this.#loaded.size > MAX_CACHED) this.#loaded.delete(this.#loaded.keys().next().value as string);
    return module;
  }
}
