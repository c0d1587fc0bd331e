// The AssemblyScript glue of one module: exports by the Canonical ABI, host imports, and the state's save and load.
import { apiInterface, hostImportModule, stateInterface, toKebab } from '../../shared/elastic/component-names.ts';
import { fieldOffsets, flatSignature, layoutOf, recordLayout } from '../../shared/elastic/component-layout.ts';
import { MATH_FUNCTIONS } from '../../shared/elastic/component-intrinsics.ts';
import type { ElasticFunction, HostFunction, ModuleInterface } from '../analysis/scan.ts';
import { assemblyText, memberOf, toInterfaceType, type PortableField, type PortableType } from '../analysis/portable-type.ts';
import type { TypeReader } from '../analysis/type-reader.ts';
import { ValueGlue } from './assembly-values.ts';

export interface AssemblyGlue {
  readonly text: string;
  /** Core export names by the identifier that AssemblyScript exports. */
  readonly exports: ReadonlyMap<string, string>;
}

/** `names` gives the identifier of an elastic function in the emitted source. */
export function assemblyGlue(
  moduleName: string,
  stateVersion: number,
  module: ModuleInterface,
  reader: TypeReader,
  names: (item: ElasticFunction) => string,
): AssemblyGlue {
  const values = new ValueGlue();
  const exports = new Map<string, string>([
    ['cabi_realloc', 'cabi_realloc'],
    ['memory', 'memory'],
    ['_initialize', '_initialize'],
  ]);
  const parts: string[] = [];
  if (module.state !== null) parts.push(`let __state: ${module.state.name} = new ${module.state.name}();`);
  for (const [index, item] of module.functions.entries()) {
    parts.push(exportFunction(item, index, names(item), values));
    const core = `${apiInterface(moduleName)}#${toKebab(item.name)}`;
    exports.set(`__export_${index}`, core).set(`__post_${index}`, `cabi_post_${core}`);
  }
  if (module.state !== null) {
    parts.push(stateFunctions(module, stateVersion, values));
    const core = stateInterface(moduleName);
    exports
      .set('__save', `${core}#save`)
      .set('__load', `${core}#load`)
      .set('__post_save', `cabi_post_${core}#save`)
      .set('__post_load', `cabi_post_${core}#load`);
  }
  for (const item of module.host) parts.push(importFunction(item, reader.nameOf(item.symbol), values));
  return { text: `${parts.join('\n')}\n${values.text}\n`, exports };
}

/** Declarations of the engine's mathematics; only what is called stays in the module. */
export const MATH_IMPORTS = MATH_FUNCTIONS.map((item) => {
  const external = (name: string): string => `@external("outrider:host/math", "${toKebab(item.name)}") declare function ${name}`;
  const parameters = item.parameters.map((field) => `${field.name}: ${assemblyText(field.type as PortableType)}`);
  if (item.result?.kind !== 'string') return `${external(`__math_${item.name}`)}(${parameters.join(', ')}): f64;`;
  const forward = item.parameters.map((field) => field.name);
  return [
    `${external(`__import_math_${item.name}`)}(${[...parameters, 'result: usize'].join(', ')}): void;`,
    `function __math_${item.name}(${parameters.join(', ')}): string { const p = memory.data(8, 4); __import_math_${item.name}(${[...forward, 'p'].join(', ')}); return __liftString(load<u32>(p), load<u32>(p, 4)); }`,
  ].join('\n');
}).join('\n');

const wire = (fields: readonly PortableField[]) => fields.map((field) => ({ name: field.name, type: toInterfaceType(field.type) }));
const wireResult = (type: PortableType | null) => (type === null ? null : toInterfaceType(type));

function exportFunction(item: ElasticFunction, index: number, name: string, values: ValueGlue): string {
  const signature = flatSignature(wire(item.parameters), wireResult(item.result));
  const flat = signature.parametersByPointer ? ['p: usize'] : signature.parameters.map((core, at) => `a${at}: ${core}`);
  const actual = signature.parametersByPointer ? loadAll(item.parameters, values) : liftAll(item.parameters, values);
  const call = `${item.stateful ? `__state.${name}` : name}(${actual.join(', ')})`;
  const coreResult = signature.resultByPointer ? 'usize' : (signature.result[0] ?? 'void');
  let body: string;
  if (item.result === null) body = `${call};`;
  else if (signature.resultByPointer) {
    const { size } = layoutOf(toInterfaceType(item.result));
    body = `const r = memory.data(${size}, 8); ${values.need('store', item.result)}(r, ${call}); return r;`;
  } else {
    let unique = 0;
    const statements: string[] = [];
    const [lowered = '0'] = values.lower(item.result, call, () => `t${unique++}`, statements);
    body = `${statements.join(' ')} return ${lowered};`;
  }
  const post = coreResult === 'void' ? '' : `_r: ${coreResult}`;
  return [
    `export function __export_${index}(${flat.join(', ')}): ${coreResult} { ${body} }`,
    `export function __post_${index}(${post}): void { __afterCall(); }`,
  ].join('\n');
}

function liftAll(fields: readonly PortableField[], values: ValueGlue): string[] {
  let position = 0;
  return fields.map((field) => {
    const width = flatSignature(wire([field]), null).parameters.length;
    const flat = Array.from({ length: width }, (_, index) => `a${position + index}`);
    position += width;
    return values.lift(field.type, flat);
  });
}

function loadAll(fields: readonly PortableField[], values: ValueGlue): string[] {
  return fieldOffsets(wire(fields)).map(({ offset }, index) => {
    const field = fields[index];
    if (field === undefined) throw new RangeError('no such field');
    return `${values.need('load', field.type)}(p + ${offset})`;
  });
}

/** A host function as the source calls it: lowers the arguments, calls the import, lifts the result. */
function importFunction(item: HostFunction, name: string, values: ValueGlue): string {
  const signature = flatSignature(wire(item.parameters), wireResult(item.result));
  const external = `__import_${toKebab(item.interfaceName).replaceAll('-', '_')}_${item.name}`;
  const statements: string[] = [];
  let unique = 0;
  const fresh = (): string => `t${unique++}`;
  let actual: string[];
  if (signature.parametersByPointer) {
    const { size } = recordLayout(wire(item.parameters));
    statements.push(`const p = cabi_realloc(0, 0, 8, ${size});`);
    for (const [index, { offset }] of fieldOffsets(wire(item.parameters)).entries()) {
      const field = item.parameters[index];
      if (field !== undefined) statements.push(`${values.need('store', field.type)}(p + ${offset}, v${index});`);
    }
    actual = ['p'];
  } else actual = item.parameters.flatMap((field, index) => values.lower(field.type, `v${index}`, fresh, statements));
  const cores = signature.parametersByPointer ? ['p: usize'] : signature.parameters.map((core, index) => `a${index}: ${core}`);
  const coreResult = signature.resultByPointer ? 'void' : (signature.result[0] ?? 'void');
  if (signature.resultByPointer && item.result !== null) {
    statements.push(
      `const r = memory.data(${layoutOf(toInterfaceType(item.result)).size}, 8); ${external}(${[...actual, 'r'].join(', ')}); return ${values.need('load', item.result)}(r);`,
    );
  } else if (item.result === null) statements.push(`${external}(${actual.join(', ')});`);
  else statements.push(`const r = ${external}(${actual.join(', ')}); return ${values.lift(item.result, ['r'])};`);
  const declared = signature.resultByPointer ? [...cores, 'r: usize'] : cores;
  const parameters = item.parameters.map((field, index) => `v${index}: ${assemblyText(field.type)}`);
  return [
    `@external("${hostImportModule(item.interfaceName)}", "${toKebab(item.name)}") declare function ${external}(${declared.join(', ')}): ${coreResult};`,
    `function ${name}(${parameters.join(', ')}): ${item.result === null ? 'void' : assemblyText(item.result)} { ${statements.join(' ')} }`,
  ].join('\n');
}

function stateFunctions(module: ModuleInterface, version: number, values: ValueGlue): string {
  const { state, migrations } = module;
  if (state === null) return '';
  const chain = migrations.map((migration, index) => {
    const last = index === migrations.length - 1;
    const next = `s${migration.from + 1}`;
    const into = last
      ? `const o = __state; const m = ${migration.name}(s${migration.from}); ${state.type.fields.map((field) => `o.${memberOf(field)} = m.${field.name};`).join(' ')} return;`
      : `const ${next} = ${migration.name}(s${migration.from}); __migrate${migration.from + 1}(${next});`;
    return `function __migrate${migration.from}(s${migration.from}: ${migration.type.name}): void { ${into} }`;
  });
  const branches = migrations.map(
    (migration) => `if (version == ${migration.from}) { __migrate${migration.from}(${values.need('read', migration.type)}()); return; }`,
  );
  return [
    `export function __save(): usize { const out = new Uint8Array(<i32>${values.need('size', state.type)}(__state)); __cursor = out.dataStart; ${values.need('write', state.type)}(__state); const r = memory.data(8, 8); store<usize>(r, out.dataStart); store<u32>(r, out.length, 4); return r; }`,
    `export function __post_save(_r: usize): void { __afterCall(); }`,
    ...chain,
    `export function __load(version: u32, pointer: usize, length: u32): void { __cursor = pointer; ${branches.join(' ')} if (version != ${version}) unreachable(); __state = ${values.need('read', state.type)}(); }`,
    'export function __post_load(): void { __afterCall(); }',
  ].join('\n');
}
