// Runs a component without any tool of the component model: its core module, our own Canonical ABI, the manifest's types.
// docs/adr/0001-own-canonical-abi-loader.md says why.
import { OutriderError } from '../errors.ts';
import type { ModuleBundle } from './bundle.ts';
import { parseComponent } from './component-binary.ts';
import { intrinsicImports } from './component-intrinsics.ts';
import { fieldOffsets, flatSignature, layoutOf, recordLayout } from './component-layout.ts';
import { apiInterface, hostImportModule, INTRINSIC_INTERFACES, stateInterface, toKebab } from './component-names.ts';
import { engineHost, EngineInstance, engineManifest, isEngine } from './engine-instance.ts';
import { checkSnapshot, encodeSnapshot } from './instantiate-snapshot.ts';
import type { FunctionSignature, InterfaceType } from './interface-type.ts';
import type { HostFunctions, MemoryImage, ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { checkArguments, checkValue } from './value-codec-check.ts';
import { WasmMemoryImage } from './wasm-image.ts';
import { prepareGuest, readNotes } from './wasm-rewrite.ts';
import { GuestMemory, trap } from './guest-memory.ts';
import { liftFlat, lowerFlat } from './wasm-flat-values.ts';
import { loadValue, storeValue, type CoreValue } from './wasm-values.ts';

type CoreFunction = (...args: CoreValue[]) => CoreValue | undefined;

/** A compiled module: both parts can be posted to a worker, and make a `CompiledModule` there again. */
export interface TransferableModule {
  readonly manifest: ModuleManifest;
  readonly wasmModule: WebAssembly.Module;
}

export class CompiledModule implements TransferableModule {
  readonly manifest: ModuleManifest;
  readonly wasmModule: WebAssembly.Module;

  constructor({ manifest, wasmModule }: TransferableModule) {
    this.manifest = manifest;
    this.wasmModule = wasmModule;
  }

  /**
   * A new instance with state of its own. `host` holds the granted interfaces.
   * Throws OUT_MODULE_HOST_FUNCTION for a host function that is not granted, OUT_MODULE_COMPONENT for a missing export.
   */
  async instantiate(host: HostFunctions): Promise<ModuleInstance> {
    const late: { guest: GuestMemory | null } = { guest: null };
    const { manifest } = this;
    // A JavaScript engine has an interface of its own; the module's is behind it.
    const inner = isEngine(manifest) ? engineManifest(manifest) : manifest;
    const granted = isEngine(manifest) ? engineHost(manifest, host) : host;
    const imports = linkImports(inner, granted, () => late.guest ?? fail('the guest called its host before it had a memory'));
    const instance = await instantiateModule(this.wasmModule, imports);
    const notes = readNotes(this.wasmModule);
    const memory = instance.exports['memory'];
    if (!(memory instanceof WebAssembly.Memory)) throw fail('it exports no memory');
    late.guest = new GuestMemory(memory, instance.exports['cabi_realloc'], notes.encoding);
    const image = notes.imageRefusal === null ? new WasmMemoryImage(memory, instance.exports, notes, manifest.builds.wasm.sha256) : null;
    const made = new WasmInstance(inner, instance.exports, late.guest, image);
    return isEngine(manifest) ? new EngineInstance(manifest, made) : made;
  }
}

/** Compiles a bundle's component. Throws OUT_MODULE_COMPONENT, naming what it imports or lacks. */
export async function compileWasm(bundle: ModuleBundle): Promise<CompiledModule> {
  const { manifest } = bundle;
  const bytes = bundle.files.get(manifest.builds.wasm.file);
  if (bytes === undefined) throw new OutriderError('OUT_MODULE_BUNDLE', `the bundle has no ${manifest.builds.wasm.file}`);
  const component = parseComponent(bytes);
  const { hostInterfaces } = isEngine(manifest) ? engineManifest(manifest) : manifest;
  const allowed = new Set([...hostInterfaces.map((item) => item.name), ...INTRINSIC_INTERFACES].map(hostImportModule));
  const foreign = component.imports.filter((name) => !allowed.has(name));
  if (foreign.length > 0) throw fail(`it imports ${foreign.join(', ')}, which its manifest does not name (and WASI is never given)`);
  if (!component.exports.includes(apiInterface(manifest.name))) throw fail(`it does not export ${apiInterface(manifest.name)}`);
  const core = prepareGuest(component.core, component.encoding, manifest.memoryMaxBytes);
  try {
    return new CompiledModule({ manifest, wasmModule: await WebAssembly.compile(core) });
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_COMPONENT', `its core module does not validate: ${(cause as Error).message}`, { cause });
  }
}

const fail = (why: string): never => {
  throw new OutriderError('OUT_MODULE_COMPONENT', `the component cannot be run: ${why}`);
};

async function instantiateModule(module: WebAssembly.Module, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(module, imports);
  } catch (cause) {
    if (cause instanceof WebAssembly.LinkError)
      throw new OutriderError('OUT_MODULE_COMPONENT', `the component does not fit its manifest: ${cause.message}`, { cause });
    throw guestError(cause);
  }
}

/** The imports of the core module: each host function wrapped, the engine's mathematics as it is. */
function linkImports(manifest: ModuleManifest, host: HostFunctions, guest: () => GuestMemory): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = intrinsicImports(guest, wrapHostFunction);
  for (const { name, functions } of manifest.hostInterfaces) {
    const granted = host[name];
    if (granted === undefined)
      throw new OutriderError(
        'OUT_MODULE_HOST_FUNCTION',
        `module ${manifest.name} needs the host interface "${name}", which is not granted here`,
      );
    const module: Record<string, WebAssembly.ImportValue> = {};
    for (const signature of functions) {
      const implementation = granted[signature.name];
      if (implementation === undefined)
        throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `host interface "${name}" has no function ${signature.name}`);
      module[toKebab(signature.name)] = wrapHostFunction(
        signature,
        implementation as (...args: unknown[]) => unknown,
        guest,
        `${name}.${signature.name}`,
      );
    }
    imports[hostImportModule(name)] = module;
  }
  return imports;
}

/** A host function as the guest calls it. */
function wrapHostFunction(
  signature: FunctionSignature,
  implementation: (...args: unknown[]) => unknown,
  guest: () => GuestMemory,
  label: string,
): CoreFunction {
  const shape = flatSignature(signature.parameters, signature.result);
  const { result } = signature;
  return (...flat) => {
    const memory = guest();
    const cursor = { at: 0 };
    const args = shape.parametersByPointer
      ? fieldOffsets(signature.parameters).map(({ field, offset }) => loadValue(field.type, memory, (Number(flat[0]) >>> 0) + offset))
      : signature.parameters.map((parameter) => liftFlat(parameter.type, memory, flat, cursor));
    const value = implementation(...args);
    if (result === null) return undefined;
    checkValue(result, value, `result of ${label}`);
    if (shape.resultByPointer) {
      storeValue(result, value, memory, memory.range(Number(flat.at(-1)), layoutOf(result).size));
      return undefined;
    }
    const out: CoreValue[] = [];
    lowerFlat(result, value, memory, out);
    return out[0];
  };
}

interface BoundFunction {
  readonly signature: FunctionSignature;
  readonly call: CoreFunction;
  readonly post: CoreFunction | null;
}

class WasmInstance implements ModuleInstance {
  readonly build = 'wasm';
  readonly image: MemoryImage | null;
  readonly #manifest: ModuleManifest;
  readonly #guest: GuestMemory;
  readonly #functions = new Map<string, BoundFunction>();
  readonly #save: BoundFunction | null;
  readonly #load: BoundFunction | null;
  #retired: string | null = null;

  constructor(manifest: ModuleManifest, exports: WebAssembly.Exports, guest: GuestMemory, image: MemoryImage | null) {
    this.#manifest = manifest;
    this.#guest = guest;
    this.image = image;
    const api = apiInterface(manifest.name);
    for (const signature of manifest.functions)
      this.#functions.set(signature.name, bind(exports, `${api}#${toKebab(signature.name)}`, signature));
    const state = stateInterface(manifest.name);
    const hasState = manifest.state !== null && exports[`${state}#save`] !== undefined;
    this.#save = hasState ? bind(exports, `${state}#save`, SAVE) : null;
    this.#load = hasState ? bind(exports, `${state}#load`, LOAD) : null;
    const initialize = exports['_initialize'];
    if (typeof initialize === 'function')
      this.#guarded(() => {
        (initialize as () => void)();
      });
  }

  call(functionName: string, args: readonly unknown[]): unknown {
    const bound = this.#functions.get(functionName);
    if (bound === undefined)
      throw new OutriderError('OUT_MODULE_VALUE', `module ${this.#manifest.name} has no elastic function ${functionName}`);
    checkArguments(bound.signature, args);
    return this.#invoke(bound, args);
  }

  snapshot(): Uint8Array {
    const { state, name } = this.#manifest;
    if (state === null && !this.#manifest.functions.some((signature) => signature.stateful)) return new Uint8Array();
    if (state === null || this.#save === null)
      throw new OutriderError('OUT_MODULE_SNAPSHOT', `module ${name} has no code for saving its state; move it by its memory image`);
    return encodeSnapshot(name, state.version, this.#invoke(this.#save, []) as Uint8Array);
  }

  restore(bytes: Uint8Array): void {
    const { version, payload } = checkSnapshot(bytes, this.#manifest);
    if (version === null) return;
    if (this.#load === null)
      throw new OutriderError(
        'OUT_MODULE_SNAPSHOT',
        `module ${this.#manifest.name} has no code for loading its state; move it by its memory image`,
      );
    this.#invoke(this.#load, [version, payload]);
  }

  memoryBytes(): number {
    return this.#guest.memory.buffer.byteLength;
  }

  #invoke({ signature, call, post }: BoundFunction, args: readonly unknown[]): unknown {
    return this.#guarded(() => {
      const guest = this.#guest;
      const shape = flatSignature(signature.parameters, signature.result);
      const flat: CoreValue[] = [];
      if (shape.parametersByPointer) {
        const { size, alignment } = recordLayout(signature.parameters);
        const pointer = guest.allocate(size, alignment);
        for (const [index, { field, offset }] of fieldOffsets(signature.parameters).entries())
          storeValue(field.type, args[index], guest, pointer + offset);
        flat.push(pointer);
      } else for (const [index, parameter] of signature.parameters.entries()) lowerFlat(parameter.type, args[index], guest, flat);
      const returned = call(...flat);
      const value = liftResult(signature.result, shape.resultByPointer, returned, guest);
      if (post !== null) post(...(returned === undefined ? [] : [returned]));
      return value;
    });
  }

  /** Turns whatever a guest breaks with into a coded error; after a trap the instance is not used again. */
  #guarded<T>(run: () => T): T {
    if (this.#retired !== null) throw trap(`it has been retired: ${this.#retired}`);
    try {
      return run();
    } catch (error) {
      const coded = guestError(error);
      // An error thrown by AssemblyScript leaves memory as native code would; other languages may have been cut off anywhere.
      const survives =
        coded instanceof OutriderError && coded.code !== 'OUT_MODULE_TRAP' && this.#manifest.builds.wasm.engine === 'assemblyscript';
      if (!survives) this.#retired = coded instanceof Error ? coded.message : String(coded);
      throw coded;
    }
  }
}

function liftResult(type: InterfaceType | null, byPointer: boolean, returned: CoreValue | undefined, guest: GuestMemory): unknown {
  if (type === null) return undefined;
  if (byPointer) return loadValue(type, guest, Number(returned) >>> 0);
  return liftFlat(type, guest, [returned ?? 0], { at: 0 });
}

function bind(exports: WebAssembly.Exports, name: string, signature: FunctionSignature): BoundFunction {
  const call = exports[name];
  if (typeof call !== 'function') return fail(`it does not export ${name}`);
  const post = exports[`cabi_post_${name}`];
  return { signature, call: call as CoreFunction, post: typeof post === 'function' ? (post as CoreFunction) : null };
}

function guestError(error: unknown): unknown {
  if (error instanceof WebAssembly.RuntimeError) return trap(error.message, error);
  if (error instanceof RangeError && /call stack/.test(error.message)) return trap('its calls nest too deeply', error);
  return error;
}

const BYTES: InterfaceType = { kind: 'typed-array', element: 'u8' };
const SAVE: FunctionSignature = { name: 'save', description: '', parameters: [], result: BYTES, stateful: true };
const LOAD: FunctionSignature = {
  name: 'load',
  description: '',
  parameters: [
    { name: 'version', type: { kind: 'number', type: 'u32' } },
    { name: 'bytes', type: BYTES },
  ],
  result: null,
  stateful: true,
};
