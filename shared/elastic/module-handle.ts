// The handle of a module: an object whose functions are the manifest's, each a call through the engine.
import type { CallOptions } from './call-options.ts';
import type { ModuleManifest } from './module-manifest.ts';

/** Arguments beyond the declared ones are the call's options. */
export function createHandle<H>(
  manifest: ModuleManifest,
  call: (index: number, args: readonly unknown[], options: CallOptions | undefined) => Promise<unknown>,
): H {
  const handle = Object.create(null) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const [index, { name, parameters }] of manifest.functions.entries()) {
    const count = parameters.length;
    handle[name] = (...args) =>
      args.length <= count ? call(index, args, undefined) : call(index, args.slice(0, count), args[count] as CallOptions | undefined);
  }
  return Object.freeze(handle) as H;
}
