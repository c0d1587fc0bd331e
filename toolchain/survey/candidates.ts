// The exported functions of an ordinary program, and what each of them uses: the slice that would move with it.
import ts from 'typescript';
import { isVirtual, type ModuleProgram } from '../analysis/program.ts';

export interface Candidate {
  readonly name: string;
  readonly declaration: ts.FunctionDeclaration;
}

/** Exported function declarations with a body, in the order of the source. */
export function candidatesOf(file: ts.SourceFile): Candidate[] {
  return file.statements.flatMap((statement) => {
    if (!ts.isFunctionDeclaration(statement) || statement.name === undefined || statement.body === undefined) return [];
    const exported = (ts.getCombinedModifierFlags(statement) & ts.ModifierFlags.Export) !== 0;
    return exported ? [{ name: statement.name.text, declaration: statement }] : [];
  });
}

export interface Slice {
  /** The program's files with all else blanked, line for line. */
  readonly overrides: ReadonlyMap<string, string>;
  /** What comes from packages or from Node, where it is used first. */
  readonly foreign: readonly { readonly node: ts.Node; readonly name: string; readonly specifier: string }[];
}

/** What `declaration` uses, over files, and itself tagged. Lines stay where they are, so that findings point into the author's files. */
export function sliceFor({ declaration }: Candidate, module: ModuleProgram): Slice {
  const kept = new Set<ts.Node>();
  const foreign = new Map<string, { node: ts.Node; name: string; specifier: string }>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) follow(node);
    ts.forEachChild(node, visit);
  };
  const follow = (node: ts.Identifier): void => {
    const symbol = module.checker.getSymbolAtLocation(node);
    if (symbol === undefined) return;
    const target = symbol.flags & ts.SymbolFlags.Alias ? module.checker.getAliasedSymbol(symbol) : symbol;
    const found = target.declarations ?? [];
    if (found.length === 0) {
      const specifier = importedFrom(symbol);
      if (specifier !== null && !foreign.has(symbol.name)) foreign.set(symbol.name, { node, name: node.text, specifier });
    }
    for (const item of found) {
      const statement = topLevel(item);
      if (statement === null || isVirtual(statement.getSourceFile()) || kept.has(statement)) continue;
      kept.add(statement);
      visit(statement);
    }
  };
  kept.add(declaration);
  visit(declaration);
  const overrides = new Map(module.files.map((file) => [file.fileName, blanked(file, kept, declaration)]));
  return { overrides, foreign: [...foreign.values()] };
}

function topLevel(node: ts.Node): ts.Statement | null {
  let at = node;
  while (at.parent !== undefined && !ts.isSourceFile(at.parent)) at = at.parent;
  return at.parent !== undefined && ts.isStatement(at) ? at : null;
}

/** The package behind an import that no portable module can make. */
function importedFrom(symbol: ts.Symbol): string | null {
  for (let node: ts.Node | undefined = symbol.declarations?.[0]; node !== undefined; node = node.parent) {
    if (ts.isImportDeclaration(node)) return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : null;
  }
  return null;
}

function blanked(file: ts.SourceFile, kept: ReadonlySet<ts.Node>, tagged: ts.Node): string {
  return file.statements
    .map((statement) => {
      const text = statement.getFullText(file);
      const keep = kept.has(statement) || ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
      if (!keep) return text.replaceAll(/[^\n]/g, ' ');
      if (statement !== tagged) return text;
      const lead = statement.getStart(file) - statement.getFullStart();
      // Another block of JSDoc right before the declaration: the tag of the last one counts, and no line is added.
      return `${text.slice(0, lead)}/** @offloadable */ ${text.slice(lead)}`;
    })
    .join('');
}
