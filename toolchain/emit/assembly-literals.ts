// Array and object literals and `new` in AssemblyScript: what makes a value of a declared type.
import ts from 'typescript';
import { isNullable, numberTypeOf, presentMembers, TYPED_ARRAY_ELEMENTS } from '../analysis/portable-type.ts';
import { isVirtual } from '../analysis/program.ts';
import { args } from './assembly-calls.ts';
import { emitAs } from './assembly-numbers.ts';
import { isBoxable, typeText } from './assembly-types.ts';
import { isSimple, type Emitter } from './emitter.ts';

export function arrayLiteral(node: ts.ArrayLiteralExpression, e: Emitter): string | null {
  const contextual = e.checker.getContextualType(node);
  const type = contextual ?? e.checker.getTypeAtLocation(node);
  const array = presentMembers(type).find((item) => /^(Readonly)?Array$/.test(item.getSymbol()?.name ?? ''));
  const spread = node.elements.filter((element) => ts.isSpreadElement(element));
  if (spread.length > 0) {
    return node.elements
      .map((element) => (ts.isSpreadElement(element) ? e.body(element.expression) : `[${e.body(element)}]`))
      .reduce((sum, part, index) => (index === 0 ? `${part}.slice()` : `${sum}.concat(${part})`), '');
  }
  if (array === undefined) return null;
  if (node.elements.length === 0) return `new ${typeText(array, e, node)}()`;
  return `<${typeText(array, e, node)}>${e.splice(node)}`;
}

export function objectLiteral(node: ts.ObjectLiteralExpression, e: Emitter): string | null {
  const contextual = e.checker.getContextualType(node);
  const own = e.checker.getTypeAtLocation(node);
  const candidates = contextual === undefined ? [own] : presentMembers(contextual);
  const target = candidates.length === 1 ? candidates[0] : candidates.find((item) => matches(item, node, e));
  const resolved = target?.aliasSymbol?.name === 'Readonly' ? target.aliasTypeArguments?.[0] : target;
  const symbol = resolved?.getSymbol();
  if (resolved === undefined || symbol === undefined) {
    e.problem(node, 'declare an interface for this object, and say where it goes');
    return null;
  }
  const union = e.reader.unionOf(symbol);
  const values = new Map<string, string>();
  const spreads: ts.Expression[] = [];
  for (const property of node.properties) {
    if (ts.isPropertyAssignment(property)) values.set(property.name.getText(), e.body(property.initializer));
    else if (ts.isShorthandPropertyAssignment(property)) values.set(property.name.text, shorthand(property, e));
    else if (ts.isSpreadAssignment(property)) spreads.push(property.expression);
    else e.problem(property, 'methods in object literals are not portable: use a class or a function');
  }
  const fields = e.reader.fieldsOf(resolved).filter((field) => field.name !== union?.discriminant);
  const list = fields.map((field) => {
    const value = values.get(field.name);
    if (value !== undefined) return value;
    const source = spreads.findLast((item) => e.checker.getTypeAtLocation(item).getProperty(field.name) !== undefined);
    if (source !== undefined && isSimple(source)) return `${e.body(source)}.${field.name}`;
    if (!(field.flags & ts.SymbolFlags.Optional)) e.problem(node, `field \`${field.name}\` is missing here (spread only plain names)`);
    return 'null';
  });
  const name = typeText(resolved, e, node);
  const memberName = union === null ? name : e.reader.nameOf(symbol);
  return e.padded(`new ${memberName}(${list.join(', ')})`, node);
}

function shorthand(property: ts.ShorthandPropertyAssignment, e: Emitter): string {
  const symbol = e.checker.getShorthandAssignmentValueSymbol(property);
  const field = e.checker.getContextualType(property.parent)?.getProperty(property.name.text);
  const from = symbol === undefined ? null : (e.kinds.ofSymbol(symbol) ?? numberTypeOf(e.checker.getTypeOfSymbol(symbol)));
  const fieldType = field === undefined ? undefined : e.checker.getTypeOfSymbol(field);
  const to = fieldType === undefined ? null : numberTypeOf(fieldType);
  const declaration = symbol?.declarations?.[0];
  const topLevel = declaration !== undefined && ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent);
  const name = topLevel && symbol !== undefined ? e.reader.nameOf(symbol) : property.name.text;
  const type = symbol === undefined ? undefined : e.checker.getTypeOfSymbolAtLocation(symbol, property);
  const value =
    type !== undefined && symbol !== undefined && isNullable(e.checker.getTypeOfSymbol(symbol)) && !isNullable(type)
      ? isBoxable(type)
        ? `${name}!.value`
        : `${name}!`
      : name;
  if (from === null || to === null) return value;
  if (fieldType !== undefined && isNullable(fieldType))
    return type !== undefined && isNullable(type) ? name : `__box<${to}>(<${to}>(${value}))`;
  if (from !== to && from.startsWith('f') && !to.startsWith('f'))
    e.problem(property, `\`${name}\` is a ${from} where ${to} is needed: write ${to}(${name})`);
  return from === to ? value : `<${to}>(${value})`;
}

function matches(candidate: ts.Type, node: ts.ObjectLiteralExpression, e: Emitter): boolean {
  const union = e.reader.unionOf(candidate.getSymbol());
  if (union === null) return false;
  const wanted = union.members.get(candidate.getSymbol() as ts.Symbol);
  const spread = node.properties.some(
    (item) => ts.isSpreadAssignment(item) && e.checker.getTypeAtLocation(item.expression).getSymbol() === candidate.getSymbol(),
  );
  return (
    spread ||
    node.properties.some(
      (item) => ts.isPropertyAssignment(item) && item.name.getText() === union.discriminant && literalText(item.initializer) === wanted,
    )
  );
}

const literalText = (node: ts.Expression): string | null =>
  ts.isStringLiteralLike(node)
    ? node.text
    : ts.isAsExpression(node) || ts.isParenthesizedExpression(node)
      ? literalText(node.expression)
      : null;

export function newExpression(node: ts.NewExpression, e: Emitter): string | null {
  const type = e.checker.getTypeAtLocation(node);
  const symbol = type.getSymbol();
  const fromLibrary = symbol?.declarations?.some((item) => isVirtual(item.getSourceFile())) === true;
  if (!fromLibrary || symbol === undefined) {
    const typeArguments =
      node.typeArguments === undefined
        ? ''
        : `<${node.typeArguments.map((item) => typeText(e.checker.getTypeFromTypeNode(item), e, item)).join(', ')}>`;
    return `new ${e.body(node.expression)}${typeArguments}(${args(node, e).join(', ')})`;
  }
  const name = typeText(type, e, node);
  const [first] = node.arguments ?? [];
  if (symbol.name in TYPED_ARRAY_ELEMENTS && first !== undefined && e.kindOf(first) === null) {
    const source = e.checker.getTypeAtLocation(first);
    if (source.getSymbol()?.name === 'ArrayBuffer') return `${name}.wrap(${args(node, e).join(', ')})`;
    return `__typedFrom<${name}, ${typeText(source, e, node)}>(${e.body(first)})`;
  }
  if (first !== undefined && e.kindOf(first) !== null) return `new ${name}(${emitAs(first, 'i32', e)})`;
  return `new ${name}(${args(node, e).join(', ')})`;
}
