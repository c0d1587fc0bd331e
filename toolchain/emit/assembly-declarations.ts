// Declarations in AssemblyScript: functions and classes with every type written out, interfaces and unions as classes.
import ts from 'typescript';
import { presentMembers } from '../analysis/portable-type.ts';
import { isVirtual } from '../analysis/program.ts';
import { privateName } from './assembly-expressions.ts';
import { recordClass, typeText } from './assembly-types.ts';
import type { Emitter, Handler } from './emitter.ts';

function parameter(node: ts.ParameterDeclaration, e: Emitter): string {
  if (!ts.isIdentifier(node.name)) e.problem(node, 'take the fields out in the body: destructured parameters are not portable');
  if (node.dotDotDotToken !== undefined) e.problem(node, 'rest parameters are not portable: take an array');
  const declared = e.checker.getTypeAtLocation(node);
  if (node.questionToken !== undefined)
    e.problem(node, 'optional parameters are not portable: give it a default value, or take `T | null`');
  const type = typeText(declared, e, node);
  const initializer = node.initializer === undefined ? '' : ` = ${e.body(node.initializer)}`;
  return `${node.name.getText()}: ${type}${initializer}`;
}

function signatureText(node: ts.SignatureDeclaration, e: Emitter): string {
  const generics = node.typeParameters === undefined ? '' : `<${node.typeParameters.map((item) => item.name.text).join(', ')}>`;
  const result = ts.isConstructorDeclaration(node) || ts.isSetAccessor(node) ? '' : `: ${resultText(node, e)}`;
  return `${generics}(${node.parameters.map((item) => parameter(item, e)).join(', ')})${result}`;
}

function resultText(node: ts.SignatureDeclaration, e: Emitter): string {
  const signature = e.checker.getSignatureFromDeclaration(node);
  return signature === undefined ? 'void' : typeText(signature.getReturnType(), e, node);
}

function functionDeclaration(node: ts.FunctionDeclaration, e: Emitter): string {
  const symbol = node.name === undefined ? undefined : e.checker.getSymbolAtLocation(node.name);
  if (symbol === undefined || node.body === undefined) return hostFunction(node, e);
  if (node.asteriskToken !== undefined || node.modifiers?.some((item) => item.kind === ts.SyntaxKind.AsyncKeyword) === true) {
    e.problem(node, 'an async function or generator cannot be portable: make it synchronous; its calls are asynchronous outside');
  }
  const topLevel = ts.isSourceFile(node.parent);
  if (!topLevel) checkCaptures(node, e);
  const name = topLevel ? e.reader.nameOf(symbol) : node.name?.text;
  if (!topLevel) return `const ${name} = ${signatureText(node, e)} =>${e.emit(node.body)};`;
  return `function ${name}${signatureText(node, e)}${e.emit(node.body)}`;
}

/** `declare function` of a host file: the glue defines it. */
function hostFunction(node: ts.FunctionDeclaration, e: Emitter): string {
  const symbol = node.name === undefined ? undefined : e.checker.getSymbolAtLocation(node.name);
  if (symbol !== undefined) e.reader.nameOf(symbol);
  return '';
}

function arrow(node: ts.ArrowFunction | ts.FunctionExpression, e: Emitter): string {
  checkCaptures(node, e);
  const result = resultText(node, e);
  const { body } = node;
  const text = ts.isBlock(body) ? e.body(body) : e.body(body);
  return `(${node.parameters.map((item) => parameter(item, e)).join(', ')}): ${result} => ${text}`;
}

/** AssemblyScript has no closures: an inner function may use its own names and those of the file. */
function checkCaptures(owner: ts.FunctionLikeDeclaration, e: Emitter): void {
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.ThisKeyword)
      e.problem(node, 'an inner function cannot use `this`: pass what it needs, or write a loop');
    if (ts.isIdentifier(node)) {
      const declaration = e.checker.getSymbolAtLocation(node)?.valueDeclaration;
      if (declaration !== undefined && isCaptured(declaration, owner)) {
        e.problem(
          node,
          `an inner function cannot capture \`${node.text}\`: make it a parameter or a constant of the file, or write a loop`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(owner, visit);
}

function isCaptured(declaration: ts.Node, owner: ts.Node): boolean {
  if (isVirtual(declaration.getSourceFile())) return false;
  if (!ts.isVariableDeclaration(declaration) && !ts.isParameter(declaration) && !ts.isBindingElement(declaration)) return false;
  let inside = false;
  let local = false;
  for (let at: ts.Node | undefined = declaration; at !== undefined; at = at.parent) {
    if (at === owner) inside = true;
    if (ts.isFunctionLike(at)) local = true;
  }
  return local && !inside;
}

function classDeclaration(node: ts.ClassDeclaration, e: Emitter): string | null {
  const symbol = node.name === undefined ? undefined : e.checker.getSymbolAtLocation(node.name);
  if (symbol === undefined) return null;
  const generics = node.typeParameters === undefined ? '' : `<${node.typeParameters.map((item) => item.name.text).join(', ')}>`;
  const base = node.heritageClauses?.find((clause) => clause.token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
  const contracts = (node.heritageClauses?.find((clause) => clause.token === ts.SyntaxKind.ImplementsKeyword)?.types ?? [])
    .filter((item) => hasBehaviour(e.checker.getTypeAtLocation(item)))
    .map((item) => typeText(e.checker.getTypeAtLocation(item), e, item));
  const extension = base === undefined ? '' : ` extends ${typeText(e.checker.getTypeAtLocation(base), e, base)}`;
  const text = node.getSourceFile().text;
  const open = text.indexOf('{', Math.max(node.name?.end ?? 0, ...(node.heritageClauses ?? []).map((clause) => clause.end)));
  let out = `class ${e.reader.nameOf(symbol)}${generics}${extension}${contracts.length === 0 ? '' : ` implements ${contracts.join(', ')}`} {`;
  let position = open + 1;
  for (const member of node.members) {
    out += text.slice(position, member.getFullStart()) + e.emit(member);
    position = member.end;
  }
  return out + text.slice(position, node.end);
}

const memberName = (node: ts.ClassElement): string =>
  node.name !== undefined && ts.isPrivateIdentifier(node.name) ? privateName(node.name) : (node.name?.getText() ?? '');
const staticText = (node: ts.ClassElement): string =>
  ts.canHaveModifiers(node) && node.modifiers?.some((item) => item.kind === ts.SyntaxKind.StaticKeyword) === true ? 'static ' : '';

function propertyDeclaration(node: ts.PropertyDeclaration, e: Emitter): string {
  const type = typeText(e.checker.getTypeAtLocation(node.name), e, node);
  const initializer = node.initializer === undefined ? '' : ` = ${e.body(node.initializer)}`;
  return `${staticText(node)}${memberName(node)}${node.exclamationToken === undefined ? '' : '!'}: ${type}${initializer};`;
}

function method(node: ts.MethodDeclaration | ts.AccessorDeclaration | ts.ConstructorDeclaration, e: Emitter): string {
  const keyword = ts.isConstructorDeclaration(node)
    ? 'constructor'
    : ts.isGetAccessor(node)
      ? `get ${memberName(node)}`
      : ts.isSetAccessor(node)
        ? `set ${memberName(node)}`
        : memberName(node);
  if (ts.isMethodDeclaration(node) && node.modifiers?.some((item) => item.kind === ts.SyntaxKind.AsyncKeyword) === true) {
    e.problem(node, 'an async method cannot be portable: make it synchronous; its calls are asynchronous outside');
  }
  return `${staticText(node)}${keyword}${signatureText(node, e)}${node.body === undefined ? ';' : e.emit(node.body)}`;
}

const hasBehaviour = (type: ts.Type): boolean => type.getProperties().some((property) => property.flags & ts.SymbolFlags.Method);

function interfaceDeclaration(node: ts.InterfaceDeclaration, e: Emitter): string {
  const symbol = e.checker.getSymbolAtLocation(node.name);
  if (symbol === undefined) return '';
  const type = e.checker.getDeclaredTypeOfSymbol(symbol);
  const name = e.reader.nameOf(symbol);
  if (hasBehaviour(type)) return `interface ${name} { ${node.members.map((item) => memberSignature(item, e)).join(' ')} }`;
  const union = e.reader.unionOf(symbol);
  if (union !== null) {
    const literal = JSON.stringify(union.members.get(symbol) ?? '');
    const fields = e.reader.fieldsOf(type).filter((field) => field.name !== union.discriminant);
    return recordClass(name, { name: union.name, args: [literal] }, fieldTexts(fields, e, node), null);
  }
  const generics = node.typeParameters === undefined ? '' : `<${node.typeParameters.map((item) => item.name.text).join(', ')}>`;
  const [base] = node.heritageClauses?.flatMap((clause) => [...clause.types]) ?? [];
  const all = e.reader.fieldsOf(type);
  if (base === undefined) return recordClass(name + generics, null, fieldTexts(all, e, node), null);
  const baseType = e.checker.getTypeAtLocation(base);
  const inherited = e.reader.fieldsOf(baseType);
  const own = all.filter((field) => !inherited.some((other) => other.name === field.name));
  return recordClass(
    name + generics,
    { name: typeText(baseType, e, node), args: [] },
    fieldTexts(own, e, node),
    fieldTexts(inherited, e, node),
  );
}

const fieldTexts = (fields: readonly ts.Symbol[], e: Emitter, node: ts.Node): (readonly [string, string])[] =>
  fields.map((field) => [field.name, typeText(e.checker.getTypeOfSymbol(field), e, field.valueDeclaration ?? node)] as const);

function memberSignature(node: ts.TypeElement, e: Emitter): string {
  if (ts.isMethodSignature(node)) return `${node.name.getText()}${signatureText(node, e)};`;
  return `${node.name?.getText() ?? ''}: ${typeText(e.checker.getTypeAtLocation(node), e, node)};`;
}

function typeAlias(node: ts.TypeAliasDeclaration, e: Emitter): string {
  const type = e.checker.getTypeAtLocation(node.name);
  const union = e.reader.unionOf(presentMembers(type)[0]?.getSymbol());
  if (union !== null && type.isUnion()) return `class ${union.name} { constructor(public ${union.discriminant}: string) {} }`;
  const symbol = type.getSymbol();
  if (ts.isTypeLiteralNode(node.type) && symbol !== undefined && type.getCallSignatures().length === 0) {
    const name = e.reader.nameOf(symbol, node.name.text);
    e.notes.set(name, '');
    return recordClass(name, null, fieldTexts(e.reader.fieldsOf(type), e, node), null);
  }
  return '';
}

function expressionStatement(node: ts.ExpressionStatement): string | null {
  return ts.isStringLiteral(node.expression) ? '' : null;
}

/** Top-level variables lose `export`; functions inside others stay as they are. */
function variableStatement(node: ts.VariableStatement, e: Emitter): string {
  if (node.modifiers?.some((item) => item.kind === ts.SyntaxKind.DeclareKeyword) === true) return '';
  return `${e.emit(node.declarationList).trimStart()};`;
}

const drop: Handler = () => '';
const S = ts.SyntaxKind;
export const DECLARATIONS: readonly (readonly [ts.SyntaxKind, Handler])[] = [
  [S.ImportDeclaration, drop],
  [S.ExportDeclaration, drop],
  [S.FunctionDeclaration, functionDeclaration],
  [S.ArrowFunction, arrow],
  [S.FunctionExpression, arrow],
  [S.ClassDeclaration, classDeclaration],
  [S.PropertyDeclaration, propertyDeclaration],
  [S.MethodDeclaration, method],
  [S.Constructor, method],
  [S.GetAccessor, method],
  [S.SetAccessor, method],
  [S.InterfaceDeclaration, interfaceDeclaration],
  [S.TypeAliasDeclaration, typeAlias],
  [S.VariableStatement, variableStatement],
  [S.ExpressionStatement, expressionStatement],
];
