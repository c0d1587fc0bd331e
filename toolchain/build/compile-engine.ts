// The build of last resort: a JavaScript engine (StarlingMonkey) as the component, with the module's native build inside. Slow and large,
// but it runs what JavaScript allows. The guest speaks the typed value codec (shared/elastic/engine-instance.ts).
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../../shared/errors.ts';
import { ENGINE_LOAD, ENGINE_SAVE, engineManifest } from '../../shared/elastic/engine-instance.ts';
import type { ModuleManifest } from '../../shared/elastic/module-manifest.ts';
import { renderWorld } from '../glue/wit.ts';
import { loadComponentize, loadEsbuild } from './tools.ts';

/** The engine's own memory comes on top of the module's [bytes]. */
export const ENGINE_MEMORY_BYTES = 64 * 1024 * 1024;

/** What a guest is never given; without them the engine imports no WASI. */
const NO_FEATURES = ['stdio', 'random', 'clocks', 'http', 'fetch-event'] as const;

const CODEC = fileURLToPath(new URL(`../../shared/elastic/value-codec${import.meta.url.slice(-3)}`, import.meta.url));

export interface EngineBuild {
  readonly component: Uint8Array;
  readonly wit: string;
}

/** `native`: the contents of native.js. Throws OUT_MODULE_BUILD where the engine refuses it, OUT_MODULE_TOOLS where it is not installed. */
export async function compileEngine(manifest: Omit<ModuleManifest, 'builds'>, native: string): Promise<EngineBuild> {
  const inner = engineManifest({ ...manifest, builds: NO_BUILDS });
  const wit = renderWorld({
    name: manifest.name,
    functions: inner.functions,
    hostInterfaces: inner.hostInterfaces,
    stateful: false,
    intrinsics: [],
  });
  const { componentize } = await loadComponentize();
  const source = await guestSource(manifest, native);
  try {
    // The tool's types ask for a path of a source file even where the source itself is given.
    const { component } = await componentize(source, wit, { worldName: manifest.name, disableFeatures: [...NO_FEATURES] } as never);
    return { component, wit };
  } catch (cause) {
    throw new OutriderError(
      'OUT_MODULE_BUILD',
      `StarlingMonkey refused the module: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

const NO_BUILDS: ModuleManifest['builds'] = {
  native: null,
  wasm: { file: '', bytes: 0, sha256: '', engine: 'starlingmonkey' },
  wit: { file: '', bytes: 0, sha256: '' },
};

async function guestSource(manifest: Omit<ModuleManifest, 'builds'>, native: string): Promise<string> {
  const { functions, hostInterfaces, state } = manifest;
  const hasHost = hostInterfaces.length > 0;
  const contents = `
${hasHost ? "import { call as __hostCall } from 'outrider:host/engine';" : ''}
import { decodeValues, encodeValues } from ${JSON.stringify(CODEC)};
const __text = new TextEncoder();
globalThis.Buffer ??= { allocUnsafeSlow: (n) => new Uint8Array(n), byteLength: (text) => __text.encode(text).length };
const __functions = ${JSON.stringify(byName(functions))};
const __host = {};
for (const { name, functions } of ${JSON.stringify(hostInterfaces)}) {
  __host[name] = {};
  for (const f of functions) __host[name][f.name] = (...args) => {
    const outcome = __hostCall(name + '.' + f.name, encodeValues(f.parameters.map((p) => p.type), args));
    if (outcome.tag === 'err') throw new Error(outcome.val.message);
    return f.result === null ? undefined : decodeValues([f.result], outcome.val.value, { maxValues: Infinity })[0];
  };
}
const __state = ${JSON.stringify(state)};
const __built = ((__host) => { ${native} })(__host);
function __run(name, values) {
  if (name === ${JSON.stringify(ENGINE_SAVE)}) return encodeValues([__state.type], [__built.save()]);
  if (name.startsWith(${JSON.stringify(ENGINE_LOAD)})) {
    const version = Number(name.slice(${ENGINE_LOAD.length}));
    const type = version === __state.version ? __state.type : __state.previous.find((item) => item.version === version).type;
    __built.load(version, decodeValues([type], values, { maxValues: Infinity })[0]);
    return new Uint8Array();
  }
  const { parameters, result } = __functions[name];
  const value = __built.functions[name](...decodeValues(parameters.map((p) => p.type), values, { maxValues: Infinity }));
  return result === null ? new Uint8Array() : encodeValues([result], [value]);
}
export const api = {
  call(name, values) {
    try { return { tag: 'ok', val: { value: __run(name, values) } }; }
    catch (error) { return { tag: 'err', val: { message: error instanceof Error ? error.message : String(error) } }; }
  },
};`;
  const esbuild = await loadEsbuild();
  const { outputFiles } = await esbuild.build({
    stdin: { contents, sourcefile: 'guest.js', resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['outrider:*'],
    logLevel: 'silent',
  });
  // Without the comments that name files by path, the same source gives the same bytes in every directory.
  return (outputFiles[0]?.text ?? '').replaceAll(/^ *\/\/ \S+\.[jt]s\n/gm, '');
}

const byName = (functions: ModuleManifest['functions']): Record<string, unknown> =>
  Object.fromEntries(functions.map(({ name, parameters, result }) => [name, { parameters, result }]));
