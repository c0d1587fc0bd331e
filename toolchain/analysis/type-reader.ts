// Reads TypeScript types into portable types, and says at the source why a type cannot cross a call or be state.
import ts from 'typescript';
import {
  isNothing,
  isNullable,
  numberTypeOf,
  presentMembers,
  TYPED_ARRAY_ELEMENTS,
  type PortableField,
  type PortableType,
  type VariantType,
} from './portable-type.ts';
import type { ModuleProgram } from './program.ts';
import { isVirtual } from './program.ts';
import type { Findings } from './source-error.ts';

/** `call`: parameters and results; `state`: fields of the state class, where classes, maps and sets are welcome too. */
export type Purpose = 'call' | 'state';

interface UnionAlias {
  readonly name: string;
  readonly discriminant: string;
  readonly members: ReadonlyMap<ts.Symbol, string>;
}

const RESERVED =
  /^(?:__|(?:[iu](?:8|16|32|64)|f32|f64|v128|bool|min|max|abs|sqrt|ceil|floor|trunc|nearest|select|load|store|assert|memory|heap|trace|add|sub|mul|div|rem|eq|ne|lt|gt|le|ge|and|or|xor|not|shl|shr|clz|ctz|popcnt|rotl|rotr|copysign|process|performance|atomic|table|native|instantiate|changetype|sizeof|offsetof|alignof|idof|nameof|unreachable|unchecked|inline|lazy|external|global|operator|final|unsafe)$)/;

export class TypeReader {
  readonly #checker: ts.TypeChecker;
  readonly #findings: Findings;
  readonly #names = new Map<ts.Symbol, string>();
  readonly #taken = new Set<string>();
  readonly #unions: UnionAlias[] = [];
  readonly #reading: ts.Symbol[] = [];
  /** The file that declares each named type that was read, by the type's name. */
  readonly homes = new Map<string, string>();

  constructor(module: ModuleProgram, findings: Findings) {
    this.#checker = module.checker;
    this.#findings = findings;
    for (const file of module.files) {
      for (const statement of file.statements) {
        if (!ts.isTypeAliasDeclaration(statement)) continue;
        this.registerLiteralAlias(statement);
        this.#registerUnion(statement);
      }
    }
  }

  /** The name of a top-level declaration or record class in the generated AssemblyScript: unique, and none of its built-ins. */
  nameOf(symbol: ts.Symbol, wanted = symbol.name): string {
    const known = this.#names.get(symbol);
    if (known !== undefined) return known;
    let name = wanted === '__type' || wanted === '__object' || wanted === 'default' ? 'Anonymous' : wanted.replace(/^#/, '_');
    for (let index = 2; this.#taken.has(name) || RESERVED.test(name); index += 1) name = `${wanted.replace(/^_+/, '')}_${index}`;
    this.#taken.add(name);
    this.#names.set(symbol, name);
    return name;
  }

  /** The discriminated union that a record belongs to, if any. */
  unionOf(member: ts.Symbol | undefined): UnionAlias | null {
    return member === undefined ? null : (this.#unions.find((union) => union.members.has(member)) ?? null);
  }

  /** Reads `type`; null after a finding at `node`. */
  read(type: ts.Type, node: ts.Node, purpose: Purpose): PortableType | null {
    const problem = (message: string): null => {
      this.#findings.add(node, message);
      return null;
    };
    if (type.flags & ts.TypeFlags.Any) return problem('`any` (or a type that does not resolve) cannot cross a call: declare the type');
    if (type.flags & ts.TypeFlags.Unknown) return problem('`unknown` cannot cross a call: declare the type, or a discriminated union');
    const members = presentMembers(type);
    const [first] = members;
    if (first === undefined) return problem('`null` and `undefined` alone cannot cross a call');
    if (isNullable(type)) {
      if (type.isUnion() && type.types.some((item) => item.flags & ts.TypeFlags.Undefined)) {
        return problem('`undefined` cannot cross a call: write `T | null` (and no optional `?` fields)');
      }
      const value = this.#readMembers(members, node, purpose, problem);
      if (value?.kind === 'option') return problem('an option of an option cannot cross a call');
      return value === null ? null : { kind: 'option', value };
    }
    return this.#readMembers(members, node, purpose, problem);
  }

  #readMembers(members: readonly ts.Type[], node: ts.Node, purpose: Purpose, problem: (message: string) => null): PortableType | null {
    const [first] = members;
    if (first === undefined) return null;
    if (members.every((item) => item.flags & ts.TypeFlags.BooleanLike)) return { kind: 'boolean' };
    if (members.every((item) => item.isStringLiteral())) {
      const cases = members.map((item) => item.value);
      return { kind: 'enum', name: this.#enumName(first, members), cases };
    }
    if (members.length > 1) return this.#readVariant(members, node, purpose, problem);
    if (first.flags & ts.TypeFlags.StringLike) return { kind: 'string' };
    const number = numberTypeOf(first);
    if (number !== null) return { kind: 'number', type: number };
    if (first.flags & ts.TypeFlags.TypeParameter) return problem('a generic function cannot cross a call: write it for one type');
    return this.#readObject(first, node, purpose, problem);
  }

  #readObject(type: ts.Type, node: ts.Node, purpose: Purpose, problem: (message: string) => null): PortableType | null {
    const checker = this.#checker;
    if (type.aliasSymbol?.name === 'Readonly' && type.aliasTypeArguments?.[0] !== undefined)
      return this.read(type.aliasTypeArguments[0], node, purpose);
    const symbol = type.getSymbol();
    if (symbol === undefined) return problem(`\`${checker.typeToString(type)}\` cannot cross a call`);
    const fromLibrary = symbol.declarations?.some((declaration) => isVirtual(declaration.getSourceFile())) ?? false;
    if (fromLibrary) {
      const typed = TYPED_ARRAY_ELEMENTS[symbol.name];
      if (typed !== undefined) return { kind: 'typed-array', element: symbol.name === 'BigUint64Array' ? 'u64' : typed };
      const [a, b] = checker.getTypeArguments(type as ts.TypeReference);
      if ((symbol.name === 'Array' || symbol.name === 'ReadonlyArray') && a !== undefined) {
        const element = this.read(a, node, purpose);
        return element === null ? null : { kind: 'list', element };
      }
      if (/^(Readonly)?Map$/.test(symbol.name) && a !== undefined && b !== undefined) {
        if (purpose === 'call') return problem('a Map cannot cross a call: use an array of records with key and value');
        const key = this.read(a, node, purpose);
        const value = this.read(b, node, purpose);
        return key === null || value === null ? null : { kind: 'map', key, value };
      }
      if (/^(Readonly)?Set$/.test(symbol.name) && a !== undefined) {
        if (purpose === 'call') return problem('a Set cannot cross a call: use an array');
        const value = this.read(a, node, purpose);
        return value === null ? null : { kind: 'set', value };
      }
      return problem(`\`${symbol.name}\` cannot cross a call: use numbers, booleans, strings, arrays, typed arrays and interfaces`);
    }
    if (type.getCallSignatures().length > 0)
      return problem('a function cannot cross a call: return data, or call the other side by its own elastic function');
    const union = this.unionOf(symbol);
    if (union !== null) return this.#variantFrom(union, node, purpose);
    return this.#readRecord(type, symbol, node, purpose, problem);
  }

  #readRecord(type: ts.Type, symbol: ts.Symbol, node: ts.Node, purpose: Purpose, problem: (message: string) => null): PortableType | null {
    const isClass = (symbol.flags & ts.SymbolFlags.Class) !== 0;
    if (isClass && purpose === 'call')
      return problem(`an instance of class \`${symbol.name}\` cannot cross a call: use an interface of plain data`);
    if (this.#reading.includes(symbol)) return problem(`\`${symbol.name}\` contains itself: use an array of records and indices`);
    this.#reading.push(symbol);
    const fields = this.#readFields(type, node, purpose, isClass, null);
    this.#reading.pop();
    if (fields === null) return null;
    const home = symbol.declarations?.[0]?.getSourceFile().fileName;
    if (home !== undefined && !isClass) this.homes.set(this.nameOf(symbol, type.aliasSymbol?.name ?? symbol.name), home);
    if (fields.length === 0 && !isClass) return problem(`\`${symbol.name}\` has no fields`);
    return { kind: 'record', name: this.nameOf(symbol, type.aliasSymbol?.name ?? symbol.name), fields, form: isClass ? 'class' : 'plain' };
  }

  /** The data fields of a class or interface, base first, without `skip`. */
  #readFields(type: ts.Type, node: ts.Node, purpose: Purpose, isClass: boolean, skip: string | null): PortableField[] | null {
    const fields: PortableField[] = [];
    let sound = true;
    for (const property of this.fieldsOf(type)) {
      if (property.name === skip) continue;
      const declaration = property.valueDeclaration;
      const at = declaration !== undefined && !isVirtual(declaration.getSourceFile()) ? declaration : node;
      if (property.flags & ts.SymbolFlags.Optional) {
        this.#findings.add(at, `optional field \`${property.name}?\` cannot cross a call: write \`${property.name}: T | null\``);
        sound = false;
        continue;
      }
      if (!isClass && property.flags & ts.SymbolFlags.Method) {
        this.#findings.add(at, `method \`${property.name}\` cannot cross a call: keep interfaces that cross free of behaviour`);
        sound = false;
        continue;
      }
      const fieldType = this.read(this.#checker.getTypeOfSymbol(property), at, purpose);
      if (fieldType === null) sound = false;
      else if (property.name.startsWith('#'))
        fields.push({ name: property.name.slice(1), member: `__own_${property.name.slice(1)}`, type: fieldType });
      else fields.push({ name: property.name, type: fieldType });
    }
    return sound ? fields : null;
  }

  /** Data properties of a class or interface; methods and accessors of classes left out. */
  fieldsOf(type: ts.Type): ts.Symbol[] {
    return type.getProperties().filter((property) => {
      const declaration = property.valueDeclaration;
      if (declaration === undefined) return true;
      return !(ts.isMethodDeclaration(declaration) || ts.isAccessor(declaration));
    });
  }

  #readVariant(members: readonly ts.Type[], node: ts.Node, purpose: Purpose, problem: (message: string) => null): PortableType | null {
    const union = this.unionOf(members[0]?.getSymbol());
    if (union === null || members.some((item) => !union.members.has(item.getSymbol() as ts.Symbol))) {
      return problem(
        'a union crosses a call only as string literals, `T | null`, or a named discriminated union (type Shape = Circle | Square)',
      );
    }
    return this.#variantFrom(union, node, purpose);
  }

  #variantFrom(union: UnionAlias, node: ts.Node, purpose: Purpose): VariantType | null {
    const cases: { name: string; className: string; fields: readonly PortableField[] }[] = [];
    for (const [symbol, name] of union.members) {
      const fields = this.#readFields(this.#checker.getDeclaredTypeOfSymbol(symbol), node, purpose, false, union.discriminant);
      if (fields === null) return null;
      cases.push({ name, className: this.nameOf(symbol), fields });
      this.homes.set(this.nameOf(symbol), symbol.declarations?.[0]?.getSourceFile().fileName ?? '');
      this.homes.set(union.name, symbol.declarations?.[0]?.getSourceFile().fileName ?? '');
    }
    return { kind: 'variant', name: union.name, discriminant: union.discriminant, cases };
  }

  #registerUnion(alias: ts.TypeAliasDeclaration): void {
    const type = this.#checker.getTypeAtLocation(alias.name);
    const members = type.isUnion() ? type.types : [];
    if (
      members.length < 2 ||
      members.some((item) => isNothing(item) || (item.getSymbol()?.flags ?? 0) === 0 || numberTypeOf(item) !== null)
    )
      return;
    const symbols = members.map((item) => item.getSymbol()).filter((symbol): symbol is ts.Symbol => symbol !== undefined);
    if (symbols.length !== members.length || symbols.some((symbol) => (symbol.flags & ts.SymbolFlags.Interface) === 0)) return;
    for (const property of members[0]?.getProperties() ?? []) {
      const literals = members.map((item) => {
        const other = item.getProperty(property.name);
        const literal = other === undefined ? undefined : this.#checker.getTypeOfSymbol(other);
        return literal?.isStringLiteral() === true ? literal.value : null;
      });
      if (literals.some((literal) => literal === null) || new Set(literals).size !== literals.length) continue;
      const pairs = symbols.map((symbol, index) => [symbol, literals[index] as string] as const);
      const aliasSymbol = this.#checker.getSymbolAtLocation(alias.name);
      if (aliasSymbol === undefined) return;
      this.#unions.push({ name: this.nameOf(aliasSymbol), discriminant: property.name, members: new Map(pairs) });
      return;
    }
  }

  #enumName(first: ts.Type, members: readonly ts.Type[]): string {
    const alias = this.#aliasOfLiterals(members);
    return alias ?? `Choice${(first as ts.StringLiteralType).value.replaceAll(/\W+/g, '')}`;
  }

  readonly #literalAliases = new Map<string, string>();

  /** Remembers `type Phase = 'idle' | 'busy'`, so that the union keeps its name after the checker has taken it apart. */
  registerLiteralAlias(alias: ts.TypeAliasDeclaration): void {
    const type = this.#checker.getTypeAtLocation(alias.name);
    const members = presentMembers(type);
    if (members.length > 0 && members.every((item) => item.isStringLiteral())) {
      this.#literalAliases.set(literalKey(members), alias.name.text);
      this.homes.set(alias.name.text, alias.getSourceFile().fileName);
    }
  }

  #aliasOfLiterals(members: readonly ts.Type[]): string | null {
    return this.#literalAliases.get(literalKey(members)) ?? null;
  }
}

const literalKey = (members: readonly ts.Type[]): string =>
  members
    .map((item) => (item as ts.StringLiteralType).value)
    .toSorted()
    .join('|');
