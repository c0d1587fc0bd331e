// A TypeScript program over one module for analysis: the portable library in place of TypeScript's own, branded integer types.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { PORTABLE_LIB, PORTABLE_TYPES } from './portable-lib.ts';

const LIB_FILE = '/__portable__/lib.d.ts';
const TYPES_FILE = '/__portable__/portable.d.ts';
const VIRTUAL = new Map([
  [LIB_FILE, PORTABLE_LIB],
  [TYPES_FILE, PORTABLE_TYPES],
]);

/** The module's program. `files` are its own sources and the host declarations that it imports, dependencies first. */
export interface ModuleProgram {
  readonly program: ts.Program;
  readonly checker: ts.TypeChecker;
  readonly entry: ts.SourceFile;
  readonly files: readonly ts.SourceFile[];
}

export const isPortableTypes = (file: ts.SourceFile): boolean => file.fileName === TYPES_FILE;
export const isVirtual = (file: ts.SourceFile): boolean => VIRTUAL.has(file.fileName);

/** Where `outrider/host/<name>` lies: beside the reference modules. */
function publishedHostFile(name: string): string | null {
  for (const up of ['../../shared/modules/host/', '../../../shared/modules/host/']) {
    const file = fileURLToPath(new URL(`${up}${name}.ts`, import.meta.url));
    if (existsSync(file)) return file;
  }
  return null;
}

/** The file behind an import, or null for what a portable module cannot import. */
export function resolveImport(specifier: string, importer: string): string | null {
  if (specifier === 'outrider/portable' || (specifier.startsWith('.') && /\/portable(\.ts|\.js)?$/.test(specifier))) return TYPES_FILE;
  const host = /^outrider\/host\/([a-z0-9-]+)$/.exec(specifier)?.[1];
  if (host !== undefined) return publishedHostFile(host);
  if (!specifier.startsWith('.')) return null;
  const target = path.resolve(path.dirname(importer), specifier);
  return [target, `${target}.ts`, target.replace(/\.js$/, '.ts')].find((file) => file.endsWith('.ts') && existsSync(file)) ?? null;
}

/** `overrides`: sources by absolute path in place of what the disk holds. */
export function createModuleProgram(entryFile: string, overrides: ReadonlyMap<string, string> = new Map()): ModuleProgram {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noLib: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
  };
  const read = (file: string): string | undefined =>
    VIRTUAL.get(file) ?? overrides.get(file) ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  const sources = new Map<string, ts.SourceFile>();
  const host: ts.CompilerHost = {
    getSourceFile(file) {
      const known = sources.get(file);
      if (known !== undefined) return known;
      const text = read(file);
      if (text === undefined) return undefined;
      const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
      sources.set(file, source);
      return source;
    },
    getDefaultLibFileName: () => LIB_FILE,
    getCurrentDirectory: () => path.dirname(entryFile),
    getCanonicalFileName: (file) => file,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (file) => read(file) !== undefined,
    readFile: read,
    writeFile: () => undefined,
    resolveModuleNameLiterals: (literals, importer) =>
      literals.map(({ text }) => {
        const file = resolveImport(text, importer);
        return {
          resolvedModule: file === null ? undefined : { resolvedFileName: file, extension: file.endsWith('.d.ts') ? '.d.ts' : '.ts' },
        };
      }),
  };
  const program = ts.createProgram([LIB_FILE, entryFile], options, host);
  const entry = program.getSourceFile(entryFile);
  if (entry === undefined) throw new Error(`no such file: ${entryFile}`);
  return { program, checker: program.getTypeChecker(), entry, files: inDependencyOrder(program, entry) };
}

function inDependencyOrder(program: ts.Program, entry: ts.SourceFile): ts.SourceFile[] {
  const ordered: ts.SourceFile[] = [];
  const seen = new Set<string>();
  const visit = (file: ts.SourceFile): void => {
    if (seen.has(file.fileName) || isVirtual(file)) return;
    seen.add(file.fileName);
    for (const statement of file.statements) {
      if (!(ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) || statement.moduleSpecifier === undefined) continue;
      const target = ts.isStringLiteral(statement.moduleSpecifier) ? resolveImport(statement.moduleSpecifier.text, file.fileName) : null;
      const source = target === null ? undefined : program.getSourceFile(target);
      if (source !== undefined) visit(source);
    }
    ordered.push(file);
  };
  visit(entry);
  return ordered;
}
