// What a module bundle says about itself. The bundle's digest covers the manifest (without signature) and both builds.
import type { FunctionSignature, HostInterface, InterfaceType } from './interface-type.ts';

/** One build inside a bundle. */
export interface BuildEntry {
  /** File name inside the bundle directory. */
  readonly file: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** How the Wasm build came to be; only `assemblyscript` and `prebuilt` count as accelerated. */
export type WasmEngine = 'assemblyscript' | 'starlingmonkey' | 'prebuilt';

export interface ModuleManifest {
  readonly formatVersion: 1;
  /** `[a-z][a-z0-9-]*` */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly functions: readonly FunctionSignature[];
  /** Host functions that the module imports; it is given these and nothing else. */
  readonly hostInterfaces: readonly HostInterface[];
  /** The declared state, or null for a stateless module. */
  readonly state: {
    readonly version: number;
    readonly type: InterfaceType;
    /** Older versions that the module migrates, by the types that they had. */
    readonly previous?: readonly { readonly version: number; readonly type: InterfaceType }[];
  } | null;
  /** `shared`: one instance per mission, later rovers are redirected to it; `per-rover`: one instance each. */
  readonly sharing: 'shared' | 'per-rover';
  /** Upper bound of the guest's linear memory [bytes], written into the module before it is compiled. */
  readonly memoryMaxBytes: number;
  /** Which build runs on board. */
  readonly onboard: 'native' | 'wasm';
  readonly builds: {
    readonly native: BuildEntry | null;
    readonly wasm: BuildEntry & { readonly engine: WasmEngine };
    readonly wit: BuildEntry;
  };
}
