// The ways to run a bundle: natively, as Wasm, or as its manifest says for on board.
import { compileWasm } from './wasm-instance.ts';
import type { ModuleBundle } from './bundle.ts';
import type { HostFunctions, ModuleInstance } from './module-instance.ts';
import { instantiateNative } from './native-instance.ts';

export { instantiateNative } from './native-instance.ts';
export { CompiledModule, compileWasm, type TransferableModule } from './wasm-instance.ts';

/** The build that the manifest names for on board, with the granted host functions. */
export async function instantiateOnboard(bundle: ModuleBundle, host: HostFunctions): Promise<ModuleInstance> {
  if (bundle.manifest.onboard === 'native') return instantiateNative(bundle, host);
  return (await compileWasm(bundle)).instantiate(host);
}
