// Which number type the place of an expression asks for: a declared variable, parameter, field, element, result.
import ts from 'typescript';
import { settle, type Kinds } from '../analysis/kinds.ts';
import { isNullable, numberTypeOf } from '../analysis/portable-type.ts';
import type { NumberType } from '../../shared/elastic/interface-type.ts';

/** What the surroundings expect: a number type (boxed where the place may be null), or null where they do not say. */
export interface Sink {
  readonly kind: NumberType;
  readonly boxed: boolean;
}

const sinkOf = (type: ts.Type | undefined): Sink | null => {
  if (type === undefined) return null;
  const kind = numberTypeOf(type);
  return kind === null ? null : { kind, boxed: isNullable(type) };
};

export function sinkFor(node: ts.Expression, kinds: Kinds, checker: ts.TypeChecker): Sink | null {
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) && parent.initializer === node) {
    const symbol = checker.getSymbolAtLocation(parent.name);
    const inferred = symbol === undefined ? null : kinds.ofSymbol(symbol);
    return inferred === null ? sinkOf(checker.getTypeAtLocation(parent.name)) : { kind: inferred, boxed: false };
  }
  if ((ts.isPropertyDeclaration(parent) || ts.isParameter(parent)) && parent.initializer === node)
    return sinkOf(checker.getTypeAtLocation(parent.name));
  if (ts.isBinaryExpression(parent)) {
    if (parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && parent.right === node)
      return assignmentSink(parent.left, kinds, checker);
    return null;
  }
  if (ts.isElementAccessExpression(parent) && parent.argumentExpression === node) return { kind: 'i32', boxed: false };
  if (ts.isConditionalExpression(parent) && parent.condition !== node) {
    const outer = sinkFor(parent, kinds, checker);
    if (outer !== null) return outer;
    const kind = kinds.of(parent);
    return kind === null ? null : { kind: settle(kind), boxed: false };
  }
  if (ts.isParenthesizedExpression(parent)) return sinkFor(parent, kinds, checker);
  if (ts.isReturnStatement(parent)) {
    const owner = ts.findAncestor(parent, (item): item is ts.FunctionLikeDeclaration => ts.isFunctionLike(item));
    return owner === undefined ? null : returnSink(owner, checker);
  }
  if (ts.isArrowFunction(parent) && parent.body === node) return returnSink(parent, checker);
  if (ts.isCallExpression(parent) && parent.expression !== node) {
    if (kinds.portableCall(parent) !== null || kinds.mathCall(parent) !== null) return null;
    return argumentSink(checker.getContextualType(node));
  }
  if (ts.isNewExpression(parent)) return argumentSink(checker.getContextualType(node));
  if (ts.isArrayLiteralExpression(parent) || ts.isPropertyAssignment(parent))
    return sinkOf(checker.getContextualType(node)) ?? sinkOf(checker.getTypeAtLocation(node));
  return null;
}

/** An optional parameter's `undefined` is no reason to box: what is left out takes its default. */
function argumentSink(type: ts.Type | undefined): Sink | null {
  const sink = sinkOf(type);
  return sink === null
    ? null
    : { kind: sink.kind, boxed: type?.isUnion() === true && type.types.some((item) => item.flags & ts.TypeFlags.Null) };
}

function returnSink(owner: ts.FunctionLikeDeclaration | ts.SignatureDeclaration, checker: ts.TypeChecker): Sink | null {
  const signature = checker.getSignatureFromDeclaration(owner);
  return signature === undefined ? null : sinkOf(signature.getReturnType());
}

/** The number type of an assignment's left side, as declared. */
export function assignmentSink(left: ts.Expression, kinds: Kinds, checker: ts.TypeChecker): Sink | null {
  const symbol =
    ts.isIdentifier(left) || ts.isPropertyAccessExpression(left)
      ? checker.getSymbolAtLocation(ts.isIdentifier(left) ? left : left.name)
      : undefined;
  if (symbol !== undefined) {
    const inferred = kinds.ofSymbol(symbol);
    return inferred === null ? sinkOf(checker.getTypeOfSymbol(symbol)) : { kind: inferred, boxed: false };
  }
  const kind = kinds.of(left);
  return kind === null ? null : { kind: settle(kind), boxed: false };
}
