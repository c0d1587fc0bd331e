// The WIT world of a module: its elastic functions, its state, and the host interfaces that it imports.
import type { FunctionSignature, HostInterface, InterfaceType } from '../../shared/elastic/interface-type.ts';
import { HOST_PACKAGE, toKebab } from '../../shared/elastic/component-names.ts';

export interface WorldInput {
  readonly name: string;
  readonly functions: readonly FunctionSignature[];
  readonly hostInterfaces: readonly HostInterface[];
  /** Whether the module has state, and so `save` and `load`. */
  readonly stateful: boolean;
  /** Functions of the intrinsic interfaces that the guest uses. */
  readonly intrinsics: readonly HostInterface[];
}

const KEYWORDS = new Set(
  'use type resource func record enum flags variant static interface world import export package include with as from list option result tuple future stream own borrow constructor async u8 u16 u32 u64 s8 s16 s32 s64 f32 f64 char bool string'.split(
    ' ',
  ),
);

const NUMBERS = {
  i8: 's8',
  u8: 'u8',
  i16: 's16',
  u16: 'u16',
  i32: 's32',
  u32: 'u32',
  i64: 's64',
  u64: 'u64',
  f32: 'f32',
  f64: 'f64',
} as const;

/** A WIT identifier, escaped where it is a keyword. */
export function witName(name: string): string {
  const kebab = toKebab(name);
  return KEYWORDS.has(kebab) ? `%${kebab}` : kebab;
}

export function renderWorld(input: WorldInput): string {
  const imports = [...input.hostInterfaces, ...input.intrinsics];
  const lines = [`package module:${input.name};`, '', ...renderInterface('api', input.functions), ''];
  if (input.stateful) {
    lines.push('interface state {', '  save: func() -> list<u8>;', '  load: func(version: u32, bytes: list<u8>);', '}', '');
  }
  lines.push(`world ${witName(input.name)} {`);
  for (const item of imports) lines.push(`  import ${HOST_PACKAGE}/${witName(item.name)};`);
  lines.push('  export api;');
  if (input.stateful) lines.push('  export state;');
  lines.push('}');
  if (imports.length > 0) {
    lines.push('', `package ${HOST_PACKAGE} {`);
    for (const item of imports) lines.push(...renderInterface(witName(item.name), item.functions).map((line) => `  ${line}`));
    lines.push('}');
  }
  return `${lines.join('\n')}\n`;
}

function renderInterface(name: string, functions: readonly FunctionSignature[]): string[] {
  const types = new Map<string, string[]>();
  for (const item of functions) {
    for (const parameter of item.parameters) collect(parameter.type, types);
    if (item.result !== null) collect(item.result, types);
  }
  const lines = [`interface ${name} {`];
  for (const definition of types.values()) lines.push(...definition.map((line) => `  ${line}`));
  for (const item of functions) {
    const parameters = item.parameters.map((parameter) => `${witName(parameter.name)}: ${typeName(parameter.type)}`);
    if (item.description !== '') lines.push(`  /// ${item.description}`);
    lines.push(`  ${witName(item.name)}: func(${parameters.join(', ')})${item.result === null ? '' : ` -> ${typeName(item.result)}`};`);
  }
  return [...lines, '}'];
}

/** Definitions of named types, inner ones first. */
function collect(type: InterfaceType, types: Map<string, string[]>): void {
  switch (type.kind) {
    case 'list':
      collect(type.element, types);
      return;
    case 'option':
      collect(type.value, types);
      return;
    case 'record':
      for (const field of type.fields) collect(field.type, types);
      types.set(type.name, [
        `record ${witName(type.name)} {`,
        ...type.fields.map((field) => `  ${witName(field.name)}: ${typeName(field.type)},`),
        '}',
      ]);
      return;
    case 'enum':
      types.set(type.name, [`enum ${witName(type.name)} { ${type.cases.map((item) => witCase(item)).join(', ')} }`]);
      return;
    case 'variant': {
      for (const item of type.cases) for (const field of item.fields) collect(field.type, types);
      for (const item of type.cases) {
        const fields = item.fields.map((field) => `  ${witName(field.name)}: ${typeName(field.type)},`);
        if (fields.length > 0)
          types.set(caseRecord(type.name, item.name), [`record ${witName(caseRecord(type.name, item.name))} {`, ...fields, '}']);
      }
      const cases = type.cases.map((item) =>
        item.fields.length === 0 ? witCase(item.name) : `${witCase(item.name)}(${witName(caseRecord(type.name, item.name))})`,
      );
      types.set(type.name, [`variant ${witName(type.name)} { ${cases.join(', ')} }`]);
      return;
    }
    default:
  }
}

const caseRecord = (variant: string, name: string): string => `${variant}-${toKebab(name)}-case`;

/** Literals may be anything; a WIT case must be a name. */
export function witCase(literal: string): string {
  const kebab = toKebab(literal.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  const named = /^[a-z]/.test(kebab) ? kebab : `case${kebab}`;
  return KEYWORDS.has(named) ? `%${named}` : named;
}

function typeName(type: InterfaceType): string {
  switch (type.kind) {
    case 'number':
      return NUMBERS[type.type];
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'typed-array':
      return `list<${NUMBERS[type.element]}>`;
    case 'list':
      return `list<${typeName(type.element)}>`;
    case 'option':
      return `option<${typeName(type.value)}>`;
    default:
      return witName(type.name);
  }
}
