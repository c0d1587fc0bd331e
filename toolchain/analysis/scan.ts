// Finds what a module offers and needs: functions tagged @offloadable, the state class, host functions tagged @host, migrations.
import ts from 'typescript';
import type { PortableField, PortableType, RecordType } from './portable-type.ts';
import type { ModuleProgram } from './program.ts';
import type { Findings } from './source-error.ts';
import type { TypeReader } from './type-reader.ts';

export interface ElasticFunction {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly PortableField[];
  readonly result: PortableType | null;
  readonly stateful: boolean;
  readonly declaration: ts.FunctionDeclaration | ts.MethodDeclaration;
}

export interface HostFunction {
  readonly interfaceName: string;
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly PortableField[];
  readonly result: PortableType | null;
  readonly symbol: ts.Symbol;
}

/** A function tagged `@migrates N`: takes the state of version N and returns that of N + 1. */
export interface Migration {
  readonly from: number;
  readonly name: string;
  readonly type: RecordType;
  readonly symbol: ts.Symbol;
}

export interface StateClass {
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly type: RecordType;
}

export interface ModuleInterface {
  readonly functions: readonly ElasticFunction[];
  readonly host: readonly HostFunction[];
  readonly state: StateClass | null;
  readonly migrations: readonly Migration[];
}

/** Reads the interface of a module; findings go to `findings`. */
export function scanModule(module: ModuleProgram, reader: TypeReader, findings: Findings): ModuleInterface {
  const functions: ElasticFunction[] = [];
  const migrations: Migration[] = [];
  let state: StateClass | null = null;
  for (const statement of module.entry.statements) {
    if (ts.isFunctionDeclaration(statement)) {
      if (hasTag(statement, 'offloadable')) functions.push(...readFunction(statement, false, module, reader, findings));
      migrations.push(...readMigration(statement, module, reader, findings));
    } else if (ts.isClassDeclaration(statement)) {
      const methods = statement.members.filter(
        (member): member is ts.MethodDeclaration => ts.isMethodDeclaration(member) && hasTag(member, 'offloadable'),
      );
      if (methods.length === 0) continue;
      if (state !== null)
        findings.add(
          statement,
          'a module has one state class: put the functions of this one into the other, or into a module of their own',
        );
      state = readState(statement, module, reader, findings);
      for (const item of methods) functions.push(...readFunction(item, true, module, reader, findings));
    } else if (hasTag(statement, 'offloadable')) {
      findings.add(statement, '@offloadable stands on exported function declarations and on methods of the state class');
    }
  }
  if (functions.length === 0 && findings.list.length === 0)
    findings.add(
      module.entry,
      'nothing here is tagged: put /** @offloadable */ before an exported function or a method of the state class',
    );
  for (const name of new Set(functions.map((item) => item.name))) {
    const [, second] = functions.filter((item) => item.name === name);
    if (second !== undefined) findings.add(second.declaration, `two elastic functions are called \`${name}\``);
  }
  return { functions, host: readHost(module, reader, findings), state, migrations: migrations.toSorted((a, b) => a.from - b.from) };
}

/** Whether a JSDoc block before the node has the tag. */
export function hasTag(node: ts.Node, tag: string): boolean {
  return ts.getJSDocTags(node).some((item) => item.tagName.text === tag);
}

function tagText(node: ts.Node, tag: string): string | null {
  const found = ts.getJSDocTags(node).find((item) => item.tagName.text === tag);
  if (found === undefined) return null;
  return (typeof found.comment === 'string' ? found.comment : (ts.getTextOfJSDocComment(found.comment) ?? '')).trim();
}

function description(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter((item) => ts.isJSDoc(item));
  return (ts.getTextOfJSDocComment(doc?.comment) ?? '').replaceAll(/\s+/g, ' ').trim();
}

const isExported = (node: ts.Declaration): boolean => (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export) !== 0;

function readFunction(
  node: ts.FunctionDeclaration | ts.MethodDeclaration,
  stateful: boolean,
  module: ModuleProgram,
  reader: TypeReader,
  findings: Findings,
): ElasticFunction[] {
  if (!stateful && !isExported(node))
    findings.add(node, `export \`${node.name?.getText() ?? 'this function'}\`: only exported functions can be called from outside`);
  if (node.name === undefined || !ts.isIdentifier(node.name)) {
    findings.add(node, 'an elastic function needs a plain name');
    return [];
  }
  if (node.modifiers?.some((item) => item.kind === ts.SyntaxKind.StaticKeyword) === true)
    findings.add(node, 'a static method is not part of the state: export a function');
  if (node.asteriskToken !== undefined)
    findings.add(node, 'a generator cannot cross a call: return an array, or take the next part in a further call');
  const signature = readSignature(node, module, reader, findings);
  return signature === null ? [] : [{ name: node.name.text, description: description(node), ...signature, stateful, declaration: node }];
}

function readSignature(
  node: ts.SignatureDeclaration,
  module: ModuleProgram,
  reader: TypeReader,
  findings: Findings,
): { parameters: PortableField[]; result: PortableType | null } | null {
  const parameters: PortableField[] = [];
  let sound = true;
  if (node.typeParameters !== undefined) {
    findings.add(node, 'a generic function cannot cross a call: write it for one type');
    sound = false;
  }
  for (const parameter of node.parameters) {
    if (
      !ts.isIdentifier(parameter.name) ||
      parameter.dotDotDotToken !== undefined ||
      parameter.questionToken !== undefined ||
      parameter.initializer !== undefined
    ) {
      findings.add(parameter, 'parameters that cross a call are plain: no destructuring, rest, optional or default ones (use `T | null`)');
      sound = false;
      continue;
    }
    const type = reader.read(module.checker.getTypeAtLocation(parameter), parameter, 'call');
    if (type === null) sound = false;
    else parameters.push({ name: parameter.name.text, type });
  }
  const returned = module.checker.getSignatureFromDeclaration(node)?.getReturnType();
  if (node.type === undefined) {
    findings.add(node, 'declare the result type');
    return null;
  }
  if (returned === undefined || returned.flags & ts.TypeFlags.VoidLike) return sound ? { parameters, result: null } : null;
  const result = reader.read(returned, node.type, 'call');
  return sound && result !== null ? { parameters, result } : null;
}

function readState(node: ts.ClassDeclaration, module: ModuleProgram, reader: TypeReader, findings: Findings): StateClass | null {
  const symbol = node.name === undefined ? undefined : module.checker.getSymbolAtLocation(node.name);
  if (symbol === undefined || !isExported(node)) {
    findings.add(node, 'export the state class, under a name');
    return null;
  }
  const constructor = node.members.find((member) => ts.isConstructorDeclaration(member));
  if (constructor !== undefined && constructor.parameters.length > 0)
    findings.add(constructor, 'the state class has no constructor arguments: give its fields initial values, and configure it by a method');
  for (const member of node.members) {
    if (
      ts.isPropertyDeclaration(member) &&
      member.type === undefined &&
      !(member.initializer !== undefined && ts.isNewExpression(member.initializer))
    ) {
      findings.add(member, `declare the type of \`${member.name.getText()}\`: it is part of the state`);
    }
  }
  const type = reader.read(module.checker.getDeclaredTypeOfSymbol(symbol), node, 'state');
  return type?.kind === 'record' ? { name: reader.nameOf(symbol), symbol, type } : null;
}

function readMigration(node: ts.FunctionDeclaration, module: ModuleProgram, reader: TypeReader, findings: Findings): Migration[] {
  const text = tagText(node, 'migrates');
  if (text === null) return [];
  const from = Number(text);
  const symbol = node.name === undefined ? undefined : module.checker.getSymbolAtLocation(node.name);
  const [parameter] = node.parameters;
  if (
    !Number.isInteger(from) ||
    from < 1 ||
    symbol === undefined ||
    parameter === undefined ||
    node.parameters.length !== 1 ||
    !isExported(node)
  ) {
    findings.add(
      node,
      '`@migrates N` stands on an exported function with one parameter, the state of version N, that returns the state of version N + 1',
    );
    return [];
  }
  const type = reader.read(module.checker.getTypeAtLocation(parameter), parameter, 'state');
  return type?.kind === 'record' ? [{ from, name: reader.nameOf(symbol), type, symbol }] : [];
}

function readHost(module: ModuleProgram, reader: TypeReader, findings: Findings): HostFunction[] {
  const found: HostFunction[] = [];
  for (const file of module.files) {
    for (const statement of file.statements) {
      const isDeclared =
        ts.isFunctionDeclaration(statement) &&
        statement.body === undefined &&
        statement.modifiers?.some((item) => item.kind === ts.SyntaxKind.DeclareKeyword) === true;
      if (!isDeclared) continue;
      const interfaceName = tagText(statement, 'host');
      const symbol = statement.name === undefined ? undefined : module.checker.getSymbolAtLocation(statement.name);
      if (interfaceName === null || !/^[a-z][a-z0-9-]*$/.test(interfaceName) || symbol === undefined) {
        findings.add(statement, 'a declared function is a host function: put `@host <interface>` (lower case) before it');
        continue;
      }
      const signature = readSignature(statement, module, reader, findings);
      if (signature !== null) found.push({ interfaceName, name: symbol.name, description: description(statement), ...signature, symbol });
    }
  }
  return found.filter((item) => isUsed(item.symbol, module));
}

/** Only host functions that the module calls are imported. */
function isUsed(symbol: ts.Symbol, module: ModuleProgram): boolean {
  const visit = (node: ts.Node): boolean => {
    if (ts.isCallExpression(node)) {
      const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
      let found = module.checker.getSymbolAtLocation(callee);
      if (found !== undefined && found.flags & ts.SymbolFlags.Alias) found = module.checker.getAliasedSymbol(found);
      if (found === symbol) return true;
    }
    return ts.forEachChild(node, (child) => (visit(child) ? true : undefined)) === true;
  };
  return module.files.some((file) => visit(file));
}
