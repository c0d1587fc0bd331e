// Statements in AssemblyScript: loops over collections written out, destructuring taken apart, what has no equivalent refused.
import ts from 'typescript';
import { presentMembers } from '../analysis/portable-type.ts';
import { emitAs } from './assembly-numbers.ts';
import { condition } from './assembly-expressions.ts';
import { typeText } from './assembly-types.ts';
import type { Emitter, Handler } from './emitter.ts';

function variableDeclaration(node: ts.VariableDeclaration, e: Emitter): string | null {
  if (!ts.isIdentifier(node.name)) return destructuring(node, e);
  if (ts.isForOfStatement(node.parent.parent)) return null;
  const name = declaredName(node.name, e);
  const type = variableType(node, e);
  const initializer = node.initializer === undefined ? '' : ` =${e.emit(node.initializer)}`;
  return `${name}${type === null ? '' : `: ${type}`}${initializer}`;
}

function declaredName(name: ts.Identifier, e: Emitter): string {
  const symbol = e.checker.getSymbolAtLocation(name);
  const declaration = symbol?.valueDeclaration;
  const topLevel = declaration !== undefined && ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent);
  return topLevel && symbol !== undefined ? e.reader.nameOf(symbol) : name.text;
}

/** The written type of a variable; null for function values, which AssemblyScript infers. */
function variableType(node: ts.VariableDeclaration, e: Emitter): string | null {
  const symbol = e.checker.getSymbolAtLocation(node.name);
  if (
    node.type === undefined &&
    node.initializer !== undefined &&
    (ts.isArrowFunction(node.initializer) || ts.isFunctionExpression(node.initializer))
  )
    return null;
  const inferred = symbol === undefined ? null : e.kinds.ofSymbol(symbol);
  return inferred ?? typeText(e.checker.getTypeAtLocation(node.name), e, node);
}

function destructuring(node: ts.VariableDeclaration, e: Emitter): string | null {
  if (!ts.isObjectBindingPattern(node.name) || node.initializer === undefined) {
    if (!ts.isForOfStatement(node.parent.parent)) e.problem(node, 'array destructuring is not portable: take the elements one by one');
    return null;
  }
  const source = e.fresh('from');
  const sourceType = e.checker.getTypeAtLocation(node.initializer);
  const parts = [`${source}: ${typeText(sourceType, e, node)} = ${e.body(node.initializer)}`];
  for (const element of node.name.elements) {
    const field = (element.propertyName ?? element.name).getText();
    if (!ts.isIdentifier(element.name) || element.initializer !== undefined || element.dotDotDotToken !== undefined) {
      e.problem(element, 'only plain names can be taken out of an object here');
      continue;
    }
    const property = sourceType.getProperty(field);
    const type = property === undefined ? 'void' : typeText(e.checker.getTypeOfSymbol(property), e, element);
    parts.push(`${element.name.text}: ${type} = ${source}.${field}`);
  }
  return parts.join(', ');
}

function forOf(node: ts.ForOfStatement, e: Emitter): string | null {
  const { initializer } = node;
  const [declaration] = ts.isVariableDeclarationList(initializer) ? initializer.declarations : [];
  if (declaration === undefined) {
    e.problem(node, 'declare the loop variable in the loop');
    return null;
  }
  const source = collectionOf(node.expression, e);
  const list = e.fresh('list');
  const index = e.fresh('index');
  const lines = [`const ${list} = ${source.list};`];
  const element = `unchecked(${list}[${index}])`;
  const bindings: string[] = [];
  if (ts.isArrayBindingPattern(declaration.name)) {
    const [key, value] = declaration.name.elements;
    if (source.map === null) e.problem(declaration, 'array destructuring is not portable: take the elements one by one');
    const keyName = key !== undefined && ts.isBindingElement(key) ? key.name.getText() : e.fresh('key');
    bindings.push(`const ${keyName} = ${element}; if (!${source.map ?? list}.has(${keyName})) continue;`);
    if (value !== undefined && ts.isBindingElement(value))
      bindings.push(`const ${value.name.getText()} = ${source.map ?? list}.get(${keyName});`);
  } else {
    if (source.map !== null) e.problem(declaration, 'write `for (const [key, value] of map)`');
    bindings.push(
      `const ${declaration.name.getText()}: ${typeText(e.checker.getTypeAtLocation(declaration.name), e, declaration)} = ${element};`,
    );
  }
  if (source.map !== null) lines.unshift(`const ${source.map} = ${source.mapText};`);
  const body = ts.isBlock(node.statement) ? e.emit(node.statement) : `{ ${e.emit(node.statement)} }`;
  const opened = body.replace('{', () => `{ ${bindings.join(' ')}`);
  // The label of a labelled loop must stay on the loop itself, so the list is bound in the loop's head.
  const head = lines.map((line) => line.replace(/^const /, '').replace(/;$/, '')).join(', ');
  return `for (let ${head}, ${index} = 0; ${index} < ${list}.length; ${index}++) ${opened}`;
}

interface Collection {
  readonly list: string;
  readonly map: string | null;
  readonly mapText: string;
}

/** What a loop goes through: an array as it stands, or the keys or values of a Map or Set. */
function collectionOf(expression: ts.Expression, e: Emitter): Collection {
  const type = e.checker.getTypeAtLocation(expression);
  const owner = presentMembers(type)[0]?.getSymbol()?.name ?? '';
  if (/^(Readonly)?Map$/.test(owner)) {
    const map = e.fresh('map');
    return { list: `${map}.keys()`, map, mapText: e.body(expression) };
  }
  if (/^(Readonly)?Set$/.test(owner)) return { list: `${e.body(expression)}.values()`, map: null, mapText: '' };
  if (owner === 'IterableIterator' && ts.isCallExpression(expression) && ts.isPropertyAccessExpression(expression.expression)) {
    const { name, expression: receiver } = expression.expression;
    if (name.text === 'entries') return collectionOf(receiver, e);
    if (name.text === 'keys' || name.text === 'values') return { list: e.body(expression), map: null, mapText: '' };
  }
  if (type.flags & ts.TypeFlags.StringLike)
    e.problem(expression, 'loop over a string by index: `for (let i = 0; i < text.length; i++) text.charCodeAt(i)`');
  return { list: e.body(expression), map: null, mapText: '' };
}

function returnStatement(node: ts.ReturnStatement, e: Emitter): string | null {
  return node.expression === undefined ? null : `return ${e.body(node.expression)};`;
}

const conditional =
  (keyword: 'if' | 'while'): Handler =>
  (node: ts.IfStatement | ts.WhileStatement, e) => {
    const test = condition(node.expression, e);
    if (ts.isIfStatement(node)) {
      const otherwise = node.elseStatement === undefined ? '' : ` else${e.emit(node.elseStatement)}`;
      return `${keyword} (${test})${e.emit(node.thenStatement)}${otherwise}`;
    }
    return `${keyword} (${test})${e.emit(node.statement)}`;
  };

/** Cases of a number take its type; the rest is AssemblyScript's own switch. */
function caseClause(node: ts.CaseClause, e: Emitter): string | null {
  const subject = node.parent.parent.expression;
  const kind = e.kindOf(subject);
  if (kind === null || kind === 'literal') return null;
  const statements = node.statements.map((statement) => e.emit(statement)).join('');
  return `case ${emitAs(node.expression, kind, e)}:${statements}`;
}

const refuse =
  (message: string): Handler =>
  (node: ts.Node, e) => {
    e.problem(node, message);
    return null;
  };

const S = ts.SyntaxKind;
export const STATEMENTS: readonly (readonly [ts.SyntaxKind, Handler])[] = [
  [S.VariableDeclaration, variableDeclaration],
  [S.ForOfStatement, forOf],
  [S.ReturnStatement, returnStatement],
  [S.IfStatement, conditional('if')],
  [S.WhileStatement, conditional('while')],
  [S.CaseClause, caseClause],
  [S.ForInStatement, refuse('for…in is not portable: loop over an array or a Map')],
  [S.TryStatement, refuse('try/catch is not portable: a thrown error ends the call; return a result that says what failed')],
  [S.WithStatement, refuse('with is not portable')],
];
