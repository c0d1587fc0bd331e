// Calls in AssemblyScript: conversions, Math, the library's methods that are spelled differently, host functions.
import ts from 'typescript';
import type { NumberType } from '../../shared/elastic/interface-type.ts';
import { isFloat, settle } from '../analysis/kinds.ts';
import { isNullable, TYPED_ARRAY_ELEMENTS } from '../analysis/portable-type.ts';
import { isVirtual } from '../analysis/program.ts';
import { emitAs, emitConversion } from './assembly-numbers.ts';
import { isBoxable, typeText } from './assembly-types.ts';
import { isSimple, type Emitter } from './emitter.ts';

const CONVERSIONS: ReadonlySet<string> = new Set(['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32', 'f64']);
/** Exact in every IEEE 754 implementation, so Wasm's own is used; all others are the engine's, through `outrider:host/math`. */
const EXACT_MATH: ReadonlySet<string> = new Set(['sqrt', 'floor', 'ceil', 'trunc', 'sign']);
const CALLBACKS: ReadonlySet<string> = new Set(['map', 'reduce', 'filter', 'some', 'every', 'findIndex', 'forEach']);
/** Library calls that give undefined where there is nothing. */
export const MAYBE_CALLS: ReadonlySet<string> = new Set(['get', 'pop', 'shift', 'at']);

export const args = (node: ts.CallExpression | ts.NewExpression, e: Emitter): string[] =>
  (node.arguments ?? []).map((argument) => e.body(argument));

export function emitCall(node: ts.CallExpression, e: Emitter): string | null {
  const [first] = node.arguments;
  const portable = e.kinds.portableCall(node);
  if (node.arguments.some((argument) => ts.isSpreadElement(argument))) e.problem(node, 'spread arguments are not portable: write a loop');
  if (portable !== null && first !== undefined) {
    if (CONVERSIONS.has(portable)) return emitConversion(portable as NumberType, first, e);
    if (portable === 'unchecked') return `unchecked(${e.body(first)})`;
  }
  const math = e.kinds.mathCall(node);
  if (math !== null) return emitMath(math, node, e);
  if (ts.isIdentifier(node.expression)) return emitNamedCall(node.expression, node, e);
  if (ts.isPropertyAccessExpression(node.expression)) return emitMethodCall(node.expression, node, e);
  return null;
}

function emitMath(name: string, node: ts.CallExpression, e: Emitter): string {
  const [a, b] = node.arguments;
  if (a === undefined) return '0';
  if (name === 'min' || name === 'max') {
    const kind = settle(e.kindOf(node) ?? 'f64');
    return node.arguments.map((argument) => emitAs(argument, kind, e)).reduce((left, right) => `__${name}<${kind}>(${left}, ${right})`);
  }
  if (name === 'abs') {
    const kind = settle(e.kindOf(node) ?? 'f64');
    return `__abs<${kind}>(${emitAs(a, kind, e)})`;
  }
  if (name === 'imul') return `(<i32>(${e.body(a)}) * <i32>(${b === undefined ? '0' : e.body(b)}))`;
  if (name === 'clz32') return `__clz32(<u32>(${e.body(a)}))`;
  if (name === 'fround') return emitConversion('f32', a, e);
  if (name === 'round') return `__round(${emitAs(a, 'f64', e)})`;
  const values = node.arguments.map((argument) => emitAs(argument, 'f64', e));
  if (EXACT_MATH.has(name)) return `Math.${name}(${values.join(', ')})`;
  if (name === 'hypot' && values.length !== 2) {
    e.problem(node, 'Math.hypot takes two values here: write Math.sqrt(x * x + y * y + z * z)');
    return '0';
  }
  return `__math_${name}(${values.join(', ')})`;
}

function emitNamedCall(callee: ts.Identifier, node: ts.CallExpression, e: Emitter): string | null {
  const [first] = node.arguments;
  const symbol = e.checker.getSymbolAtLocation(callee);
  const fromLibrary = symbol?.declarations?.some((item) => isVirtual(item.getSourceFile())) === true;
  if (!fromLibrary) return null;
  if (callee.text === 'BigInt' && first !== undefined) return `<i64>(${e.body(first)})`;
  if (callee.text === 'Number' && first !== undefined) return `<f64>(${e.body(first)})`;
  if (callee.text === 'String' && first !== undefined) return asText(first, e);
  if ((callee.text === 'isNaN' || callee.text === 'isFinite') && first !== undefined)
    return `${callee.text}<f64>(${emitAs(first, 'f64', e)})`;
  return null;
}

function emitMethodCall(callee: ts.PropertyAccessExpression, node: ts.CallExpression, e: Emitter): string | null {
  const [first, second] = node.arguments;
  const name = callee.name.text;
  const owner = e.checker.getTypeAtLocation(callee.expression);
  if (ts.isIdentifier(callee.expression) && callee.expression.text === 'Number' && first !== undefined) {
    const value = emitAs(first, 'f64', e);
    if (name === 'isInteger') return `__isInteger(${value})`;
    if (name === 'isFinite' || name === 'isNaN') return `${name}<f64>(${value})`;
    if (name === 'parseFloat') return `parseFloat(${e.body(first)})`;
  }
  if (name === 'toFixed' && e.kindOf(callee.expression) !== null)
    return `__math_toFixed(${emitAs(callee.expression, 'f64', e)}, ${first === undefined ? '0' : emitAs(first, 'i32', e)})`;
  const symbol = owner.getSymbol();
  if (symbol?.declarations?.some((item) => isVirtual(item.getSourceFile())) !== true && !(owner.flags & ts.TypeFlags.StringLike)) {
    return name === 'toString' && e.kindOf(callee.expression) !== null ? asText(callee.expression, e) : null;
  }
  if (name === 'toString' && e.kindOf(callee.expression) !== null) return asText(callee.expression, e);
  if (MAYBE_CALLS.has(name) && isNullable(e.checker.getTypeAtLocation(node))) return emitMaybe(node, e);
  const receiver = e.body(callee.expression);
  if (symbol?.name === 'Array' || symbol?.name === 'ReadonlyArray') {
    if (name === 'push' && node.arguments.length > 1) return emitPushMany(receiver, node, callee, e);
    if (name === 'sort' && first !== undefined) return `__sort<${elementText(owner, e, node)}>(${receiver}, ${e.body(first)})`;
    if (CALLBACKS.has(name)) {
      const result = e.checker.getTypeAtLocation(node);
      const element = name === 'map' ? e.checker.getTypeArguments(result as ts.TypeReference)[0] : name === 'reduce' ? result : undefined;
      return `${receiver}.${name}${element === undefined ? '' : `<${typeText(element, e, node)}>`}(${args(node, e).join(', ')})`;
    }
    if (name === 'splice' && second === undefined && first !== undefined) return `${receiver}.splice(${emitAs(first, 'i32', e)})`;
  }
  const element = TYPED_ARRAY_ELEMENTS[symbol?.name ?? ''];
  if (element !== undefined && name === 'fill' && first !== undefined && element !== 'i64' && element !== 'u64') {
    const range = node.arguments.slice(1).map((bound) => emitAs(bound, 'i32', e));
    // The library declares the value a number, so a literal is written as one.
    return `${receiver}.fill(${[`<${element}>(${emitConversion(element, first, e)})`, ...range].join(', ')})`;
  }
  if (element !== undefined && name === 'sort' && first !== undefined) {
    e.problem(node, 'a typed array is sorted without a comparison here: copy it into an array to sort by another order');
  }
  return null;
}

/** What an access that may find nothing is: plain where the source asserts that there is something, else null for nothing. */
export function emitMaybe(node: ts.CallExpression | ts.ElementAccessExpression, e: Emitter): string {
  const access = accessParts(node, e);
  if (isAsserted(node)) return access.plain;
  const type = e.checker.getTypeAtLocation(node);
  const value = e.checker.getNonNullableType(type);
  return `${access.checked}${isBoxable(value) ? 'Boxed' : ''}<${access.typeArguments}>(${access.args.join(', ')})`;
}

/** `m.get(k) ?? d` and `a[i] ?? d`. */
export function emitMaybeOr(node: ts.CallExpression | ts.ElementAccessExpression, fallback: string, e: Emitter): string {
  const access = accessParts(node, e);
  return `${access.checked}Or<${access.typeArguments}>(${[...access.args, fallback].join(', ')})`;
}

interface Access {
  readonly plain: string;
  /** Prefix of the helper in the prelude. */
  readonly checked: string;
  readonly typeArguments: string;
  readonly args: readonly string[];
}

function accessParts(node: ts.CallExpression | ts.ElementAccessExpression, e: Emitter): Access {
  const receiver = ts.isCallExpression(node) ? (node.expression as ts.PropertyAccessExpression).expression : node.expression;
  const ownerType = e.checker.getNonNullableType(e.checker.getTypeAtLocation(receiver));
  const owner = typeText(ownerType, e, node);
  const element = typeText(e.checker.getNonNullableType(e.checker.getTypeAtLocation(node)), e, node);
  const object = e.body(receiver);
  if (ts.isElementAccessExpression(node)) {
    const index = emitIndex(node.argumentExpression, e);
    return { plain: `${object}[${index}]`, checked: '__at', typeArguments: `${owner}, ${element}`, args: [object, index] };
  }
  const name = (node.expression as ts.PropertyAccessExpression).name.text;
  const values = args(node, e);
  const helper = name === 'get' ? '__get' : `__${name}`;
  const [key] = e.checker.getTypeArguments(ownerType as ts.TypeReference);
  const typeArguments = name === 'get' && key !== undefined ? `${typeText(key, e, node)}, ${element}` : `${owner}, ${element}`;
  if (name === 'at') {
    return { plain: `${object}.at(${values.join(', ')})`, checked: '__last', typeArguments, args: [object, ...values] };
  }
  return { plain: `${object}.${name}(${values.join(', ')})`, checked: helper, typeArguments, args: [object, ...values] };
}

/** Whether the source says that there is something: `x!`, `unchecked(x)`, or it is written to. */
function isAsserted(node: ts.Expression): boolean {
  const { parent } = node;
  if (ts.isNonNullExpression(parent)) return true;
  if (ts.isParenthesizedExpression(parent)) return isAsserted(parent);
  if (ts.isAsExpression(parent)) return !parent.type.getText().includes('undefined');
  if (ts.isCallExpression(parent)) return ts.isIdentifier(parent.expression) && parent.expression.text === 'unchecked';
  if (ts.isExpressionStatement(parent)) return true;
  if (ts.isBinaryExpression(parent)) {
    const operator = parent.operatorToken.kind;
    if (operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment) return parent.left === node;
    const other = parent.left === node ? parent.right : parent.left;
    return operator !== ts.SyntaxKind.QuestionQuestionToken && other.getText() !== 'undefined' && other.getText() !== 'null';
  }
  return false;
}

export function emitIndex(index: ts.Expression, e: Emitter): string {
  const kind = e.kindOf(index);
  const text = e.body(index);
  if (kind === null || kind === 'literal' || kind === 'i32') return text;
  if (isFloat(kind) && !/^Math\.(floor|trunc|round|ceil)/.test(index.getText())) {
    e.problem(index, `\`${index.getText()}\` is a fraction where an index is needed: write i32(…)`);
  }
  return `<i32>(${text})`;
}

function emitPushMany(receiver: string, node: ts.CallExpression, callee: ts.PropertyAccessExpression, e: Emitter): string {
  if (!ts.isExpressionStatement(node.parent) || !isSimple(callee.expression)) e.problem(node, 'push one value at a time here');
  return args(node, e)
    .map((value) => `${receiver}.push(${value})`)
    .join('; ');
}

function elementText(owner: ts.Type, e: Emitter, node: ts.Node): string {
  const [element] = e.checker.getTypeArguments(owner as ts.TypeReference);
  return element === undefined ? 'void' : typeText(element, e, node);
}

/** A value as text: numbers as JavaScript writes them. */
export function asText(node: ts.Expression, e: Emitter): string {
  const kind = e.kindOf(node);
  if (kind !== null) {
    const settled = settle(kind);
    return isFloat(settled) ? `__numberText(${emitAs(node, 'f64', e)})` : `(${emitAs(node, settled, e)}).toString()`;
  }
  const type = e.checker.getTypeAtLocation(node);
  if (type.flags & ts.TypeFlags.BooleanLike || (type.isUnion() && type.types.every((item) => item.flags & ts.TypeFlags.BooleanLike)))
    return `(${e.body(node)} ? 'true' : 'false')`;
  if (!(type.flags & ts.TypeFlags.StringLike) && !(type.isUnion() && type.types.every((item) => item.isStringLiteral()))) {
    e.problem(node, `\`${node.getText()}\` has no portable text: write out its parts`);
  }
  return e.body(node);
}
