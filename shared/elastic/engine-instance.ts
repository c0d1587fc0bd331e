// Modules whose Wasm build is a JavaScript engine (StarlingMonkey) with the native build inside. The component has one function,
// `call`, which takes and gives values in the typed codec; so both builds keep one meaning of every type, and errors are data.
import { OutriderError } from '../errors.ts';
import { checkSnapshot, encodeSnapshot } from './instantiate-snapshot.ts';
import type { FunctionSignature, HostInterface, InterfaceType } from './interface-type.ts';
import type { HostFunctions, MemoryImage, ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { decodeValues, encodeValues } from './value-codec.ts';
import { checkArguments, checkValue } from './value-codec-check.ts';

const TEXT: InterfaceType = { kind: 'string' };
const BYTES: InterfaceType = { kind: 'typed-array', element: 'u8' };
/** `result<list<u8>, string>`: the encoded value, or the message of what was thrown. */
const OUTCOME: InterfaceType = {
  kind: 'variant',
  name: 'outcome',
  discriminant: 'kind',
  cases: [
    { name: 'ok', fields: [{ name: 'value', type: BYTES }] },
    { name: 'err', fields: [{ name: 'message', type: TEXT }] },
  ],
};
type Outcome = { readonly kind: 'ok'; readonly value: Uint8Array } | { readonly kind: 'err'; readonly message: string };

export const ENGINE_CALL: FunctionSignature = {
  name: 'call',
  description: '',
  parameters: [
    { name: 'name', type: TEXT },
    { name: 'values', type: BYTES },
  ],
  result: OUTCOME,
  stateful: true,
};
/** What the guest calls its state access; no function has such a name. `load:` is followed by the version. */
export const ENGINE_SAVE = 'state.save';
export const ENGINE_LOAD = 'state.load:';
/** The one import of such a component: `call` of a granted host function, named `interface.function`. */
const ENGINE_HOST: HostInterface = { name: 'engine', functions: [ENGINE_CALL] };

export const isEngine = (manifest: ModuleManifest): boolean => manifest.builds.wasm.engine === 'starlingmonkey';

/** The manifest as the component itself has it. */
export function engineManifest(manifest: ModuleManifest): ModuleManifest {
  return { ...manifest, functions: [ENGINE_CALL], state: null, hostInterfaces: manifest.hostInterfaces.length === 0 ? [] : [ENGINE_HOST] };
}

/** The granted host functions behind the component's one import. Throws OUT_MODULE_HOST_FUNCTION for one that is not granted. */
export function engineHost(manifest: ModuleManifest, host: HostFunctions): HostFunctions {
  const functions = new Map<string, { readonly signature: FunctionSignature; readonly run: (...args: readonly unknown[]) => unknown }>();
  for (const { name, functions: signatures } of manifest.hostInterfaces) {
    for (const signature of signatures) {
      const run = host[name]?.[signature.name];
      if (run === undefined) {
        const message = `module ${manifest.name} needs the host function ${name}.${signature.name}, which is not granted here`;
        throw new OutriderError('OUT_MODULE_HOST_FUNCTION', message);
      }
      functions.set(`${name}.${signature.name}`, { signature, run: run as (...args: readonly unknown[]) => unknown });
    }
  }
  const call = (name: string, values: Uint8Array): Outcome => {
    try {
      const found = functions.get(name);
      if (found === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no host function ${name}`);
      const { signature, run } = found;
      const args = decodeValues(typesOf(signature), values, { maxValues: Infinity });
      const result = run(...args);
      if (signature.result === null) return { kind: 'ok', value: new Uint8Array() };
      checkValue(signature.result, result, `result of ${name}`);
      return { kind: 'ok', value: encodeValues([signature.result], [result]) };
    } catch (error) {
      return { kind: 'err', message: error instanceof Error ? error.message : String(error) };
    }
  };
  return { engine: { call } };
}

/** The module's instance over the component's. */
export class EngineInstance implements ModuleInstance {
  readonly build = 'wasm';
  readonly #manifest: ModuleManifest;
  readonly #inner: ModuleInstance;

  constructor(manifest: ModuleManifest, inner: ModuleInstance) {
    this.#manifest = manifest;
    this.#inner = inner;
  }

  get image(): MemoryImage | null {
    return this.#inner.image;
  }

  call(functionName: string, args: readonly unknown[]): unknown {
    const signature = this.#manifest.functions.find(({ name }) => name === functionName);
    if (signature === undefined)
      throw new OutriderError('OUT_MODULE_VALUE', `module ${this.#manifest.name} has no elastic function ${functionName}`);
    checkArguments(signature, args);
    const result = this.#run(functionName, encodeValues(typesOf(signature), args), 'OUT_MODULE_THREW');
    return signature.result === null ? undefined : decodeValues([signature.result], result, { maxValues: Infinity })[0];
  }

  snapshot(): Uint8Array {
    const { state, name } = this.#manifest;
    if (state === null) return new Uint8Array();
    return encodeSnapshot(name, state.version, this.#run(ENGINE_SAVE, new Uint8Array(), 'OUT_MODULE_SNAPSHOT'));
  }

  restore(bytes: Uint8Array): void {
    const { version, payload } = checkSnapshot(bytes, this.#manifest);
    if (version !== null) this.#run(`${ENGINE_LOAD}${version}`, payload, 'OUT_MODULE_SNAPSHOT');
  }

  memoryBytes(): number {
    return this.#inner.memoryBytes();
  }

  #run(name: string, values: Uint8Array, failure: 'OUT_MODULE_THREW' | 'OUT_MODULE_SNAPSHOT'): Uint8Array {
    const outcome = this.#inner.call('call', [name, values]) as Outcome;
    if (outcome.kind === 'err') throw new OutriderError(failure, outcome.message);
    return outcome.value;
  }
}

const typesOf = (signature: FunctionSignature): InterfaceType[] => signature.parameters.map(({ type }) => type);
