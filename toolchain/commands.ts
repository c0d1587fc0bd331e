// `outrider module …`: declares the commands; the compilers are loaded only by those that need them.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundleDigest, readBundle, type ModuleBundle } from '../shared/elastic/bundle.ts';
import { signBundle, verifyBundle } from '../shared/elastic/bundle-signature.ts';
import type { FunctionSignature, InterfaceType } from '../shared/elastic/interface-type.ts';
import { OutriderError } from '../shared/errors.ts';
import type { PartitionFlags } from './partition/command.ts';

interface Json {
  readonly json?: true;
}

interface AnalyzeFlags {
  readonly profile?: string;
  readonly apply?: true;
  readonly rttMs: number;
  readonly mbit: number;
  readonly speedup: number;
}

const atLeast = (least: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < least) throw new InvalidArgumentError(`must be a number from ${least} up.`);
  return value;
};

/** Loads what needs compilers; OUT_MODULE_TOOLS where they are not installed. */
async function withTools<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new OutriderError('OUT_MODULE_TOOLS', (cause as Error).message, { cause });
  }
}

const json = (): Option => new Option('--json', 'one JSON object, last on stdout, for machines');

function report(options: Json, data: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
  console.log(options.json === true ? JSON.stringify(data) : lines.join('\n'));
}

/** Adds `module build|inspect|sign|verify|new|analyze|partition` to the program. */
export async function registerModuleCommands(program: Command): Promise<void> {
  const module = program.command('module').description('build, inspect and sign elastic modules');

  module
    .command('build')
    .description('build a module folder into a bundle, and write its handle.ts')
    .argument('<dir>', 'folder with module.json')
    .option('--out <dir>', 'folder of the bundle')
    .option('--key <file>', 'sign with this Ed25519 private key (PEM)')
    .option('--check', 'fail where handle.ts differs, in place of writing it')
    .option('--keep-source', 'write the generated AssemblyScript beside the bundle, for inspection')
    .addOption(json())
    .action(async (directory: string, options: Json & { out?: string; key?: string; check?: true; keepSource?: true }) => {
      const { buildModule, writeBundle } = await withTools(() => import('./build/build-module.ts'));
      const privateKeyPem = options.key === undefined ? undefined : await readFile(options.key, 'utf8');
      const { bundle, handle, remarks, assemblySource } = await buildModule(directory, { privateKeyPem });
      const handleFile = path.join(directory, 'handle.ts');
      const before = await readFile(handleFile, 'utf8').catch(() => null);
      if (before !== handle) {
        if (options.check === true) throw new OutriderError('OUT_MODULE_BUILD', `${handleFile} is not what the module’s source says`);
        await writeFile(handleFile, handle);
      }
      const out = options.out ?? path.join('dist', 'modules', bundle.manifest.name);
      await writeBundle(bundle, out);
      if (options.keepSource === true && assemblySource !== null) {
        await mkdir(out, { recursive: true });
        await writeFile(`${out}.assembly.ts`, assemblySource);
      }
      const files = Object.fromEntries([...bundle.files].map(([name, bytes]) => [name, bytes.length]));
      const { engine } = bundle.manifest.builds.wasm;
      report(
        options,
        { name: bundle.manifest.name, digest: bundle.digest, out, files, engine, signed: bundle.signature !== null, remarks },
        [
          `${bundle.manifest.name} ${bundle.manifest.version} → ${out}`,
          ...Object.entries(files).map(([name, bytes]) => `  ${name}: ${bytes} bytes`),
          `  engine: ${engine}`,
          `  digest: ${bundle.digest}${bundle.signature === null ? '' : ' (signed)'}`,
          ...remarks.map((remark) => `  note: ${remark}`),
        ],
      );
    });

  module
    .command('new')
    .description('make a module project: source, module.json, and a test that holds both builds together')
    .argument('<name>', 'lower-case words joined by -')
    .option('--dir <dir>', 'folder of the project; must not exist (default: the name)')
    .option('--outrider <spec>', 'what package.json asks for: a version, or file: and the path of a packed tarball (default: this version)')
    .addOption(json())
    .action(async (name: string, options: Json & { dir?: string; outrider?: string }) => {
      const { newModule } = await import('./template/new-module.ts');
      const made = await newModule(name, { directory: options.dir, outrider: options.outrider });
      report(options, { name, ...made }, [
        `${name} → ${made.directory}`,
        ...made.files.map((file) => `  ${file}`),
        '  next: npm install, npm run build, npm test',
      ]);
    });

  module
    .command('analyze')
    .description('which exported functions of a TypeScript program could be offloaded, which not and why, and what each would gain')
    .argument('<path>', 'a TypeScript file, or a folder of them')
    .option('--profile <script>', 'run this script and measure the functions that it calls across files')
    .option('--apply', 'put @offloadable before those that could')
    .option('--rtt-ms <ms>', 'round trip of the link', atLeast(0), 10)
    .option('--mbit <rate>', 'rate of the link [Mbit/s]', atLeast(0.001), 50)
    .option('--speedup <factor>', 'how many times as fast as this machine the edge computes', atLeast(0.001), 4)
    .addOption(json())
    .action(async (target: string, options: Json & AnalyzeFlags) => {
      const { analyze, describeAnalysis } = await withTools(() => import('./survey/command.ts'));
      const link = { rttMs: options.rttMs, mbitPerSec: options.mbit, speedup: options.speedup };
      const { functions, tagged } = await analyze(target, { profile: options.profile, apply: options.apply, link });
      report(options, { link, functions, tagged }, describeAnalysis(functions, tagged, link));
    });

  registerPartition(module);

  module
    .command('inspect')
    .description('show what a bundle offers, needs and holds')
    .argument('<dir>', 'folder of the bundle')
    .addOption(json())
    .action(async (directory: string, options: Json) => {
      const bundle = await readBundle(directory);
      report(
        options,
        { digest: bundleDigest(bundle.manifest), signed: bundle.signature !== null, manifest: bundle.manifest },
        describeBundle(bundle),
      );
    });

  module
    .command('sign')
    .description('sign a bundle with an Ed25519 private key')
    .argument('<dir>', 'folder of the bundle')
    .requiredOption('--key <file>', 'private key (PEM)')
    .addOption(json())
    .action(async (directory: string, options: Json & { key: string }) => {
      const signed = signBundle(await readBundle(directory), await readFile(options.key, 'utf8'));
      await writeFile(path.join(directory, 'signature.json'), `${JSON.stringify(signed.signature)}\n`);
      report(options, { digest: signed.digest, publicKey: signed.signature?.publicKey }, [`signed ${signed.digest}`]);
    });

  module
    .command('verify')
    .description('check a bundle’s files, digest and signature')
    .argument('<dir>', 'folder of the bundle')
    .option('--trust <file...>', 'public keys (PEM); the bundle must be signed by one of them')
    .addOption(json())
    .action(async (directory: string, options: Json & { trust?: string[] }) => {
      const bundle = await readBundle(directory);
      verifyBundle(bundle, await Promise.all((options.trust ?? []).map((file) => readFile(file, 'utf8'))));
      report(options, { ok: true, digest: bundle.digest, signed: bundle.signature !== null }, [
        `${bundle.digest}: intact${bundle.signature === null ? ', not signed' : ', signature holds'}`,
      ]);
    });
}

function registerPartition(module: Command): void {
  module
    .command('partition')
    .description('which layers of a neural network would go to a server, in which order, and what each stage gains (IONN)')
    .argument('<model>', 'an ONNX file, whose layers are measured here, or a layer profile (JSON)')
    .requiredOption('--bandwidth <mbps>', 'rate of the link [Mbit/s]', atLeast(0.001))
    .option('--k <k>', 'between 0 and 1: small uploads large pieces at once, near 1 many small ones', Number, 0.8)
    .option('--server-speedup <factor>', 'how many times as fast as the client the server computes', atLeast(0.001), 10)
    .option('--client-slowdown <factor>', 'how many times as long as this machine the client takes', atLeast(0.001), 1)
    .option('--min-layers-onboard <n>', 'layers that never leave the client: with 1 or more, no raw frame does', Number, 0)
    .option('--energy', 'least energy of the client in place of least time')
    .option('--shape <name=dims...>', 'shape of an input whose dimensions the file leaves open, like images=1x3x480x640')
    .option('--runs <n>', 'measured runs of each layer', atLeast(1), 5)
    .addOption(json())
    .action(async (model: string, options: Json & PartitionFlags) => {
      const { partition, describePartition } = await import('./partition/command.ts');
      const outcome = await partition(model, options);
      report(options, { model, bandwidthMbps: options.bandwidth, k: options.k, ...outcome }, describePartition(outcome, options));
    });
}

function describeBundle({ manifest, digest, signature }: ModuleBundle): string[] {
  return [
    `${manifest.name} ${manifest.version}: ${manifest.description}`,
    `  digest: ${digest}${signature === null ? ', not signed' : ', signed'}`,
    `  sharing: ${manifest.sharing}; on board: ${manifest.onboard}; Wasm by ${manifest.builds.wasm.engine}, ${manifest.builds.wasm.bytes} bytes; memory up to ${manifest.memoryMaxBytes} bytes`,
    `  state: ${manifest.state === null ? 'none' : `version ${manifest.state.version}, ${typeText(manifest.state.type)}`}`,
    '  functions:',
    ...manifest.functions.map((item) => `    ${signatureText(item)}${item.stateful ? ' (stateful)' : ''}`),
    ...(manifest.hostInterfaces.length === 0 ? [] : ['  host functions:']),
    ...manifest.hostInterfaces.flatMap((item) => item.functions.map((inner) => `    ${item.name}.${signatureText(inner)}`)),
  ];
}

const signatureText = (item: FunctionSignature): string =>
  `${item.name}(${item.parameters.map((parameter) => `${parameter.name}: ${typeText(parameter.type)}`).join(', ')})${item.result === null ? '' : `: ${typeText(item.result)}`}`;

function typeText(type: InterfaceType): string {
  switch (type.kind) {
    case 'number':
      return type.type;
    case 'typed-array':
    case 'list':
      return `${type.kind === 'list' ? typeText(type.element) : type.element}[]`;
    case 'option':
      return `${typeText(type.value)} | null`;
    case 'record':
    case 'enum':
    case 'variant':
      return type.name;
    default:
      return type.kind;
  }
}
