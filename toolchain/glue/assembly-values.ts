// AssemblyScript functions that carry values across: by the Canonical ABI (load, store, flat), and for snapshots by the typed value codec.
import {
  alignTo,
  discriminantBytes,
  fieldOffsets,
  flatten,
  layoutOf,
  payloadOffset,
  type CoreType,
} from '../../shared/elastic/component-layout.ts';
import {
  assemblyText,
  isScalar,
  memberOf,
  toInterfaceType,
  typeKey,
  type PortableField,
  type PortableType,
  type VariantType,
} from '../analysis/portable-type.ts';
import { readBody, sizeBody, writeBody } from './assembly-codec.ts';
import {
  castCore,
  construct,
  enumFromIndex,
  enumToIndex,
  fieldAt,
  optionWire,
  unlessLast,
  variantWire,
  wireFields,
} from './assembly-text.ts';

type Unit = 'load' | 'store' | 'size' | 'write' | 'read';

/** Collects the functions that are needed, each once. */
export class ValueGlue {
  readonly #functions = new Map<string, string>();
  readonly #need = (unit: Unit, type: PortableType): string => this.need(unit, type);

  get text(): string {
    return [...this.#functions.values()].join('\n');
  }

  /** The name of the function for `type`, which is generated on first use. */
  need(unit: Unit, type: PortableType): string {
    const name = `__${unit}_${typeKey(type)}`;
    if (!this.#functions.has(name)) {
      this.#functions.set(name, '');
      this.#functions.set(name, this.#generate(unit, name, type));
    }
    return name;
  }

  #generate(unit: Unit, name: string, type: PortableType): string {
    const as = assemblyText(type);
    switch (unit) {
      case 'load':
        return `function ${name}(p: usize): ${as} { ${this.#load(type)} }`;
      case 'store':
        return `function ${name}(p: usize, v: ${as}): void { ${this.#store(type)} }`;
      case 'size':
        return `function ${name}(v: ${as}): usize { ${sizeBody(type, this.#need)} }`;
      case 'write':
        return `function ${name}(v: ${as}): void { ${writeBody(type, this.#need)} }`;
      case 'read':
        return `function ${name}(): ${as} { ${readBody(type, this.#need)} }`;
    }
  }

  // -- canonical ABI, in memory -------------------------------------------------------------------------------------

  #load(type: PortableType): string {
    switch (type.kind) {
      case 'number':
        return `return load<${type.type}>(p);`;
      case 'boolean':
        return 'return load<u8>(p) != 0;';
      case 'string':
      case 'typed-array':
      case 'list':
        return `return ${this.lift(type, ['load<u32>(p)', 'load<u32>(p, 4)'])};`;
      case 'enum':
        return `return ${enumFromIndex(type.cases, `<i32>load<u${8 * discriminantBytes(type.cases.length)}>(p)`)};`;
      case 'record':
        return construct(type.name, this.#fieldLoads(type.fields, 0), type.form === 'class' ? type.fields : null);
      case 'option': {
        const value = `${this.need('load', type.value)}(p + ${payloadOffset(optionWire(type))})`;
        return `return load<u8>(p) != 0 ? ${isScalar(type.value) ? `__box<${assemblyText(type.value)}>(${value})` : value} : null;`;
      }
      case 'variant': {
        const offset = payloadOffset(variantWire(type));
        const bits = 8 * discriminantBytes(type.cases.length);
        const cases = type.cases.map(
          (item, index) => `${unlessLast(type, index)}return new ${item.className}(${this.#fieldLoads(item.fields, offset).join(', ')});`,
        );
        return `const c = <i32>load<u${bits}>(p); ${cases.join(' ')}`;
      }
      default:
        throw new Error(`a ${type.kind} does not cross a call`);
    }
  }

  #fieldLoads(fields: readonly PortableField[], base: number): string[] {
    return fieldOffsets(wireFields(fields)).map(
      ({ offset }, index) => `${this.need('load', fieldAt(fields, index).type)}(p + ${base + offset})`,
    );
  }

  #store(type: PortableType): string {
    switch (type.kind) {
      case 'number':
        return `store<${type.type}>(p, v);`;
      case 'boolean':
        return 'store<u8>(p, v ? 1 : 0);';
      case 'string':
        return 'store<usize>(p, changetype<usize>(v)); store<u32>(p, v.length, 4);';
      case 'typed-array':
        return 'store<usize>(p, v.dataStart); store<u32>(p, v.length, 4);';
      case 'list':
        if (isScalar(type.element)) return 'store<usize>(p, v.dataStart); store<u32>(p, v.length, 4);';
        return `const n = v.length; const q = cabi_realloc(0, 0, 8, <usize>n * ${layoutOf(toInterfaceType(type.element)).size}); for (let i = 0; i < n; i++) ${this.need('store', type.element)}(q + <usize>i * ${layoutOf(toInterfaceType(type.element)).size}, v[i]); store<usize>(p, q); store<u32>(p, n, 4);`;
      case 'enum':
        return `store<u${8 * discriminantBytes(type.cases.length)}>(p, ${enumToIndex(type.cases)});`;
      case 'record':
        return this.#fieldStores(type.fields, 0, 'v');
      case 'option': {
        const value = isScalar(type.value) ? 'v!.value' : 'v!';
        return `if (v === null) { store<u8>(p, 0); } else { store<u8>(p, 1); ${this.need('store', type.value)}(p + ${payloadOffset(optionWire(type))}, ${value}); }`;
      }
      case 'variant': {
        const offset = payloadOffset(variantWire(type));
        const bits = 8 * discriminantBytes(type.cases.length);
        return type.cases
          .map(
            (item, index) =>
              `if (v.${type.discriminant} == ${JSON.stringify(item.name)}) { store<u${bits}>(p, ${index}); const w = changetype<${item.className}>(v); ${this.#fieldStores(item.fields, offset, 'w')} return; }`,
          )
          .join(' ');
      }
      default:
        throw new Error(`a ${type.kind} does not cross a call`);
    }
  }

  #fieldStores(fields: readonly PortableField[], base: number, owner: string): string {
    return fieldOffsets(wireFields(fields))
      .map(
        ({ offset }, index) =>
          `${this.need('store', fieldAt(fields, index).type)}(p + ${base + offset}, ${owner}.${memberOf(fieldAt(fields, index))});`,
      )
      .join(' ');
  }

  // -- canonical ABI, flat ------------------------------------------------------------------------------------------

  /** An expression of the value behind the core values `flat`. */
  lift(type: PortableType, flat: readonly string[]): string {
    const [a = '0', b = '0'] = flat;
    switch (type.kind) {
      case 'number':
        return /^[iu](8|16)$|^u32$|^u64$/.test(type.type) ? `<${type.type}>(${a})` : a;
      case 'boolean':
        return `(${a} != 0)`;
      case 'string':
        return `__liftString(${a}, ${b})`;
      case 'typed-array':
        return `__liftTyped<${assemblyText(type)}>(${a}, ${b})`;
      case 'list':
        return isScalar(type.element)
          ? `__liftNumbers<${assemblyText(type.element)}>(${a}, ${b})`
          : `${this.#listLoader(type)}(${a}, ${b})`;
      case 'enum':
        return `(${enumFromIndex(type.cases, a)})`;
      case 'record': {
        let position = 0;
        const values = type.fields.map((field) => {
          const width = flatten(toInterfaceType(field.type)).length;
          const value = this.lift(field.type, flat.slice(position, position + width));
          position += width;
          return value;
        });
        return `new ${type.name}(${values.join(', ')})`;
      }
      case 'option': {
        const value = this.lift(type.value, flat.slice(1));
        return `(${a} != 0 ? ${isScalar(type.value) ? `__box<${assemblyText(type.value)}>(${value})` : value} : null)`;
      }
      case 'variant':
        return this.#liftVariant(type, flat);
      default:
        throw new Error(`a ${type.kind} does not cross a call`);
    }
  }

  #liftVariant(type: VariantType, flat: readonly string[]): string {
    const joined = flatten(variantWire(type)).slice(1);
    const cases = type.cases.map((item) => {
      let position = 0;
      const values = item.fields.map((field) => {
        const own = flatten(toInterfaceType(field.type));
        const parts = own.map((core, index) => castCore(flat[1 + position + index] ?? '0', joined[position + index] ?? core, core));
        position += own.length;
        return this.lift(field.type, parts);
      });
      return `changetype<${type.name}>(new ${item.className}(${values.join(', ')}))`;
    });
    return cases
      .slice(0, -1)
      .reduceRight((rest, text, index) => `(${flat[0]} == ${index} ? ${text} : ${rest})`, cases.at(-1) ?? 'unreachable()');
  }

  #listLoader(type: PortableType & { kind: 'list' }): string {
    const name = `__loadList_${typeKey(type.element)}`;
    if (!this.#functions.has(name)) {
      this.#functions.set(name, '');
      const element = assemblyText(type.element);
      const { size } = layoutOf(toInterfaceType(type.element));
      this.#functions.set(
        name,
        `function ${name}(p: usize, n: u32): Array<${element}> { const list = new Array<${element}>(); for (let i: u32 = 0; i < n; i++) list.push(${this.need('load', type.element)}(p + <usize>i * ${size})); return list; }`,
      );
    }
    return name;
  }

  /** Statements that lower `expression`, and the core values. `fresh` gives unused names. */
  lower(type: PortableType, expression: string, fresh: () => string, statements: string[]): string[] {
    switch (type.kind) {
      case 'number':
        return [/^[iu](8|16)$/.test(type.type) ? `<i32>(${expression})` : expression];
      case 'boolean':
        return [`(${expression} ? 1 : 0)`];
      case 'enum': {
        const name = fresh();
        statements.push(`const ${name} = ${expression};`);
        return [`(${enumToIndex(type.cases, name)})`];
      }
      case 'record': {
        const name = fresh();
        statements.push(`const ${name} = ${expression};`);
        return type.fields.flatMap((field) => this.lower(field.type, `${name}.${memberOf(field)}`, fresh, statements));
      }
      default: {
        // Everything else is stored in memory in its layout and its core values are read back from there.
        const name = fresh();
        const wire = toInterfaceType(type);
        statements.push(
          `const ${name} = cabi_realloc(0, 0, 8, ${alignTo(layoutOf(wire).size, 8)}); memory.fill(${name}, 0, ${alignTo(layoutOf(wire).size, 8)}); ${this.need('store', type)}(${name}, ${expression});`,
        );
        if (type.kind === 'string' || type.kind === 'typed-array' || type.kind === 'list')
          return [`load<u32>(${name})`, `load<u32>(${name}, 4)`];
        return this.#flatFromMemory(type, name, fresh, statements);
      }
    }
  }

  /** Core values of an option or variant that lies in memory. */
  #flatFromMemory(type: PortableType, pointer: string, fresh: () => string, statements: string[]): string[] {
    const wire = toInterfaceType(type);
    const core = flatten(wire);
    const names = core.map(() => fresh());
    statements.push(...names.map((name, index) => `let ${name}: ${core[index]} = 0;`));
    this.#fill(type, pointer, names, core, fresh, statements);
    return names;
  }

  #fill(
    type: PortableType,
    pointer: string,
    names: readonly string[],
    core: readonly CoreType[],
    fresh: () => string,
    statements: string[],
  ): void {
    const [discriminant = ''] = names;
    if (type.kind === 'option') {
      const inner: string[] = [];
      const value = this.lower(
        type.value,
        `${this.need('load', type.value)}(${pointer} + ${payloadOffset(optionWire(type))})`,
        fresh,
        inner,
      );
      const own = flatten(toInterfaceType(type.value));
      statements.push(
        `${discriminant} = load<u8>(${pointer}); if (${discriminant} != 0) { ${inner.join(' ')} ${value.map((text, index) => `${names[index + 1]} = ${castCore(text, own[index] ?? 'i32', core[index + 1] ?? 'i32')};`).join(' ')} }`,
      );
      return;
    }
    if (type.kind !== 'variant') return;
    statements.push(`${discriminant} = load<u${8 * discriminantBytes(type.cases.length)}>(${pointer});`);
    const offset = payloadOffset(variantWire(type));
    for (const [index, item] of type.cases.entries()) {
      const inner: string[] = [];
      let position = 1;
      const assigns = fieldOffsets(wireFields(item.fields)).flatMap(({ offset: at }, fieldIndex) => {
        const field = fieldAt(item.fields, fieldIndex);
        const values = this.lower(field.type, `${this.need('load', field.type)}(${pointer} + ${offset + at})`, fresh, inner);
        const own = flatten(toInterfaceType(field.type));
        return values.map((text, part) => `${names[position]} = ${castCore(text, own[part] ?? 'i32', core[position++] ?? 'i32')};`);
      });
      statements.push(`if (${discriminant} == ${index}) { ${inner.join(' ')} ${assigns.join(' ')} }`);
    }
  }
}
