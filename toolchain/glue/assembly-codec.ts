// Bodies of the AssemblyScript functions of the typed value codec: size, write and read, for snapshots that both builds understand.
import { discriminantBytes } from '../../shared/elastic/component-layout.ts';
import { assemblyText, isScalar, memberOf, type PortableType } from '../analysis/portable-type.ts';
import { construct, enumFromIndex, enumToIndex, fixedSize, unlessLast } from './assembly-text.ts';

/** The name of the function that does `unit` for a type, generated when it is first needed. */
export type Need = (unit: 'size' | 'write' | 'read', type: PortableType) => string;

/** Bytes that `v` takes. */
export function sizeBody(type: PortableType, need: Need): string {
  switch (type.kind) {
    case 'number':
    case 'boolean':
      return `return ${fixedSize(type)};`;
    case 'string':
      return 'return 4 + String.UTF8.byteLength(v);';
    case 'typed-array':
      return 'return 4 + v.byteLength;';
    case 'enum':
      return `return ${discriminantBytes(type.cases.length)};`;
    case 'list':
      if (isScalar(type.element)) return `return 4 + <usize>v.length * ${fixedSize(type.element)};`;
      return `let n: usize = 4; for (let i = 0; i < v.length; i++) n += ${need('size', type.element)}(v[i]); return n;`;
    case 'set':
      return `let n: usize = 4; const list = v.values(); for (let i = 0; i < list.length; i++) n += ${need('size', type.value)}(list[i]); return n;`;
    case 'map':
      return `let n: usize = 4; const keys = v.keys(); for (let i = 0; i < keys.length; i++) n += ${need('size', type.key)}(keys[i]) + ${need('size', type.value)}(v.get(keys[i])); return n;`;
    case 'record':
      return `return ${['0', ...type.fields.map((field) => `${need('size', field.type)}(v.${memberOf(field)})`)].join(' + ')};`;
    case 'option':
      return `return v === null ? 1 : 1 + ${need('size', type.value)}(${isScalar(type.value) ? 'v!.value' : 'v!'});`;
    case 'variant':
      return type.cases
        .map(
          (item, index) =>
            `${index === type.cases.length - 1 ? '' : `if (v.${type.discriminant} == ${JSON.stringify(item.name)}) `}{ const w = changetype<${item.className}>(v); return ${[String(discriminantBytes(type.cases.length)), ...item.fields.map((field) => `${need('size', field.type)}(w.${memberOf(field)})`)].join(' + ')}; }`,
        )
        .join(' ');
  }
}

/** Writes `v` at `__cursor`, which it moves on. */
export function writeBody(type: PortableType, need: Need): string {
  switch (type.kind) {
    case 'number':
      return `store<${type.type}>(__cursor, v); __cursor += ${fixedSize(type)};`;
    case 'boolean':
      return 'store<u8>(__cursor++, v ? 1 : 0);';
    case 'string':
      return '__writeText(v);';
    case 'typed-array':
      return `__writeTyped<${assemblyText(type)}>(v);`;
    case 'enum':
      return `store<u${8 * discriminantBytes(type.cases.length)}>(__cursor, ${enumToIndex(type.cases)}); __cursor += ${discriminantBytes(type.cases.length)};`;
    case 'list':
      if (isScalar(type.element))
        return `store<u32>(__cursor, v.length); __cursor += 4; __writeBytes(v.dataStart, <usize>v.length * ${fixedSize(type.element)});`;
      return `store<u32>(__cursor, v.length); __cursor += 4; for (let i = 0; i < v.length; i++) ${need('write', type.element)}(v[i]);`;
    case 'set':
      return `const list = v.values(); store<u32>(__cursor, list.length); __cursor += 4; for (let i = 0; i < list.length; i++) ${need('write', type.value)}(list[i]);`;
    case 'map':
      return `const keys = v.keys(); store<u32>(__cursor, keys.length); __cursor += 4; for (let i = 0; i < keys.length; i++) { ${need('write', type.key)}(keys[i]); ${need('write', type.value)}(v.get(keys[i])); }`;
    case 'record':
      return type.fields.map((field) => `${need('write', field.type)}(v.${memberOf(field)});`).join(' ');
    case 'option':
      return `if (v === null) { store<u8>(__cursor++, 0); } else { store<u8>(__cursor++, 1); ${need('write', type.value)}(${isScalar(type.value) ? 'v!.value' : 'v!'}); }`;
    case 'variant':
      return type.cases
        .map(
          (item, index) =>
            `if (v.${type.discriminant} == ${JSON.stringify(item.name)}) { store<u${8 * discriminantBytes(type.cases.length)}>(__cursor, ${index}); __cursor += ${discriminantBytes(type.cases.length)}; const w = changetype<${item.className}>(v); ${item.fields.map((field) => `${need('write', field.type)}(w.${memberOf(field)});`).join(' ')} return; }`,
        )
        .join(' ');
  }
}

/** Reads a value at `__cursor`, which it moves on. */
export function readBody(type: PortableType, need: Need): string {
  const as = assemblyText(type);
  switch (type.kind) {
    case 'number':
      return `const v = load<${type.type}>(__cursor); __cursor += ${fixedSize(type)}; return v;`;
    case 'boolean':
      return 'return load<u8>(__cursor++) != 0;';
    case 'string':
      return 'return __readText();';
    case 'typed-array':
      return `return __readTyped<${as}>();`;
    case 'enum':
      return `const c = <i32>load<u${8 * discriminantBytes(type.cases.length)}>(__cursor); __cursor += ${discriminantBytes(type.cases.length)}; return ${enumFromIndex(type.cases, 'c')};`;
    case 'list':
      return `const n = load<i32>(__cursor); __cursor += 4; const v = new ${as}(); for (let i = 0; i < n; i++) v.push(${need('read', type.element)}()); return v;`;
    case 'set':
      return `const n = load<i32>(__cursor); __cursor += 4; const v = new ${as}(); for (let i = 0; i < n; i++) v.add(${need('read', type.value)}()); return v;`;
    case 'map':
      return `const n = load<i32>(__cursor); __cursor += 4; const v = new ${as}(); for (let i = 0; i < n; i++) { const k = ${need('read', type.key)}(); v.set(k, ${need('read', type.value)}()); } return v;`;
    case 'record': {
      const names = type.fields.map((_, index) => `f${index}`);
      const reads = type.fields.map((field, index) => `const f${index} = ${need('read', field.type)}();`);
      return `${reads.join(' ')} ${construct(type.name, names, type.form === 'class' ? type.fields : null)}`;
    }
    case 'option': {
      const value = `${need('read', type.value)}()`;
      return `return load<u8>(__cursor++) != 0 ? ${isScalar(type.value) ? `__box<${assemblyText(type.value)}>(${value})` : value} : null;`;
    }
    case 'variant': {
      const cases = type.cases.map((item, index) => {
        const reads = item.fields.map((field, part) => `const f${part} = ${need('read', field.type)}();`);
        return `${unlessLast(type, index)}{ ${reads.join(' ')} return new ${item.className}(${item.fields.map((_, part) => `f${part}`).join(', ')}); }`;
      });
      return `const c = <i32>load<u${8 * discriminantBytes(type.cases.length)}>(__cursor); __cursor += ${discriminantBytes(type.cases.length)}; ${cases.join(' ')}`;
    }
  }
}
