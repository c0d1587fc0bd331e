// Number types of expressions. TypeScript's own meaning holds: integers of 32 bits wrap when both sides have one type,
// everything smaller is promoted to i32, f32 and mixtures to f64, `/` is a fraction, bit operations give i32, `>>>` u32.
import ts from 'typescript';
import type { NumberType } from '../../shared/elastic/interface-type.ts';
import { numberTypeOf } from './portable-type.ts';
import { isPortableTypes } from './program.ts';

/** `literal`: a whole number that takes the type of what it meets. */
export type Kind = NumberType | 'literal';

const CONVERSIONS = new Set(['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32', 'f64']);
const INTEGER_KEEPING = new Set(['min', 'max', 'abs']);

export const isFloat = (kind: Kind): boolean => kind === 'f32' || kind === 'f64';
export const isBig = (kind: Kind): boolean => kind === 'i64' || kind === 'u64';
export const isInteger = (kind: Kind): boolean => !isFloat(kind) && !isBig(kind);

/** The type in which an operand takes part in arithmetic. */
export function promote(kind: Kind): Kind {
  if (kind === 'i8' || kind === 'u8' || kind === 'i16' || kind === 'u16') return 'i32';
  return kind === 'f32' ? 'f64' : kind;
}

/** The type of `a + b`, `a - b`, `a * b`, `a % b` and of comparisons. */
export function commonKind(left: Kind, right: Kind): Kind {
  const a = promote(left);
  const b = promote(right);
  if (a === b) return a;
  if (a === 'literal') return b;
  if (b === 'literal') return a;
  return 'f64';
}

/** What a literal becomes where nothing asks for a type. */
export const settle = (kind: Kind): NumberType => (kind === 'literal' ? 'i32' : kind);

const ARITHMETIC = new Map<ts.SyntaxKind, 'common' | 'divide' | 'power' | 'bits' | 'unsigned'>([
  [ts.SyntaxKind.PlusToken, 'common'],
  [ts.SyntaxKind.MinusToken, 'common'],
  [ts.SyntaxKind.AsteriskToken, 'common'],
  [ts.SyntaxKind.PercentToken, 'common'],
  [ts.SyntaxKind.SlashToken, 'divide'],
  [ts.SyntaxKind.AsteriskAsteriskToken, 'power'],
  [ts.SyntaxKind.AmpersandToken, 'bits'],
  [ts.SyntaxKind.BarToken, 'bits'],
  [ts.SyntaxKind.CaretToken, 'bits'],
  [ts.SyntaxKind.LessThanLessThanToken, 'bits'],
  [ts.SyntaxKind.GreaterThanGreaterThanToken, 'bits'],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken, 'unsigned'],
]);

/** `a += b` as `a + b`: the operator without its assignment, or null. */
export const COMPOUND = new Map<ts.SyntaxKind, ts.SyntaxKind>([
  [ts.SyntaxKind.PlusEqualsToken, ts.SyntaxKind.PlusToken],
  [ts.SyntaxKind.MinusEqualsToken, ts.SyntaxKind.MinusToken],
  [ts.SyntaxKind.AsteriskEqualsToken, ts.SyntaxKind.AsteriskToken],
  [ts.SyntaxKind.SlashEqualsToken, ts.SyntaxKind.SlashToken],
  [ts.SyntaxKind.PercentEqualsToken, ts.SyntaxKind.PercentToken],
  [ts.SyntaxKind.AsteriskAsteriskEqualsToken, ts.SyntaxKind.AsteriskAsteriskToken],
  [ts.SyntaxKind.AmpersandEqualsToken, ts.SyntaxKind.AmpersandToken],
  [ts.SyntaxKind.BarEqualsToken, ts.SyntaxKind.BarToken],
  [ts.SyntaxKind.CaretEqualsToken, ts.SyntaxKind.CaretToken],
  [ts.SyntaxKind.LessThanLessThanEqualsToken, ts.SyntaxKind.LessThanLessThanToken],
  [ts.SyntaxKind.GreaterThanGreaterThanEqualsToken, ts.SyntaxKind.GreaterThanGreaterThanToken],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanEqualsToken, ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken],
]);

export class Kinds {
  readonly #checker: ts.TypeChecker;
  readonly #inferred = new Map<ts.Symbol, NumberType | 'pending'>();
  readonly #writes = new Map<ts.Symbol, ts.Expression[]>();

  constructor(checker: ts.TypeChecker, files: readonly ts.SourceFile[]) {
    this.#checker = checker;
    for (const file of files) this.#collectWrites(file);
  }

  /** The number type of an expression, or null where it is no number. */
  of(node: ts.Expression): Kind | null {
    if (ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
      const inner = this.of(node.expression);
      if (inner !== null || !ts.isAsExpression(node)) return inner;
    }
    if (ts.isNumericLiteral(node))
      return /^(0[xob][\da-f_]+|[\d_]+)$/i.test(node.getText()) && Number(node.text) <= 0xffff_ffff ? 'literal' : 'f64';
    if (ts.isBigIntLiteral(node)) return 'i64';
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return this.#ofUnary(node);
    if (ts.isBinaryExpression(node)) return this.#ofBinary(node);
    if (ts.isConditionalExpression(node)) {
      const a = this.of(node.whenTrue);
      const b = this.of(node.whenFalse);
      if (a === null || b === null) return numberTypeOf(this.#checker.getTypeAtLocation(node));
      return a === b ? a : commonKind(a, b);
    }
    if (ts.isCallExpression(node)) return this.#ofCall(node);
    if (ts.isIdentifier(node)) {
      const symbol = this.#checker.getSymbolAtLocation(node);
      const own = symbol === undefined ? null : (this.ofSymbol(symbol) ?? this.#declared(symbol));
      if (own !== null) return own;
    }
    if (ts.isPropertyAccessExpression(node)) {
      const symbol = this.#checker.getSymbolAtLocation(node.name);
      const own = symbol === undefined ? null : this.#declared(symbol);
      if (own !== null) return own;
    }
    return numberTypeOf(this.#checker.getTypeAtLocation(node));
  }

  /** As declared: comparisons with literals narrow the enums of the analysis to nothing. */
  #declared(symbol: ts.Symbol): NumberType | null {
    return symbol.valueDeclaration === undefined ? null : numberTypeOf(this.#checker.getTypeOfSymbol(symbol));
  }

  /** The type of a local variable that has no annotation: whole numbers stay i32 as long as nothing else is assigned. */
  ofSymbol(symbol: ts.Symbol): NumberType | null {
    const declaration = symbol.valueDeclaration;
    if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.type !== undefined) return null;
    if (!ts.isIdentifier(declaration.name) || declaration.initializer === undefined) return null;
    if (
      numberTypeOf(this.#checker.getTypeOfSymbol(symbol)) === null ||
      /undefined|null/.test(this.#checker.typeToString(this.#checker.getTypeOfSymbol(symbol)))
    )
      return null;
    const known = this.#inferred.get(symbol);
    if (known === 'pending') return 'i32';
    if (known !== undefined) return known;
    this.#inferred.set(symbol, 'pending');
    let kind: Kind = this.of(declaration.initializer) ?? 'f64';
    for (const write of this.#writes.get(symbol) ?? []) {
      const other = this.of(write) ?? 'f64';
      if (other !== kind) kind = isInteger(kind) && isInteger(other) ? commonKind(kind, other) : 'f64';
    }
    const settled = settle(kind);
    this.#inferred.set(symbol, settled);
    return settled;
  }

  /** The name of the function of portable.ts that is called, e.g. `i32`; null for other calls. */
  portableCall(node: ts.Expression): string | null {
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return null;
    let symbol = this.#checker.getSymbolAtLocation(node.expression);
    if (symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias) symbol = this.#checker.getAliasedSymbol(symbol);
    const file = symbol?.declarations?.[0]?.getSourceFile();
    return file !== undefined && isPortableTypes(file) ? (symbol?.name ?? null) : null;
  }

  /** The name of the member of Math that is called; null for other calls. */
  mathCall(node: ts.Expression): string | null {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return null;
    const { expression, name } = node.expression;
    return ts.isIdentifier(expression) && expression.text === 'Math' ? name.text : null;
  }

  /** The type of `left op right`. */
  ofOperation(operator: ts.SyntaxKind, left: Kind, right: Kind): Kind | null {
    const rule = ARITHMETIC.get(operator);
    if (rule === undefined) return null;
    if (isBig(left) || isBig(right)) return isBig(left) ? left : right;
    if (rule === 'common') return commonKind(left, right);
    if (rule === 'divide' || rule === 'power') return 'f64';
    return rule === 'bits' ? 'i32' : 'u32';
  }

  #ofUnary(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): Kind | null {
    const kind = this.of(node.operand);
    if (kind === null || node.operator === ts.SyntaxKind.ExclamationToken) return null;
    if (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) return kind;
    if (isBig(kind)) return kind;
    if (node.operator === ts.SyntaxKind.TildeToken) return 'i32';
    const promoted = promote(kind);
    return node.operator === ts.SyntaxKind.MinusToken && promoted === 'u32' ? 'f64' : promoted;
  }

  #ofBinary(node: ts.BinaryExpression): Kind | null {
    const operator = node.operatorToken.kind;
    if (operator === ts.SyntaxKind.EqualsToken || COMPOUND.has(operator)) return this.of(node.left);
    if (operator === ts.SyntaxKind.CommaToken) return this.of(node.right);
    if (operator === ts.SyntaxKind.QuestionQuestionToken) {
      const a = this.of(node.left);
      const b = this.of(node.right);
      return a === null || b === null ? null : b === 'literal' ? a : a === b ? a : commonKind(a, b);
    }
    if (operator === ts.SyntaxKind.BarBarToken || operator === ts.SyntaxKind.AmpersandAmpersandToken) {
      const a = this.of(node.left);
      const b = this.of(node.right);
      return a === null || b === null ? null : commonKind(a, b);
    }
    if (!ARITHMETIC.has(operator)) return null;
    const left = this.of(node.left);
    const right = this.of(node.right);
    if (left === null || right === null) return null;
    return isSmallShift(operator, node.right) && !isBig(left) ? 'i32' : this.ofOperation(operator, left, right);
  }

  #ofCall(node: ts.CallExpression): Kind | null {
    const portable = this.portableCall(node);
    const [first] = node.arguments;
    if (portable !== null && CONVERSIONS.has(portable)) return portable as NumberType;
    if (portable === 'unchecked' && first !== undefined) return this.of(first);
    const math = this.mathCall(node);
    if (math === 'imul' || math === 'clz32') return 'i32';
    if (math === 'fround') return 'f32';
    if (math !== null && INTEGER_KEEPING.has(math)) {
      const kinds = node.arguments.map((argument) => this.of(argument) ?? 'f64');
      return kinds.reduce<Kind>((sum, kind) => commonKind(sum, kind), 'literal');
    }
    if (math !== null) return 'f64';
    return numberTypeOf(this.#checker.getTypeAtLocation(node));
  }

  #collectWrites(node: ts.Node): void {
    const note = (target: ts.Expression, value: ts.Expression): void => {
      const symbol = ts.isIdentifier(target) ? this.#checker.getSymbolAtLocation(target) : undefined;
      if (symbol === undefined) return;
      const list = this.#writes.get(symbol) ?? [];
      list.push(value);
      this.#writes.set(symbol, list);
    };
    if (ts.isBinaryExpression(node)) {
      if (node.operatorToken.kind === ts.SyntaxKind.EqualsToken) note(node.left, node.right);
      else if (node.operatorToken.kind === ts.SyntaxKind.SlashEqualsToken) note(node.left, HALF);
      else if (COMPOUND.has(node.operatorToken.kind)) note(node.left, node.right);
    }
    ts.forEachChild(node, (child) => this.#collectWrites(child));
  }
}

/** `x >>> 3` is below 2³¹, so it is an i32. */
export function isSmallShift(operator: ts.SyntaxKind, right: ts.Expression): boolean {
  return operator === ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken && ts.isNumericLiteral(right) && (Number(right.text) & 31) > 0;
}

/** Stands for the fraction that `/=` assigns. */
const HALF = (ts.createSourceFile('half.ts', '0.5', ts.ScriptTarget.ES2023, true).statements[0] as ts.ExpressionStatement).expression;
