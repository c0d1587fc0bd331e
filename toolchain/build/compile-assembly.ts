// Emits AssemblyScript for a module and compiles it to a core module whose exports follow the Canonical ABI.
import { OutriderError } from '../../shared/errors.ts';
import { CORE_HEADER, readExports, readSections, writeExports, writeSections } from '../../shared/elastic/wasm-binary.ts';
import type { ModuleInterface } from '../analysis/scan.ts';
import { sourceError, type Finding } from '../analysis/source-error.ts';
import { emitAssembly } from '../emit/assembly.ts';
import type { EmitContext } from '../emit/emitter.ts';
import { assemblyGlue, MATH_IMPORTS } from '../glue/assembly-glue.ts';
import { PRELUDE } from '../glue/assembly-prelude.ts';
import { loadAssemblyScript } from './tools.ts';

export interface AssemblyOptions {
  readonly name: string;
  readonly stateVersion: number;
  /** Extra features of AssemblyScript, e.g. `simd`. */
  readonly enable: readonly string[];
}

export interface AssemblyBuild {
  readonly core: Uint8Array;
  /** The AssemblyScript that was compiled, for inspection. */
  readonly source: string;
}

const ENTRY = 'module.ts';

export async function compileAssembly(context: EmitContext, module: ModuleInterface, options: AssemblyOptions): Promise<AssemblyBuild> {
  const emitted = emitAssembly(context);
  const glue = assemblyGlue(options.name, options.stateVersion, module, context.reader, (item) => emitted.functionName(item));
  context.findings.throwIfAny();
  const source = [emitted.text, PRELUDE, MATH_IMPORTS, glue.text].join('\n');
  const core = await runCompiler(source, emitted.locate, options);
  return { core: renameExports(core, glue.exports), source };
}

async function runCompiler(
  source: string,
  locate: (line: number) => Omit<Finding, 'message'> | null,
  options: AssemblyOptions,
): Promise<Uint8Array> {
  const asc = await loadAssemblyScript();
  let binary: Uint8Array | null = null;
  const findings: Finding[] = [];
  const unplaced: string[] = [];
  const enable = options.enable.flatMap((feature) => ['--enable', feature]);
  const { error } = await asc.main(
    [
      ENTRY,
      '--outFile',
      'module.wasm',
      '--runtime',
      'minimal',
      '--exportStart',
      '_initialize',
      '--use',
      'abort=module/__abort',
      '-O3',
      '--shrinkLevel',
      '0',
      ...enable,
    ],
    {
      readFile: (name) => (name === ENTRY ? source : null),
      writeFile: (name, contents) => {
        if (name === 'module.wasm' && typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
      transforms: [new ExposeHeapSize() as never],
      stdout: { write: () => undefined },
      stderr: { write: (chunk: unknown) => void unplaced.push(String(chunk)) },
      reportDiagnostic: (diagnostic) => {
        if (diagnostic.category !== 3) return;
        const place = diagnostic.range?.source.normalizedPath === ENTRY ? locate(lineOf(source, diagnostic.range.start)) : null;
        if (place !== null) findings.push({ ...place, message: `AssemblyScript: ${diagnostic.message}` });
      },
    },
  );
  if (findings.length > 0) throw sourceError(findings, 'OUT_MODULE_BUILD');
  if (error !== null || binary === null)
    throw new OutriderError('OUT_MODULE_BUILD', `AssemblyScript failed: ${error?.message ?? 'no output'}\n${unplaced.join('')}`);
  return binary;
}

const lineOf = (source: string, offset: number): number => source.slice(0, offset).split('\n').length;

/** Lets the glue read how many bytes the collector manages (a private variable of AssemblyScript's runtime). */
class ExposeHeapSize {
  afterParse(parser: {
    sources: { normalizedPath: string; statements: { declarations?: { name: { text: string }; flags: number }[] }[] }[];
  }): void {
    const collector = parser.sources.find((item) => item.normalizedPath === '~lib/rt/tcms.ts');
    for (const statement of collector?.statements ?? []) {
      for (const declaration of statement.declarations ?? []) if (declaration.name.text === 'total') declaration.flags |= EXPORT_FLAG;
    }
  }
}

/** AssemblyScript's CommonFlags.Export. */
const EXPORT_FLAG = 1 << 1;

/** AssemblyScript exports identifiers only; the Canonical ABI wants `module:name/api#function`. Others are dropped. */
function renameExports(core: Uint8Array, names: ReadonlyMap<string, string>): Uint8Array {
  const sections = readSections(core, CORE_HEADER).map((section) => {
    if (section.id !== 7) return section;
    const exports = readExports(section.body).flatMap((item) => {
      const name = names.get(item.name);
      return name === undefined ? [] : [{ ...item, name }];
    });
    return { id: section.id, body: writeExports(exports) };
  });
  return writeSections(CORE_HEADER, sections);
}
