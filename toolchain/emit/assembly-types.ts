// AssemblyScript's spelling of a TypeScript type, as the checker sees it.
import ts from 'typescript';
import { isNullable, numberTypeOf, presentMembers, TYPED_ARRAY_NAMES } from '../analysis/portable-type.ts';
import { isVirtual } from '../analysis/program.ts';
import type { Emitter } from './emitter.ts';

const BOXABLE = ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike | ts.TypeFlags.BooleanLike | ts.TypeFlags.EnumLike;

/** Whether null needs a box in AssemblyScript: numbers and booleans. */
export function isBoxable(type: ts.Type): boolean {
  const members = presentMembers(type);
  return members.length > 0 && members.every((item) => (item.flags & BOXABLE) !== 0 && !item.isStringLiteral());
}

export function typeText(type: ts.Type, e: Emitter, node: ts.Node): string {
  const nullable = isNullable(type);
  const members = presentMembers(type);
  const base = baseText(type, members, e, node);
  if (!nullable) return base;
  return isBoxable(type) ? `__Box<${base}> | null` : `${base} | null`;
}

function baseText(type: ts.Type, members: readonly ts.Type[], e: Emitter, node: ts.Node): string {
  const [first] = members;
  if (first === undefined) return 'void';
  if (members.every((item) => item.flags & ts.TypeFlags.BooleanLike)) return 'bool';
  if (members.every((item) => item.flags & ts.TypeFlags.StringLike)) return 'string';
  if (members.length > 1) {
    const union = e.reader.unionOf(first.getSymbol());
    if (union !== null) return union.name;
    const numbers = new Set(members.map((item) => numberTypeOf(item)));
    if (!numbers.has(null)) return numbers.size === 1 ? ([...numbers][0] as string) : 'f64';
    e.problem(
      node,
      `the union \`${e.checker.typeToString(type)}\` is not portable: use string literals, \`T | null\`, or a named union of interfaces with a common literal field`,
    );
    return 'void';
  }
  return singleText(first, e, node);
}

function singleText(type: ts.Type, e: Emitter, node: ts.Node): string {
  const number = numberTypeOf(type);
  if (number !== null) return number;
  if (type.flags & ts.TypeFlags.TypeParameter) return type.symbol.name;
  if (type.flags & (ts.TypeFlags.Never | ts.TypeFlags.VoidLike)) return 'void';
  if (type.aliasSymbol?.name === 'Readonly' && type.aliasTypeArguments?.[0] !== undefined)
    return typeText(type.aliasTypeArguments[0], e, node);
  const [signature] = type.getCallSignatures();
  const symbol = type.getSymbol();
  if (signature !== undefined) return functionText(signature, e, node);
  if (symbol === undefined) {
    e.problem(
      node,
      `the type \`${e.checker.typeToString(type)}\` is not portable: declare it with numbers, strings, arrays, typed arrays, Map, Set, interfaces and classes`,
    );
    return 'void';
  }
  if (symbol.declarations?.some((declaration) => isVirtual(declaration.getSourceFile())) === true)
    return libraryText(type, symbol, e, node);
  const union = e.reader.unionOf(symbol);
  const name = e.reader.nameOf(symbol, type.aliasSymbol?.name ?? symbol.name);
  if (symbol.flags & (ts.SymbolFlags.TypeLiteral | ts.SymbolFlags.ObjectLiteral) && union === null)
    noteAnonymous(type, symbol, name, e, node);
  const args = e.checker
    .getTypeArguments(type as ts.TypeReference)
    .filter((item) => !(item.flags & ts.TypeFlags.TypeParameter && (item as { isThisType?: boolean }).isThisType === true));
  return args.length > 0 ? `${name}<${args.map((item) => typeText(item, e, node)).join(', ')}>` : name;
}

function libraryText(type: ts.Type, symbol: ts.Symbol, e: Emitter, node: ts.Node): string {
  const args = e.checker.getTypeArguments(type as ts.TypeReference).map((item) => typeText(item, e, node));
  const name = symbol.name.replace(/^Readonly(?=Array|Map|Set)/, '');
  if (Object.values(TYPED_ARRAY_NAMES).includes(name) || name === 'ArrayBuffer' || name.endsWith('Error')) return name;
  if (name === 'Array' || name === 'Map' || name === 'Set') return `${name}<${args.join(', ')}>`;
  e.problem(node, `\`${e.checker.typeToString(type)}\` is not portable here`);
  return 'void';
}

function functionText(signature: ts.Signature, e: Emitter, node: ts.Node): string {
  const parameters = signature.parameters.map(
    (parameter) => `${parameter.name}: ${typeText(e.checker.getTypeOfSymbol(parameter), e, node)}`,
  );
  return `((${parameters.join(', ')}) => ${typeText(signature.getReturnType(), e, node)})`;
}

/** Object types without a declaration of their own become classes at the end of the file. */
function noteAnonymous(type: ts.Type, symbol: ts.Symbol, name: string, e: Emitter, node: ts.Node): void {
  if (e.notes.has(name)) return;
  e.notes.set(name, '');
  e.notes.set(
    name,
    recordClass(
      name,
      null,
      e.reader.fieldsOf(type).map((field) => [field.name, typeText(e.checker.getTypeOfSymbol(field), e, node)] as const),
      null,
    ),
  );
}

/** A class of plain fields that its constructor sets in order of declaration. */
export function recordClass(
  name: string,
  base: { readonly name: string; readonly args: readonly string[] } | null,
  fields: readonly (readonly [string, string])[],
  inherited: readonly (readonly [string, string])[] | null,
): string {
  const parameters = [
    ...(inherited ?? []).map(([field, type]) => `${field}: ${type}`),
    ...fields.map(([field, type]) => `public ${field}: ${type}`),
  ];
  const superCall = base === null ? '' : ` super(${[...base.args, ...(inherited ?? []).map(([field]) => field)].join(', ')}); `;
  return `class ${name}${base === null ? '' : ` extends ${base.name}`} { constructor(${parameters.join(', ')}) {${superCall}} }`;
}
