// Rewrites source text by syntax tree: every node is copied as it stands, with its children rewritten, unless a handler says
// otherwise. Line breaks are kept, so that a compiler's line numbers are the author's.
import ts from 'typescript';
import type { Kind, Kinds } from '../analysis/kinds.ts';
import type { ModuleProgram } from '../analysis/program.ts';
import type { Findings } from '../analysis/source-error.ts';
import type { TypeReader } from '../analysis/type-reader.ts';

/** Text for a node without its leading trivia, or null to copy it with its children rewritten. */
export type Handler = (node: never, emitter: Emitter) => string | null;

export interface EmitContext {
  readonly module: ModuleProgram;
  readonly kinds: Kinds;
  readonly reader: TypeReader;
  readonly findings: Findings;
}

export class Emitter {
  readonly context: EmitContext;
  readonly checker: ts.TypeChecker;
  readonly kinds: Kinds;
  readonly reader: TypeReader;
  readonly #handlers: ReadonlyMap<ts.SyntaxKind, Handler>;
  /** Whatever handlers keep between nodes, e.g. classes to be generated. */
  readonly notes = new Map<string, string>();
  #unique = 0;

  constructor(context: EmitContext, handlers: ReadonlyMap<ts.SyntaxKind, Handler>) {
    this.context = context;
    this.checker = context.module.checker;
    this.kinds = context.kinds;
    this.reader = context.reader;
    this.#handlers = handlers;
  }

  /** The rewritten node with the blanks and comments before it. */
  emit(node: ts.Node): string {
    const text = node.getSourceFile().text;
    return text.slice(node.getFullStart(), node.getStart()) + this.body(node);
  }

  /** The rewritten node alone. */
  body(node: ts.Node): string {
    const handler = this.#handlers.get(node.kind);
    const text = (handler === undefined ? null : handler(node as never, this)) ?? this.splice(node);
    return ts.isStatement(node) || ts.isClassElement(node) ? this.padded(text, node) : text;
  }

  /** The node as it stands, its children rewritten. */
  splice(node: ts.Node): string {
    const text = node.getSourceFile().text;
    let out = '';
    let position = node.getStart();
    ts.forEachChild(node, (child) => {
      const start = Math.max(child.getFullStart(), position);
      out += text.slice(position, start) + (child.getFullStart() >= position ? this.emit(child) : this.body(child));
      position = child.end;
    });
    return out + text.slice(position, node.end);
  }

  /** `text` with as many line breaks as `node` spans. */
  padded(text: string, node: ts.Node): string {
    const lines = (value: string): number => value.split('\n').length;
    return text + '\n'.repeat(Math.max(0, lines(node.getText()) - lines(text)));
  }

  /** A name that no source uses. */
  fresh(hint: string): string {
    this.#unique += 1;
    return `__${hint}${this.#unique}`;
  }

  problem(node: ts.Node, message: string): void {
    this.context.findings.add(node, message);
  }

  /** The kind of a number, or null. */
  kindOf(node: ts.Expression): Kind | null {
    return this.kinds.of(node);
  }
}

/** Identifiers and paths of plain properties: evaluated twice, they give the same twice. */
export function isSimple(node: ts.Expression): boolean {
  if (ts.isIdentifier(node) || node.kind === ts.SyntaxKind.ThisKeyword || ts.isNumericLiteral(node) || ts.isStringLiteral(node))
    return true;
  if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node)) return isSimple(node.expression);
  if (ts.isPropertyAccessExpression(node)) return isSimple(node.expression);
  if (ts.isElementAccessExpression(node)) return isSimple(node.expression) && isSimple(node.argumentExpression);
  return false;
}

/** Whether the expression is written to, so that it must stay a place. */
export function isTarget(node: ts.Expression): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent)) {
    return (
      parent.left === node &&
      parent.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      parent.operatorToken.kind <= ts.SyntaxKind.LastAssignment
    );
  }
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
    return parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken;
  }
  return ts.isParenthesizedExpression(parent) && isTarget(parent);
}

/** Whether the identifier stands for a value and is not a name in a declaration or behind a dot. */
export function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isPropertyDeclaration(parent)) return parent.initializer === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (
    ts.isShorthandPropertyAssignment(parent) ||
    ts.isBindingElement(parent) ||
    ts.isImportSpecifier(parent) ||
    ts.isExportSpecifier(parent)
  )
    return false;
  return (
    !(ts.isFunctionLike(parent) && parent.name === node) &&
    !ts.isClassLike(parent) &&
    !ts.isTypeNode(parent) &&
    !ts.isLabeledStatement(parent)
  );
}
