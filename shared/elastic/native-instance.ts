// Runs the native build of a module: plain JavaScript evaluated once per instance, so that its module-level state is its own.
import { compileFunction } from 'node:vm';
import { OutriderError } from '../errors.ts';
import type { ModuleBundle } from './bundle.ts';
import { checkSnapshot, encodeSnapshot } from './instantiate-snapshot.ts';
import type { FunctionSignature, InterfaceType } from './interface-type.ts';
import type { HostFunctions, ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';
import { decodeValues, encodeValues } from './value-codec.ts';
import { checkArguments, TYPED_ARRAYS, type TypedArray } from './value-codec-check.ts';

/** What native.js returns for a set of host functions. */
interface NativeExports {
  readonly functions: Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  /** The state as a value of the manifest's state type. */
  readonly save?: () => unknown;
  readonly load?: (version: number, state: unknown) => void;
}

type NativeFactory = (host: HostFunctions) => NativeExports;

const factories = new WeakMap<Uint8Array, NativeFactory>();

/**
 * A new instance of the native build. It has the authority of the process: run only bundles that you trust.
 * Throws OUT_MODULE_BUNDLE where there is no native build, OUT_MODULE_HOST_FUNCTION for an interface that is not granted.
 */
export async function instantiateNative(bundle: ModuleBundle, host: HostFunctions): Promise<ModuleInstance> {
  const { manifest } = bundle;
  const entry = manifest.builds.native;
  const source = entry === null ? undefined : bundle.files.get(entry.file);
  if (source === undefined) throw new OutriderError('OUT_MODULE_BUNDLE', `module ${manifest.name} has no native build`);
  for (const { name, functions } of manifest.hostInterfaces) {
    const granted = host[name];
    if (granted === undefined)
      throw new OutriderError(
        'OUT_MODULE_HOST_FUNCTION',
        `module ${manifest.name} needs the host interface "${name}", which is not granted here`,
      );
    for (const item of functions)
      if (granted[item.name] === undefined)
        throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `host interface "${name}" has no function ${item.name}`);
  }
  let factory = factories.get(source);
  if (factory === undefined) {
    factory = compileFunction(new TextDecoder().decode(source), ['__host'], {
      filename: `outrider-module:${manifest.name}/native.js`,
    }) as NativeFactory;
    factories.set(source, factory);
  }
  return new NativeInstance(manifest, factory(host));
}

class NativeInstance implements ModuleInstance {
  readonly build = 'native';
  readonly image = null;
  readonly #manifest: ModuleManifest;
  readonly #exports: NativeExports;
  readonly #signatures: ReadonlyMap<string, FunctionSignature>;

  constructor(manifest: ModuleManifest, exports: NativeExports) {
    this.#manifest = manifest;
    this.#exports = exports;
    this.#signatures = new Map(manifest.functions.map((item) => [item.name, item]));
  }

  call(functionName: string, args: readonly unknown[]): unknown {
    const signature = this.#signatures.get(functionName);
    const run = this.#exports.functions[functionName];
    if (signature === undefined || run === undefined)
      throw new OutriderError('OUT_MODULE_VALUE', `module ${this.#manifest.name} has no elastic function ${functionName}`);
    checkArguments(signature, args);
    // State must not share arrays with its callers: the Wasm build copies, so the native one does where state could keep them.
    const own = signature.stateful ? args.map((value, index) => copyValue(signature.parameters[index]?.type, value)) : args;
    const result = this.#run(run, own);
    if (signature.result === null) return undefined;
    return signature.stateful ? copyValue(signature.result, result) : result;
  }

  /** What the module throws looks the same from both builds. */
  #run(run: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown {
    try {
      return run(...args);
    } catch (cause) {
      if (cause instanceof OutriderError) throw cause;
      throw new OutriderError('OUT_MODULE_THREW', cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  snapshot(): Uint8Array {
    const { state, name } = this.#manifest;
    if (state === null || this.#exports.save === undefined) return new Uint8Array();
    return encodeSnapshot(name, state.version, encodeValues([state.type], [this.#exports.save()]));
  }

  restore(bytes: Uint8Array): void {
    const { version, payload } = checkSnapshot(bytes, this.#manifest);
    const { state } = this.#manifest;
    if (version === null || state === null || this.#exports.load === undefined) return;
    const type = version === state.version ? state.type : state.previous?.find((item) => item.version === version)?.type;
    if (type !== undefined) this.#exports.load(version, decodeValues([type], payload, { maxValues: Infinity })[0]);
  }

  memoryBytes(): number {
    return 0;
  }
}

/** A deep copy of a checked value, by its type. */
function copyValue(type: InterfaceType | undefined, value: unknown): unknown {
  switch (type?.kind) {
    case 'typed-array':
      return new TYPED_ARRAYS[type.element](value as never) satisfies TypedArray;
    case 'list':
      return (value as readonly unknown[]).map((item) => copyValue(type.element, item));
    case 'option':
      return value === null ? null : copyValue(type.value, value);
    case 'record':
      return Object.fromEntries(
        type.fields.map((field) => [field.name, copyValue(field.type, (value as Record<string, unknown>)[field.name])]),
      );
    case 'variant': {
      const record = value as Record<string, unknown>;
      const found = type.cases.find((item) => item.name === record[type.discriminant]);
      return Object.fromEntries([
        [type.discriminant, found?.name],
        ...(found?.fields ?? []).map((field) => [field.name, copyValue(field.type, record[field.name])]),
      ]);
    }
    default:
      return value;
  }
}
