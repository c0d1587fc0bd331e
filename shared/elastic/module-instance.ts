// One running instance of a module, whichever build it is: what the elastic runtime needs and nothing more.

/** Host functions by interface and function name (camelCase); called synchronously by the guest. */
export type HostFunctions = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

/** The memory image of a Wasm guest: linear memory and mutable globals. Needs no help from the module. */
export interface MemoryImage {
  /** Bytes of linear memory now (a multiple of 65,536). */
  readonly memoryBytes: number;
  /** A copy of the whole image: a header with the globals, then the pages. */
  capture(): Uint8Array;
  /**
   * The image as pages changed since the image whose capture returned `baseId`; a full image where the base is unknown.
   * Every capture gets a new id.
   */
  captureDelta(baseId: string | null): { readonly id: string; readonly bytes: Uint8Array; readonly full: boolean };
  /** Replaces memory and globals. Throws OUT_MODULE_SNAPSHOT when the image belongs to another module. */
  restore(bytes: Uint8Array): void;
}

/** A module instance. Not re-entrant: one call at a time. */
export interface ModuleInstance {
  readonly build: 'native' | 'wasm';
  /**
   * Calls an elastic function by its camelCase name with values of the manifest's types.
   * Throws what the function threw; a Wasm trap throws OUT_MODULE_TRAP and the instance must be retired.
   */
  call(functionName: string, args: readonly unknown[]): unknown;
  /** The declared state, versioned, the same bytes from both builds. Empty for a stateless module. */
  snapshot(): Uint8Array;
  /** Replaces the state. Throws OUT_MODULE_SNAPSHOT for bytes of another module or a newer version. */
  restore(bytes: Uint8Array): void;
  /** Null in a native build. */
  readonly image: MemoryImage | null;
  /** Bytes of memory that this instance alone holds, as far as it can tell. */
  memoryBytes(): number;
}
