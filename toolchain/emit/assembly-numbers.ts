// Numbers in AssemblyScript: conversions made explicit, operators in the types that `analysis/kinds.ts` assigns.
import ts from 'typescript';
import type { NumberType } from '../../shared/elastic/interface-type.ts';
import { COMPOUND, commonKind, isBig, isFloat, isSmallShift, promote, settle, type Kind } from '../analysis/kinds.ts';
import { isNullable } from '../analysis/portable-type.ts';
import { isSimple, type Emitter } from './emitter.ts';
import { assignmentSink, sinkFor } from './sinks.ts';

/** `text` of one number type as another; reports conversions that must be written out. */
export function convert(text: string, from: Kind, to: NumberType, node: ts.Node, e: Emitter): string {
  if (from === to) return text;
  if (from === 'literal') {
    if (isFloat(to)) return /^\d[\d_]*$/.test(text.trim()) ? `${text}.0` : `<${to}>(${text})`;
    return to === 'i32' ? text : `<${to}>(${text})`;
  }
  if (isFloat(from) && !isFloat(to)) {
    e.problem(
      node,
      `\`${node.getText()}\` is a ${from} where ${article(to)} ${to} is needed: write ${to}(…), which truncates, or declare the variable f64`,
    );
    return `<${to}>(${text})`;
  }
  return `<${to}>(${text})`;
}

const article = (kind: string): string => (/^[i8]/.test(kind) ? 'an' : 'a');

/** The expression's text as a number of type `to`. */
export function emitAs(node: ts.Expression, to: NumberType, e: Emitter): string {
  return convert(e.body(node), e.kindOf(node) ?? to, to, node, e);
}

/** An explicit conversion by a function of portable.ts: saturating from floating point, wrapping between integers. */
export function emitConversion(to: NumberType, argument: ts.Expression, e: Emitter): string {
  const inner = unwrap(argument);
  const division = integerDivision(inner, to, e);
  if (division !== null) return division;
  const single = to === 'f32' ? singlePrecision(inner, e) : null;
  if (single !== null) return single;
  const from = e.kindOf(argument);
  const text = e.body(argument);
  if (from === null) {
    e.problem(argument, `\`${argument.getText()}\` is not a number`);
    return text;
  }
  if (from === to) return text;
  if (isFloat(from) && (to === 'i8' || to === 'u8' || to === 'i16' || to === 'u16')) return `<${to}>(<i32>(${text}))`;
  return `<${to}>(${text})`;
}

const unwrap = (node: ts.Expression): ts.Expression => (ts.isParenthesizedExpression(node) ? unwrap(node.expression) : node);

/** `i32(a / b)` of two i32 (or u32) is the machine's division. */
export function integerDivision(inner: ts.Expression, to: NumberType, e: Emitter): string | null {
  const operands = integerDivisionOperands(inner, to, e);
  return operands === null ? null : emitDivision('/', to, operands.left, operands.right, e);
}

/** Division by a literal is the machine's; any other checks for zero, so that it throws in place of trapping. */
function emitDivision(sign: '/' | '%', kind: NumberType, a: ts.Expression, b: ts.Expression, e: Emitter): string {
  const [left, right] = [emitAs(a, kind, e), emitAs(b, kind, e)];
  if (isNonZeroLiteral(b)) return `(${left} ${sign} ${right})`;
  return `${sign === '/' ? '__div' : '__rem'}<${kind}>(${left}, ${right})`;
}

export const isNonZeroLiteral = (node: ts.Expression): boolean =>
  (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) && !/^0n?$/.test(node.text);

export function integerDivisionOperands(
  inner: ts.Expression,
  to: NumberType,
  e: Emitter,
): { left: ts.Expression; right: ts.Expression } | null {
  if (to !== 'i32' && to !== 'u32') return null;
  if (!ts.isBinaryExpression(inner) || inner.operatorToken.kind !== ts.SyntaxKind.SlashToken) return null;
  const left = e.kindOf(inner.left);
  const right = e.kindOf(inner.right);
  if (left === null || right === null || commonKind(left, right) !== to) return null;
  return { left: inner.left, right: inner.right };
}

/** `f32(a * b)` of two f32 is the machine's operation: rounding the exact f64 result gives the same. */
function singlePrecision(inner: ts.Expression, e: Emitter): string | null {
  if (!ts.isBinaryExpression(inner) || !/^[-+*/]$/.test(inner.operatorToken.getText())) return null;
  if (e.kindOf(inner.left) !== 'f32' || e.kindOf(inner.right) !== 'f32') return null;
  return `(${e.body(inner.left)} ${inner.operatorToken.getText()} ${e.body(inner.right)})`;
}

/** Converts an expression's text to what its surroundings ask for. */
export function settleInPlace(node: ts.Expression, text: string, e: Emitter): string {
  const sink = sinkFor(node, e.kinds, e.checker);
  const kind = e.kindOf(node);
  if (kind === null || ts.isParenthesizedExpression(node)) return text;
  if (sink === null) return kind === 'literal' && Number(text) > 0x7fff_ffff ? `${text}.0` : text;
  if (sink.boxed) {
    if (isNullable(e.checker.getTypeAtLocation(node))) return text;
    return `__box<${sink.kind}>(${convert(text, kind, sink.kind, node, e)})`;
  }
  return convert(text, kind, sink.kind, node, e);
}

/** Arithmetic, comparison and assignment of numbers; null for everything else. */
export function emitNumericBinary(node: ts.BinaryExpression, e: Emitter): string | null {
  const operator = node.operatorToken.kind;
  const left = e.kindOf(node.left);
  const right = e.kindOf(node.right);
  if (left === null || right === null) return null;
  const plain = COMPOUND.get(operator);
  if (plain !== undefined) return emitCompound(node, plain, left, right, e);
  const comparison = COMPARISONS.get(operator);
  if (comparison !== undefined) {
    if (isNullable(e.checker.getTypeAtLocation(node.left)) || isNullable(e.checker.getTypeAtLocation(node.right))) return null;
    const kind = isBig(left) || isBig(right) ? settle(left) : settle(commonKind(left, right));
    return `(${emitAs(node.left, kind, e)} ${comparison} ${emitAs(node.right, kind, e)})`;
  }
  return emitOperation(operator, node.left, node.right, left, right, e);
}

const COMPARISONS = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '!='],
  [ts.SyntaxKind.EqualsEqualsToken, '=='],
  [ts.SyntaxKind.ExclamationEqualsToken, '!='],
  [ts.SyntaxKind.LessThanToken, '<'],
  [ts.SyntaxKind.LessThanEqualsToken, '<='],
  [ts.SyntaxKind.GreaterThanToken, '>'],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>='],
]);

function emitOperation(operator: ts.SyntaxKind, a: ts.Expression, b: ts.Expression, left: Kind, right: Kind, e: Emitter): string | null {
  const result = e.kinds.ofOperation(operator, left, right);
  if (result === null) return null;
  const sign = ts.tokenToString(operator) ?? '';
  if (operator === ts.SyntaxKind.AsteriskAsteriskToken) return `__math_pow(${emitAs(a, 'f64', e)}, ${emitAs(b, 'f64', e)})`;
  if ((isBig(left) || isBig(right)) && (sign === '/' || sign === '%')) return emitDivision(sign, settle(left), a, b, e);
  if (isBig(left) || isBig(right)) return `(${emitAs(a, settle(left), e)} ${sign} ${emitAs(b, settle(left), e)})`;
  if (operator === ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken) {
    const shifted = `(${bits(a, 'u32', e)} >>> ${bits(b, 'u32', e)})`;
    return isSmallShift(operator, b) ? `<i32>${shifted}` : shifted;
  }
  if (/^[&|^]$|^<<$|^>>$/.test(sign)) return `(${bits(a, 'i32', e)} ${sign} ${bits(b, 'i32', e)})`;
  if (result === 'literal') return `(${e.body(a)} ${sign} ${e.body(b)})`;
  if (sign === '%' && !isFloat(result)) return emitDivision('%', settle(result), a, b, e);
  return `(${emitAs(a, settle(result), e)} ${sign} ${emitAs(b, settle(result), e)})`;
}

/** An operand of a bit operation: `x | 0` truncates as in JavaScript. */
function bits(node: ts.Expression, to: 'i32' | 'u32', e: Emitter): string {
  const kind = e.kindOf(node) ?? to;
  const text = e.body(node);
  return kind === to ? text : `<${to}>(${text})`;
}

function emitCompound(node: ts.BinaryExpression, operator: ts.SyntaxKind, left: Kind, right: Kind, e: Emitter): string | null {
  const sink = assignmentSink(node.left, e.kinds, e.checker);
  const result = e.kinds.ofOperation(operator, left, right);
  if (sink === null || result === null) return null;
  const target = e.splice(node.left);
  const sign = ts.tokenToString(operator) ?? '';
  if (settle(result) === sink.kind && /^[-+*/]$/.test(sign) && promote(left) === result && (sign !== '/' || !isBig(result)))
    return `${target} ${sign}= ${emitAs(node.right, sink.kind, e)}`;
  if (!isSimple(node.left)) {
    e.problem(node, `write \`x = x ${sign} …\` here: the left side has more than plain names`);
    return null;
  }
  const value = emitOperation(operator, node.left, node.right, left, right, e);
  return value === null ? null : `${target} = ${convert(value, result, sink.kind, node, e)}`;
}

/** `-x`, `+x`, `~x` of numbers. */
export function emitNumericPrefix(node: ts.PrefixUnaryExpression, e: Emitter): string | null {
  const kind = e.kindOf(node.operand);
  if (kind === null) return null;
  const result = e.kindOf(node);
  if (node.operator === ts.SyntaxKind.TildeToken && !isBig(kind)) return `(~${bits(node.operand, 'i32', e)})`;
  if (node.operator === ts.SyntaxKind.MinusToken) {
    if (result === 'literal') return ts.isNumericLiteral(node.operand) ? `-${e.body(node.operand)}` : `(-${e.body(node.operand)})`;
    return `(-${emitAs(node.operand, settle(result ?? kind), e)})`;
  }
  if (node.operator === ts.SyntaxKind.PlusToken) return emitAs(node.operand, settle(promote(kind)), e);
  return null;
}
