// Grants host functions to a module: what its manifest asks for and the site allows, and nothing else.
import { INTRINSIC_INTERFACES } from '../../../shared/elastic/component-names.ts';
import { OutriderError } from '../../../shared/errors.ts';
import type { HostFunctions } from '../../../shared/elastic/module-instance.ts';
import type { ModuleManifest } from '../../../shared/elastic/module-manifest.ts';
import type { HostEffect } from './host-effect.ts';

export interface HostFunctionContext {
  readonly site: string;
  readonly mission: string;
  readonly instance: string;
  /** Seconds of the host's clock. */
  readonly nowSec: () => number;
  /** Hands an effect to the host, which checks and publishes it. */
  readonly emit: (effect: HostEffect) => void;
}

type Implementation = HostFunctions[string];

/** Makes the functions of one interface for one instance; what is costly to load is loaded at the first use. */
export type HostFunctionFactory = (context: HostFunctionContext) => Implementation | Promise<Implementation>;

/** By interface name, e.g. `vision`. */
export type HostFunctionRegistry = Readonly<Record<string, HostFunctionFactory>>;

/** Throws OUT_MODULE_HOST_FUNCTION when the manifest asks for what is not granted or not there. */
export async function grantHostFunctions(
  manifest: ModuleManifest,
  grants: readonly string[],
  registry: HostFunctionRegistry,
  context: HostFunctionContext,
): Promise<HostFunctions> {
  const granted: Record<string, Implementation> = {};
  for (const { name, functions } of manifest.hostInterfaces) {
    if (INTRINSIC_INTERFACES.includes(name)) continue;
    const factory = Object.hasOwn(registry, name) ? registry[name] : undefined;
    if (factory === undefined || !grants.includes(name)) {
      throw new OutriderError(
        'OUT_MODULE_HOST_FUNCTION',
        `${manifest.name} imports ${name}, which is not granted here (granted: ${grants.join(', ') || 'none'})`,
      );
    }
    const implementation = await factory(context);
    const missing = functions.find((wanted) => !Object.hasOwn(implementation, wanted.name));
    if (missing !== undefined) {
      throw new OutriderError(
        'OUT_MODULE_HOST_FUNCTION',
        `${manifest.name} imports ${name}.${missing.name}, which this host does not have`,
      );
    }
    granted[name] = implementation;
  }
  return granted;
}
