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

/** An exported function in a form that no tag can stand on, and how to write it instead. */
export interface Untaggable {
  readonly name: string;
  readonly node: ts.Node;
  readonly message: string;
}

/** Exported arrow functions and function expressions in constants, and public methods of exported classes. */
export function untaggableOf(file: ts.SourceFile): Untaggable[] {
  return file.statements.flatMap((statement) => {
    if (!ts.isVariableStatement(statement) && !ts.isClassDeclaration(statement)) return [];
    const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
    if (!exported) return [];
    return ts.isVariableStatement(statement) ? functionConstants(statement) : methodsOf(statement);
  });
}

function functionConstants(statement: ts.VariableStatement): Untaggable[] {
  return statement.declarationList.declarations.flatMap(({ name, initializer }) => {
    const isFunction = initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer));
    if (!isFunction || !ts.isIdentifier(name)) return [];
    const message = `a function in a constant cannot be tagged: declare it as \`export function ${name.text}(…)\``;
    return [{ name: name.text, node: statement, message }];
  });
}

function methodsOf(declaration: ts.ClassDeclaration): Untaggable[] {
  const owner = declaration.name?.text ?? 'class';
  const message = `a method of \`${owner}\` is offloaded with its state: give \`${owner}\` a module of its own, with typed fields and a constructor without arguments, and tag the method there`;
  return declaration.members.flatMap((member) => {
    if (!ts.isMethodDeclaration(member) || member.body === undefined || !ts.isIdentifier(member.name)) return [];
    const hidden =
      (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Static)) !== 0;
    return hidden || hasOffloadableTag(member) ? [] : [{ name: `${owner}.${member.name.text}`, node: member, message }];
  });
}

const hasOffloadableTag = (node: ts.Node): boolean => ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'offloadable');

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
