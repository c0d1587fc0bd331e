// Expressions in AssemblyScript other than arithmetic, calls and literals.
import ts from 'typescript';
import { settle } from '../analysis/kinds.ts';
import { isNullable, numberTypeOf, presentMembers } from '../analysis/portable-type.ts';
import { isVirtual } from '../analysis/program.ts';
import { asText, emitCall, emitIndex, emitMaybe, emitMaybeOr, MAYBE_CALLS } from './assembly-calls.ts';
import { arrayLiteral, newExpression, objectLiteral } from './assembly-literals.ts';
import { emitAs, emitNumericBinary, emitNumericPrefix, settleInPlace } from './assembly-numbers.ts';
import { isBoxable, typeText } from './assembly-types.ts';
import { isSimple, isTarget, isValue, type Emitter, type Handler } from './emitter.ts';

/** Wraps a handler so that its number is converted to what the place asks for. */
const placed =
  <T extends ts.Expression>(handler: (node: T, e: Emitter) => string | null): Handler =>
  (node: T, e) => {
    const text = handler(node, e) ?? e.splice(node);
    return isTarget(node) ? text : settleInPlace(node, text, e);
  };

/** Properties and variables as declared, before control flow has narrowed them. */
function declaredType(node: ts.Expression, e: Emitter): ts.Type | null {
  const symbol = e.checker.getSymbolAtLocation(ts.isPropertyAccessExpression(node) ? node.name : node);
  return symbol === undefined ? null : e.checker.getTypeOfSymbol(symbol);
}

/** What narrowing proves: not null, or one member of a union. */
function narrowed(node: ts.Expression, text: string, e: Emitter): string {
  if (isTarget(node)) return text;
  const declared = declaredType(node, e);
  if (declared === null) return text;
  const actual = e.checker.getTypeAtLocation(node);
  if (actual.flags & ts.TypeFlags.Never) return isNullable(declared) && isBoxable(declared) ? `${text}!.value` : text;
  let out = text;
  if (isNullable(declared) && !isNullable(actual) && presentMembers(actual).length > 0)
    out = isBoxable(declared) ? `${text}!.value` : `${text}!`;
  return castToMember(declared, actual, out, e, node);
}

function castToMember(declared: ts.Type, actual: ts.Type, text: string, e: Emitter, node: ts.Node): string {
  const before = presentMembers(declared);
  const after = presentMembers(actual);
  if (before.length < 2 || after.length !== 1 || isNullable(actual)) return text;
  const member = after[0]?.getSymbol();
  return e.reader.unionOf(member) === null || member === undefined ? text : `changetype<${typeTextOfMember(member, e, node)}>(${text})`;
}

const typeTextOfMember = (member: ts.Symbol, e: Emitter, _node: ts.Node): string => e.reader.nameOf(member);

function identifier(node: ts.Identifier, e: Emitter): string | null {
  if (node.text === 'undefined') return 'null';
  let symbol = e.checker.getSymbolAtLocation(node);
  if (symbol === undefined) return null;
  if (symbol.flags & ts.SymbolFlags.Alias) symbol = e.checker.getAliasedSymbol(symbol);
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined || isVirtual(declaration.getSourceFile())) return null;
  const topLevel =
    ts.isSourceFile(declaration.parent) || (ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent));
  const name = topLevel ? e.reader.nameOf(symbol) : node.text;
  if (!isValue(node)) return name;
  return narrowed(node, name, e);
}

function propertyAccess(node: ts.PropertyAccessExpression, e: Emitter): string | null {
  if (node.questionDotToken !== undefined) return optionalAccess(node, e);
  if (ts.isIdentifier(node.expression)) {
    const namespace = e.checker.getSymbolAtLocation(node.expression);
    const isNamespace = namespace?.declarations?.some((item) => ts.isNamespaceImport(item)) === true;
    if (isNamespace) return identifier(node.name as ts.Identifier, e);
    if (node.expression.text === 'Number') return NUMBER_CONSTANTS[node.name.text] ?? null;
  }
  const name = ts.isPrivateIdentifier(node.name) ? privateName(node.name) : node.name.text;
  return narrowed(node, `${e.body(node.expression)}.${name}`, e);
}

const NUMBER_CONSTANTS: Readonly<Record<string, string>> = {
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '(-Infinity)',
  NaN: 'NaN',
  MAX_SAFE_INTEGER: '9007199254740991.0',
  MIN_SAFE_INTEGER: '(-9007199254740991.0)',
  EPSILON: '2.220446049250313e-16',
  MAX_VALUE: '1.7976931348623157e308',
};

export const privateName = (node: ts.PrivateIdentifier): string => `__own_${node.text.slice(1)}`;

function optionalAccess(node: ts.PropertyAccessExpression, e: Emitter): string | null {
  const value = e.checker.getTypeAtLocation(node);
  if (!isSimple(node.expression) || isBoxable(value)) {
    e.problem(node, '`?.` is portable only for a field that is an object, of a plain name: write an if');
    return null;
  }
  const object = e.body(node.expression);
  return `(${object} !== null ? ${object}!.${node.name.text} : null)`;
}

function elementAccess(node: ts.ElementAccessExpression, e: Emitter): string | null {
  const owner = e.checker.getTypeAtLocation(node.expression);
  const index = emitIndex(node.argumentExpression, e);
  if (owner.flags & ts.TypeFlags.StringLike) return `${e.body(node.expression)}.charAt(${index})`;
  if (!isTarget(node) && isNullable(e.checker.getTypeAtLocation(node))) return emitMaybe(node, e);
  const text = `${e.body(node.expression)}[${index}]`;
  return text;
}

function binary(node: ts.BinaryExpression, e: Emitter): string | null {
  const operator = node.operatorToken.kind;
  const S = ts.SyntaxKind;
  if (operator === S.QuestionQuestionToken) return nullish(node.left, node.right, e, node);
  if (operator === S.QuestionQuestionEqualsToken || operator === S.BarBarEqualsToken || operator === S.AmpersandAmpersandEqualsToken) {
    e.problem(node, 'write this assignment out with an if: `if (x === null) x = …`');
    return null;
  }
  if (operator === S.InKeyword) e.problem(node, '`in` is not portable: use a Map, or a field that may be null');
  const numeric = emitNumericBinary(node, e);
  if (numeric !== null) return numeric;
  if (operator === S.EqualsEqualsEqualsToken || operator === S.ExclamationEqualsEqualsToken) {
    const sign = operator === S.EqualsEqualsEqualsToken ? '==' : '!=';
    return `(${withoutUnboxing(node.left, e)} ${sign} ${withoutUnboxing(node.right, e)})`;
  }
  if (operator === S.PlusToken && isText(node, e)) return `(${asText(node.left, e)} + ${asText(node.right, e)})`;
  if (operator === S.PlusEqualsToken && isText(node, e)) return `${e.body(node.left)} += ${asText(node.right, e)}`;
  const logical = operator === S.BarBarToken || operator === S.AmpersandAmpersandToken;
  const kind = logical ? e.kindOf(node) : null;
  if (kind !== null)
    return `(${emitAs(node.left, settle(kind), e)} ${node.operatorToken.getText()} ${emitAs(node.right, settle(kind), e)})`;
  if (logical) return `(${condition(node.left, e)} ${node.operatorToken.getText()} ${condition(node.right, e)})`;
  return null;
}

const withoutUnboxing = (node: ts.Expression, e: Emitter): string => e.body(node);

const isText = (node: ts.BinaryExpression, e: Emitter): boolean =>
  [node.left, node.right].some((side) => {
    const type = e.checker.getTypeAtLocation(side);
    return (type.flags & ts.TypeFlags.StringLike) !== 0 || (type.isUnion() && type.types.every((item) => item.isStringLiteral()));
  });

/** Conditions on text and numbers mean something else in AssemblyScript; they must be comparisons. */
export function condition(node: ts.Expression, e: Emitter): string {
  const type = e.checker.getTypeAtLocation(node);
  const members = presentMembers(type);
  if (members.some((item) => item.flags & ts.TypeFlags.StringLike)) e.problem(node, "a string is not a condition here: compare it with ''");
  if (isNullable(type) && isBoxable(type)) e.problem(node, 'compare this with null');
  const kind = e.kindOf(node);
  return kind === 'f64' || kind === 'f32' ? `__truthy(${emitAs(node, 'f64', e)})` : e.body(node);
}

function nullish(left: ts.Expression, right: ts.Expression, e: Emitter, node: ts.BinaryExpression): string {
  if (!isHarmless(right))
    e.problem(right, 'the right side of `??` is always computed here: use a name, a literal or `new`, or write an if');
  const leftKind = e.kindOf(left);
  const resultKind = e.kindOf(node);
  const type = e.checker.getNonNullableType(e.checker.getTypeAtLocation(left));
  const fallback = leftKind !== null && resultKind !== null ? emitAs(right, numberTypeOf(type) ?? 'f64', e) : e.body(right);
  const inner = ts.isParenthesizedExpression(left) ? left.expression : left;
  if (ts.isElementAccessExpression(inner)) return emitMaybeOr(inner, fallback, e);
  if (ts.isCallExpression(inner) && ts.isPropertyAccessExpression(inner.expression) && MAYBE_CALLS.has(inner.expression.name.text)) {
    const owner = e.checker.getTypeAtLocation(inner.expression.expression).getSymbol();
    if (owner?.declarations?.some((item) => isVirtual(item.getSourceFile())) === true) return emitMaybeOr(inner, fallback, e);
  }
  return `${isBoxable(type) ? '__unboxOr' : '__or'}<${typeText(type, e, left)}>(${e.body(left)}, ${fallback})`;
}

function isHarmless(node: ts.Expression): boolean {
  if (isSimple(node) || ts.isStringLiteralLike(node) || node.kind === ts.SyntaxKind.NullKeyword) return true;
  if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) return true;
  if (ts.isPrefixUnaryExpression(node)) return isHarmless(node.operand);
  if (ts.isBinaryExpression(node)) return isHarmless(node.left) && isHarmless(node.right);
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isHarmless);
  if (ts.isNewExpression(node)) return (node.arguments ?? []).every(isHarmless);
  if (ts.isObjectLiteralExpression(node))
    return node.properties.every((item) => !ts.isPropertyAssignment(item) || isHarmless(item.initializer));
  return (
    ts.isCallExpression(node) &&
    ts.isIdentifier(node.expression) &&
    /^[iuf]\d+$/.test(node.expression.text) &&
    node.arguments.every(isHarmless)
  );
}

function template(node: ts.TemplateExpression, e: Emitter): string {
  const parts = [
    JSON.stringify(node.head.text),
    ...node.templateSpans.flatMap((span) => [asText(span.expression, e), JSON.stringify(span.literal.text)]),
  ];
  return e.padded(`(${parts.filter((part) => part !== '""' || parts.length === 1).join(' + ')})`, node);
}

const refuse =
  (message: string): Handler =>
  (node: ts.Node, e) => {
    e.problem(node, message);
    return null;
  };

const S = ts.SyntaxKind;
export const EXPRESSIONS: readonly (readonly [ts.SyntaxKind, Handler])[] = [
  [S.Identifier, placed(identifier)],
  [S.NumericLiteral, placed((node: ts.NumericLiteral) => node.getText())],
  [S.BigIntLiteral, placed((node: ts.BigIntLiteral) => node.getText().replace(/n$/, ''))],
  [S.PropertyAccessExpression, placed(propertyAccess)],
  [S.ElementAccessExpression, placed(elementAccess)],
  [S.BinaryExpression, placed(binary)],
  [S.PrefixUnaryExpression, placed(emitPrefix)],
  [S.PostfixUnaryExpression, placed((node: ts.PostfixUnaryExpression, e) => e.splice(node))],
  [S.CallExpression, placed(emitCall)],
  [S.NewExpression, newExpression],
  [
    S.ConditionalExpression,
    (node: ts.ConditionalExpression, e: Emitter) =>
      `(${condition(node.condition, e)} ? ${e.emit(node.whenTrue)} : ${e.emit(node.whenFalse)})`,
  ],
  [S.ArrayLiteralExpression, arrayLiteral],
  [S.ObjectLiteralExpression, objectLiteral],
  [S.TemplateExpression, template],
  [
    S.AsExpression,
    (node: ts.AsExpression, e: Emitter) =>
      node.type.getText() === 'const' || e.kindOf(node) !== null ? settleInPlace(node, e.body(node.expression), e) : assertion(node, e),
  ],
  [S.SatisfiesExpression, (node: ts.SatisfiesExpression, e: Emitter) => e.body(node.expression)],
  [S.NonNullExpression, placed(nonNull)],
  [S.NullKeyword, () => 'null'],
  [S.TypeOfExpression, refuse('typeof is not portable: give the value one type')],
  [S.DeleteExpression, refuse('delete is not portable: use a Map, or a field that may be null')],
  [S.AwaitExpression, refuse('await is not portable: elastic functions are synchronous inside')],
  [S.YieldExpression, refuse('generators are not portable: return an array')],
  [S.RegularExpressionLiteral, refuse('regular expressions are not portable: use indexOf, split and comparisons')],
  [S.TaggedTemplateExpression, refuse('tagged templates are not portable')],
];

function emitPrefix(node: ts.PrefixUnaryExpression, e: Emitter): string | null {
  if (node.operator === S.ExclamationToken) return `!${condition(node.operand, e)}`;
  return emitNumericPrefix(node, e);
}

function assertion(node: ts.AsExpression, e: Emitter): string {
  const from = e.checker.getTypeAtLocation(node.expression);
  const to = e.checker.getTypeFromTypeNode(node.type);
  const text = e.body(node.expression);
  if (isNullable(from) && !isNullable(to)) return text;
  const wanted = typeText(to, e, node);
  return wanted === typeText(from, e, node) ? text : `(${text} as ${wanted})`;
}

function nonNull(node: ts.NonNullExpression, e: Emitter): string {
  const inner = e.body(node.expression);
  const { expression } = node;
  if (ts.isElementAccessExpression(expression) || ts.isCallExpression(expression)) {
    const type = e.checker.getTypeAtLocation(expression);
    const nulls = type.isUnion() && type.types.some((item) => item.flags & ts.TypeFlags.Null);
    return nulls ? (isBoxable(type) ? `${inner}!.value` : `${inner}!`) : inner;
  }
  const declared = declaredType(expression, e);
  const actual = e.checker.getTypeAtLocation(expression);
  if (declared !== null && isNullable(declared) && isNullable(actual)) return isBoxable(declared) ? `${inner}!.value` : `${inner}!`;
  return inner;
}
