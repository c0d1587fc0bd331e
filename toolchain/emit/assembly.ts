// A module's TypeScript as one AssemblyScript source: its files one after the other, each line traceable to where it came from.
import ts from 'typescript';
import type { ElasticFunction } from '../analysis/scan.ts';
import type { Finding } from '../analysis/source-error.ts';
import { DECLARATIONS } from './assembly-declarations.ts';
import { EXPRESSIONS } from './assembly-expressions.ts';
import { STATEMENTS } from './assembly-statements.ts';
import { Emitter, type EmitContext } from './emitter.ts';

export interface EmittedAssembly {
  readonly text: string;
  /** File and line behind a line (from 1) of `text`; null for generated lines. */
  locate(line: number): Omit<Finding, 'message'> | null;
  /** The identifier of an elastic function in `text`. */
  functionName(item: ElasticFunction): string;
}

/** Diagnostics of the analysis that mean "not in the portable library". */
const NOT_PORTABLE = new Set([2304, 2339, 2550, 2551, 2552, 2554, 2555, 2575, 2583, 2584, 2585, 2769]);

export function emitAssembly(context: EmitContext): EmittedAssembly {
  const { module, reader } = context;
  reportUnportable(context);
  const emitter = new Emitter(context, new Map([...EXPRESSIONS, ...STATEMENTS, ...DECLARATIONS]));
  // Top-level names are given first, so that they are the same whatever is emitted first.
  for (const file of module.files) for (const symbol of topLevelSymbols(file, module.checker)) reader.nameOf(symbol);
  const parts: string[] = [];
  const starts: { readonly line: number; readonly file: string }[] = [];
  let line = 1;
  for (const file of module.files) {
    const text = emitter.splice(file);
    const leading = file.text.slice(0, file.getStart());
    starts.push({ line, file: file.fileName });
    parts.push(leading + text);
    line += (leading + text).split('\n').length;
  }
  const generated = [...emitter.notes.values()].filter((text) => text !== '').join('\n');
  const end = line;
  return {
    text: `${parts.join('\n')}\n${generated}`,
    locate: (at) => {
      if (at >= end) return null;
      const start = starts.findLast((item) => item.line <= at);
      return start === undefined ? null : { file: start.file, line: at - start.line + 1 };
    },
    functionName: (item) => {
      const symbol = item.declaration.name === undefined ? undefined : module.checker.getSymbolAtLocation(item.declaration.name);
      return item.stateful || symbol === undefined ? item.name : reader.nameOf(symbol);
    },
  };
}

function topLevelSymbols(file: ts.SourceFile, checker: ts.TypeChecker): ts.Symbol[] {
  return file.statements.flatMap((statement) => {
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((item) => item.name)
      : ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)
        ? [statement.name]
        : [];
    return names.flatMap((name) => {
      const symbol = name === undefined ? undefined : checker.getSymbolAtLocation(name);
      return symbol === undefined ? [] : [symbol];
    });
  });
}

/** What the language has and the portable library has not. */
function reportUnportable(context: EmitContext): void {
  const { module, findings } = context;
  for (const file of module.files) {
    for (const diagnostic of module.program.getSemanticDiagnostics(file)) {
      if (!NOT_PORTABLE.has(diagnostic.code) || diagnostic.start === undefined) continue;
      const node = nodeAt(file, diagnostic.start);
      findings.add(node, `not in the portable subset: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`);
    }
  }
}

function nodeAt(file: ts.SourceFile, position: number): ts.Node {
  let found: ts.Node = file;
  const visit = (node: ts.Node): void => {
    if (position >= node.getStart(file) && position < node.end) {
      found = node;
      ts.forEachChild(node, visit);
    }
  };
  ts.forEachChild(file, visit);
  return found;
}
