// Builds one module: scan, both builds, world, manifest, bundle. The same source gives the same bytes.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import { canonicalJson, makeBundle, sha256Hex, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { signBundle } from '../../shared/elastic/bundle-signature.ts';
import type { FunctionSignature, HostInterface } from '../../shared/elastic/interface-type.ts';
import { parseComponent } from '../../shared/elastic/component-binary.ts';
import { stateInterface } from '../../shared/elastic/component-names.ts';
import { compileWasm } from '../../shared/elastic/instantiate.ts';
import { readNotes } from '../../shared/elastic/wasm-rewrite.ts';
import type { BuildEntry, ModuleManifest, WasmEngine } from '../../shared/elastic/module-manifest.ts';
import { stateFormOf } from '../../shared/elastic/state-form.ts';
import { Kinds } from '../analysis/kinds.ts';
import { toInterfaceType } from '../analysis/portable-type.ts';
import { createModuleProgram } from '../analysis/program.ts';
import { scanModule, type ElasticFunction, type HostFunction, type ModuleInterface } from '../analysis/scan.ts';
import { Findings } from '../analysis/source-error.ts';
import { TypeReader } from '../analysis/type-reader.ts';
import type { EmitContext } from '../emit/emitter.ts';
import { emitNative } from '../emit/native.ts';
import { renderHandle } from '../glue/handle.ts';
import { usedIntrinsics } from '../glue/intrinsics.ts';
import { renderWorld } from '../glue/wit.ts';
import { compileAssembly } from './compile-assembly.ts';
import { compileEngine, ENGINE_MEMORY_BYTES } from './compile-engine.ts';
import { makeComponent } from './component.ts';
import { readModuleConfig, type ModuleConfig } from './module-config.ts';

export interface ModuleBuild {
  readonly bundle: ModuleBundle;
  /** The text of handle.ts. */
  readonly handle: string;
  /** What was compiled to Wasm, for inspection; null for other engines. */
  readonly assemblySource: string | null;
  /** What the author should know, e.g. that a build is not accelerated. */
  readonly remarks: readonly string[];
}

export interface BuildOptions {
  /** PEM of an Ed25519 private key to sign the bundle with. */
  readonly privateKeyPem?: string | undefined;
}

/** Reads the module's source and tells what it offers; throws OUT_MODULE_SOURCE with every finding. */
export function analyseModule(
  entryFile: string,
  overrides?: ReadonlyMap<string, string>,
): { readonly context: EmitContext; readonly module: ModuleInterface } {
  const program = createModuleProgram(entryFile, overrides);
  const findings = new Findings();
  const reader = new TypeReader(program, findings);
  const module = scanModule(program, reader, findings);
  findings.throwIfAny();
  return { context: { module: program, kinds: new Kinds(program.checker, program.files), reader, findings }, module };
}

/** Builds the module in `directory`. Throws OUT_MODULE_SOURCE, OUT_MODULE_BUILD or OUT_MODULE_TOOLS. */
export async function buildModule(directory: string, options: BuildOptions = {}): Promise<ModuleBuild> {
  const root = path.resolve(directory);
  const config = await readModuleConfig(root);
  const entryFile = path.join(root, config.entry);
  const { context, module } = analyseModule(entryFile);
  checkMigrations(module, config);
  const native = await emitNative(context, module);
  const described: Omit<ModuleManifest, 'builds'> = {
    formatVersion: 1,
    name: config.name,
    version: config.version,
    description: config.description,
    functions: module.functions.map(signatureOf),
    hostInterfaces: hostInterfaces(module.host),
    state: stateOf(module, config),
    sharing: config.sharing,
    memoryMaxBytes: config.memoryMaxBytes,
    onboard: config.onboard,
  };
  const wasm = await buildWasm(root, config, { context, module, described, native });
  const files = new Map<string, Uint8Array>([
    ['native.js', Buffer.from(native)],
    ['module.wasm', wasm.component],
    ['world.wit', Buffer.from(wasm.wit)],
  ]);
  const entry = (file: string): BuildEntry => {
    const bytes = files.get(file) ?? new Uint8Array();
    return { file, bytes: bytes.length, sha256: sha256Hex(bytes) };
  };
  const manifest: ModuleManifest = {
    ...described,
    state: wasm.savesState ? described.state : null,
    memoryMaxBytes: wasm.engine === 'starlingmonkey' ? config.memoryMaxBytes + ENGINE_MEMORY_BYTES : config.memoryMaxBytes,
    builds: { native: entry('native.js'), wasm: { ...entry('module.wasm'), engine: wasm.engine }, wit: entry('world.wit') },
  };
  checkMoves(manifest);
  const unsigned = makeBundle(manifest, files, null);
  // A component that cannot be run is a build error, not a surprise at the edge.
  const { imageRefusal } = readNotes((await compileWasm(unsigned)).wasmModule);
  if (stateFormOf(manifest) === 'image' && imageRefusal !== null)
    throw new OutriderError('OUT_MODULE_BUILD', `the state of ${config.name} could only move by its memory image, but ${imageRefusal}`);
  const bundle = options.privateKeyPem === undefined ? unsigned : signBundle(unsigned, options.privateKeyPem);
  const handle = renderHandle({
    moduleName: config.name,
    entryFile,
    module,
    reader: context.reader,
    callOptions: callOptionsSpecifier(root),
  });
  return { bundle, handle, assemblySource: wasm.source, remarks: wasm.remarks };
}

const PACKAGE = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url));

/** Where a module's handle finds CallOptions: this package's own sources for its own modules, the published entry for all others. */
function callOptionsSpecifier(root: string): string {
  const own = path.join(PACKAGE, 'shared/elastic/call-options.ts');
  if (!root.startsWith(path.join(PACKAGE, 'shared') + path.sep) || !existsSync(own)) return 'outrider/elastic';
  return path.relative(root, own).split(path.sep).join('/');
}

/** The WIT world that a component of another language is built against. */
export async function renderModuleWorld(directory: string): Promise<string> {
  const config = await readModuleConfig(directory);
  const { module } = analyseModule(path.resolve(directory, config.entry));
  return worldOf(config, module, null);
}

/** `source`: the AssemblyScript, whose intrinsics are imported; null for a component of another language, which has no generated state. */
function worldOf(config: ModuleConfig, module: ModuleInterface, source: string | null): string {
  return renderWorld({
    name: config.name,
    functions: module.functions.map(signatureOf),
    hostInterfaces: hostInterfaces(module.host),
    stateful: source !== null && module.state !== null,
    intrinsics: source === null ? [] : usedIntrinsics(source),
  });
}

interface WasmBuild {
  readonly component: Uint8Array;
  readonly engine: WasmEngine;
  readonly wit: string;
  readonly source: string | null;
  /** Whether it has code for saving and loading the declared state; a component without moves by its memory image. */
  readonly savesState: boolean;
  readonly remarks: readonly string[];
}

interface Analysed {
  readonly context: EmitContext;
  readonly module: ModuleInterface;
  readonly described: Omit<ModuleManifest, 'builds'>;
  readonly native: string;
}

async function buildWasm(root: string, config: ModuleConfig, analysed: Analysed): Promise<WasmBuild> {
  const { context, module } = analysed;
  if (config.component !== undefined) return prebuilt(root, config, config.component, module);
  if (config.engine === 'starlingmonkey') return engineBuild(analysed, ['"engine": "starlingmonkey" asks for it']);
  try {
    const { core, source } = await compileAssembly(context, module, {
      name: config.name,
      stateVersion: config.stateVersion,
      enable: config.enable,
    });
    const wit = worldOf(config, module, source);
    return { component: await makeComponent(core, wit, 'utf16'), engine: 'assemblyscript', wit, source, savesState: true, remarks: [] };
  } catch (error) {
    if (config.engine !== 'auto' || !isOutriderError(error, 'OUT_MODULE_SOURCE')) throw error;
    return engineBuild(
      analysed,
      error.message.split('\n').map((line) => path.relative(root, line)),
    );
  }
}

async function prebuilt(root: string, config: ModuleConfig, file: string, module: ModuleInterface): Promise<WasmBuild> {
  const component = await readFile(path.join(root, file));
  const savesState = parseComponent(component).exports.includes(stateInterface(config.name));
  const moves = savesState ? 'its own code saves and loads its state' : 'its state moves by the memory image';
  const remarks = [`${file} is taken as it is; ${moves}`];
  return { component, engine: 'prebuilt', wit: worldOf(config, module, null), source: null, savesState, remarks };
}

/** `reasons`: why AssemblyScript did not make it, each with its place. */
async function engineBuild({ described, native }: Analysed, reasons: readonly string[]): Promise<WasmBuild> {
  const { component, wit } = await compileEngine(described, native);
  const remarks = [
    `NOT ACCELERATED: the Wasm build runs inside StarlingMonkey, a JavaScript engine of ${(component.length / 1e6).toFixed(0)} MB, typically 15 to 200 times slower than native`,
    ...reasons.map((reason) => `outside the portable subset: ${reason}`),
  ];
  return { component, engine: 'starlingmonkey', wit, source: null, savesState: true, remarks };
}

function signatureOf(item: ElasticFunction | HostFunction): FunctionSignature {
  return {
    name: item.name,
    description: item.description,
    parameters: item.parameters.map((parameter) => ({ name: parameter.name, type: toInterfaceType(parameter.type) })),
    result: item.result === null ? null : toInterfaceType(item.result),
    stateful: 'stateful' in item && item.stateful,
  };
}

function hostInterfaces(host: readonly HostFunction[]): HostInterface[] {
  const names = [...new Set(host.map((item) => item.interfaceName))].toSorted();
  return names.map((name) => ({ name, functions: host.filter((item) => item.interfaceName === name).map(signatureOf) }));
}

function stateOf(module: ModuleInterface, config: ModuleConfig): ModuleManifest['state'] {
  if (module.state === null) return null;
  const previous = module.migrations.map((item) => ({ version: item.from, type: toInterfaceType(item.type) }));
  const type = toInterfaceType(module.state.type);
  return previous.length === 0 ? { version: config.stateVersion, type } : { version: config.stateVersion, type, previous };
}

/** A state that only an image can carry stays in Wasm: the native build has no memory to take an image of. */
function checkMoves(manifest: ModuleManifest): void {
  if (stateFormOf(manifest) !== 'image' || manifest.onboard === 'wasm') return;
  throw new OutriderError(
    'OUT_MODULE_BUILD',
    `${manifest.builds.wasm.file} keeps state and exports no ${stateInterface(manifest.name)}, so it moves by its memory image, which the native build does not have: set "onboard": "wasm"`,
  );
}

/** Migrations lead without a gap to the current version. */
function checkMigrations(module: ModuleInterface, config: ModuleConfig): void {
  for (const [index, item] of module.migrations.entries()) {
    const next = module.migrations[index + 1]?.from ?? config.stateVersion;
    if (item.from + 1 === next) continue;
    throw new OutriderError(
      'OUT_MODULE_BUILD',
      `\`@migrates ${item.from}\` leads to version ${item.from + 1}, but the next step is ${next}: add \`@migrates ${item.from + 1}\`, or set stateVersion`,
    );
  }
}

/** Writes a bundle directory; what was there is replaced. */
export async function writeBundle(bundle: ModuleBundle, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'manifest.json'), `${JSON.stringify(bundle.manifest, null, 2)}\n`);
  for (const [name, bytes] of bundle.files) await writeFile(path.join(directory, name), bytes);
  if (bundle.signature !== null) await writeFile(path.join(directory, 'signature.json'), `${canonicalJson(bundle.signature)}\n`);
}
