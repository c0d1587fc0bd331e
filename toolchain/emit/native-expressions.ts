// The native build's numbers: plain JavaScript in which whole numbers wrap and single precision rounds as in Wasm.
import ts from 'typescript';
import type { NumberType } from '../../shared/elastic/interface-type.ts';
import { COMPOUND, isBig, isFloat, isSmallShift, promote, settle, type Kind } from '../analysis/kinds.ts';
import { integerDivisionOperands, isNonZeroLiteral } from './assembly-numbers.ts';
import { isSimple, isTarget, isValue, type Emitter, type Handler } from './emitter.ts';
import { assignmentSink, sinkFor } from './sinks.ts';

const CONVERSIONS: ReadonlySet<string> = new Set(['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32', 'f64']);

/** Helpers that emitted code calls; saturation and traps as Wasm has them. */
export const NATIVE_HELPERS = `
const __toI32 = (x) => (x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0);
const __toU32 = (x) => (x >= 4294967295 ? 4294967295 : x >= 0 ? x >>> 0 : 0);
const __divI32 = (a, b) => { if (b === 0) throw new RangeError('integer divide by zero'); return (a / b) | 0; };
const __divU32 = (a, b) => { if (b === 0) throw new RangeError('integer divide by zero'); return (a / b) >>> 0; };
const __rem = (a, b) => { if (b === 0) throw new RangeError('integer divide by zero'); return (a % b) + 0; };
`;

/** `text` of type `from` stored where `to` is. */
function convert(text: string, from: Kind, to: NumberType): string {
  if (from === to || from === 'literal' || to === 'f64' || isBig(to))
    return from === 'literal' && to === 'f32' ? `Math.fround(${text})` : text;
  if (to === 'f32') return from === 'i8' || from === 'u8' || from === 'i16' || from === 'u16' ? text : `Math.fround(${text})`;
  return wrap(isFloat(from) ? `__toI32(${text})` : text, to);
}

/** A whole number within the range of `to`, wrapped. */
function wrap(text: string, to: NumberType): string {
  switch (to) {
    case 'i32':
      return `((${text}) | 0)`;
    case 'u32':
      return `((${text}) >>> 0)`;
    case 'i16':
      return `((${text}) << 16 >> 16)`;
    case 'u16':
      return `((${text}) & 65535)`;
    case 'i8':
      return `((${text}) << 24 >> 24)`;
    case 'u8':
      return `((${text}) & 255)`;
    default:
      return text;
  }
}

function conversion(to: NumberType, argument: ts.Expression, e: Emitter): string {
  const inner = ts.isParenthesizedExpression(argument) ? argument.expression : argument;
  const division = integerDivisionOperands(inner, to, e);
  if (division !== null && isNonZeroLiteral(division.right)) return wrap(`(${e.body(division.left)} / ${e.body(division.right)})`, to);
  if (division !== null) return `__div${to === 'i32' ? 'I32' : 'U32'}(${e.body(division.left)}, ${e.body(division.right)})`;
  const from = e.kindOf(argument);
  const text = e.body(argument);
  if (from === null || from === to || to === 'f64') return text;
  if (to === 'f32') return `Math.fround(${text})`;
  if (isFloat(from)) return to === 'u32' ? `__toU32(${text})` : to === 'i32' ? `__toI32(${text})` : wrap(`__toI32(${text})`, to);
  return wrap(text, to);
}

const placed =
  <T extends ts.Expression>(handler: (node: T, e: Emitter) => string | null): Handler =>
  (node: T, e) => {
    const text = handler(node, e) ?? e.splice(node);
    if (isTarget(node) || ts.isParenthesizedExpression(node)) return text;
    const sink = sinkFor(node, e.kinds, e.checker);
    const kind = e.kindOf(node);
    if (sink === null || kind === null || ts.isElementAccessExpression(node.parent)) return text;
    return convert(text, kind, sink.kind);
  };

function operation(
  operator: ts.SyntaxKind,
  leftText: string,
  rightText: string,
  left: Kind,
  right: Kind,
  e: Emitter,
  rightNode: ts.Expression,
): string | null {
  const result = isSmallShift(operator, rightNode) && !isBig(left) ? 'i32' : e.kinds.ofOperation(operator, left, right);
  const sign = ts.tokenToString(operator) ?? '';
  if (result === null) return null;
  if (isBig(result))
    return /^(\+|-|\*|\/|<<)$/.test(sign) ? `BigInt.as${result === 'i64' ? 'Int' : 'Uint'}N(64, ${leftText} ${sign} ${rightText})` : null;
  if (result !== 'i32' && result !== 'u32') return null;
  if (sign === '*') return wrap(`Math.imul(${leftText}, ${rightText})`, result);
  if (sign === '%') return wrap(isNonZeroLiteral(rightNode) ? `${leftText} % ${rightText}` : `__rem(${leftText}, ${rightText})`, result);
  if (sign === '+' || sign === '-') return wrap(`${leftText} ${sign} ${rightText}`, result);
  return null;
}

function binary(node: ts.BinaryExpression, e: Emitter): string | null {
  const operator = node.operatorToken.kind;
  const left = e.kindOf(node.left);
  const right = e.kindOf(node.right);
  if (left === null || right === null) return null;
  const plain = COMPOUND.get(operator);
  if (plain === undefined) return operation(operator, e.body(node.left), e.body(node.right), left, right, e, node.right);
  const sink = assignmentSink(node.left, e.kinds, e.checker);
  if (sink === null || sink.kind === 'f64' || !isSimple(node.left) || ts.isElementAccessExpression(node.left)) return null;
  const target = e.splice(node.left);
  const result = e.kinds.ofOperation(plain, left, right);
  const text =
    operation(plain, target, e.body(node.right), left, right, e, node.right) ??
    `(${target} ${ts.tokenToString(plain)} ${e.body(node.right)})`;
  return result === null ? null : `${target} = ${convert(text, result, sink.kind)}`;
}

function increment(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression, e: Emitter): string | null {
  const kind = e.kindOf(node.operand);
  if (kind === null) return null;
  const up = node.operator === ts.SyntaxKind.PlusPlusToken;
  if (up || node.operator === ts.SyntaxKind.MinusMinusToken) {
    const discarded = ts.isExpressionStatement(node.parent) || (ts.isForStatement(node.parent) && node.parent.incrementor === node);
    if (isFloat(kind) || isBig(kind) || !isSimple(node.operand) || (!discarded && ts.isPostfixUnaryExpression(node))) return null;
    const target = e.splice(node.operand);
    const step = `${target} = ${wrap(`${target} ${up ? '+' : '-'} 1`, settle(kind))}`;
    return discarded ? step : `(${step})`;
  }
  if (node.operator === ts.SyntaxKind.MinusToken && isBig(kind))
    return `BigInt.as${kind === 'i64' ? 'Int' : 'Uint'}N(64, -${e.body(node.operand)})`;
  if (node.operator === ts.SyntaxKind.MinusToken && promote(kind) === 'i32') return `(-${e.body(node.operand)} | 0)`;
  return null;
}

function call(node: ts.CallExpression, e: Emitter): string | null {
  // The magnitude of the least i32 has no i32: it wraps in Wasm, so it wraps here.
  if (node.expression.getText() === 'Math.abs' && e.kindOf(node) === 'i32') return wrap(e.splice(node), 'i32');
  const portable = e.kinds.portableCall(node);
  const [first] = node.arguments;
  if (portable === null || first === undefined) return null;
  if (CONVERSIONS.has(portable)) return conversion(portable as NumberType, first, e);
  return portable === 'unchecked' ? `(${e.body(first)})` : null;
}

/** Private fields get the names that the snapshot's code uses. */
function privateIdentifier(node: ts.PrivateIdentifier): string {
  return `__own_${node.text.slice(1)}`;
}

const number = placed((node: ts.Identifier) => node.text) as (node: ts.Identifier, e: Emitter) => string | null;

const S = ts.SyntaxKind;
export const NATIVE_HANDLERS: readonly (readonly [ts.SyntaxKind, Handler])[] = [
  [S.Identifier, (node: ts.Identifier, e: Emitter) => (isValue(node) ? number(node, e) : node.text)],
  [S.NumericLiteral, placed((node: ts.NumericLiteral) => node.getText())],
  [S.PropertyAccessExpression, placed((node: ts.PropertyAccessExpression, e) => e.splice(node))],
  [S.ElementAccessExpression, placed((node: ts.ElementAccessExpression, e) => e.splice(node))],
  [S.ConditionalExpression, (node: ts.ConditionalExpression, e: Emitter) => e.splice(node)],
  [S.BinaryExpression, placed(binary)],
  [S.PrefixUnaryExpression, placed(increment)],
  [S.PostfixUnaryExpression, placed(increment)],
  [S.CallExpression, placed(call)],
  [S.PrivateIdentifier, privateIdentifier],
];
