// `outrider/elastic`: running a built module, its handle that stays while the instance moves, and what those need.
export { readBundle, decodeBundle, encodeBundle, type ModuleBundle } from './bundle.ts';
export { signBundle, verifyBundle } from './bundle-signature.ts';
export type { CallOptions } from './call-options.ts';
export { ElasticModule, type ElasticModuleOptions, type MoveOptions } from './elastic-module.ts';
export { CompiledModule, compileWasm, instantiateNative, instantiateOnboard, type TransferableModule } from './instantiate.ts';
export type { HostFunctions, MemoryImage, ModuleInstance } from './module-instance.ts';
export type { ModuleManifest } from './module-manifest.ts';
export type { RemoteSite } from './remote-site.ts';
