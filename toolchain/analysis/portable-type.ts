// TypeScript types as the toolchain sees them: what may cross a call, what state may hold, and how AssemblyScript spells each.
import ts from 'typescript';
import type { InterfaceType, NumberType } from '../../shared/elastic/interface-type.ts';

/** A portable type. `symbol` leads back to the declaration of a record or variant. */
export type PortableType =
  | { readonly kind: 'number'; readonly type: NumberType }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'string' }
  | { readonly kind: 'typed-array'; readonly element: NumberType }
  | { readonly kind: 'list'; readonly element: PortableType }
  | RecordType
  | { readonly kind: 'enum'; readonly name: string; readonly cases: readonly string[] }
  | { readonly kind: 'option'; readonly value: PortableType }
  | VariantType
  | { readonly kind: 'map'; readonly key: PortableType; readonly value: PortableType }
  | { readonly kind: 'set'; readonly value: PortableType };

export interface PortableField {
  readonly name: string;
  /** The member of the generated class, where it is not `name`: private `#fields` are renamed in both builds. */
  readonly member?: string;
  readonly type: PortableType;
}

export interface RecordType {
  readonly kind: 'record';
  /** The name of its class in AssemblyScript, unique in the module. */
  readonly name: string;
  readonly fields: readonly PortableField[];
  /** `class`: has a constructor or methods, so it may be state but cannot cross a call. */
  readonly form: 'plain' | 'class';
}

export interface VariantType {
  readonly kind: 'variant';
  readonly name: string;
  readonly discriminant: string;
  readonly cases: readonly { readonly name: string; readonly className: string; readonly fields: readonly PortableField[] }[];
}

const ENUM_NUMBERS: ReadonlySet<string> = new Set(['i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'f32']);

export const TYPED_ARRAY_ELEMENTS: Readonly<Record<string, NumberType>> = {
  Int8Array: 'i8',
  Uint8Array: 'u8',
  Int16Array: 'i16',
  Uint16Array: 'u16',
  Int32Array: 'i32',
  Uint32Array: 'u32',
  BigInt64Array: 'i64',
  BigUint64Array: 'u64',
  Float32Array: 'f32',
  Float64Array: 'f64',
};

export const TYPED_ARRAY_NAMES = Object.fromEntries(
  Object.entries(TYPED_ARRAY_ELEMENTS).map(([name, element]) => [element, name]),
) as Record<NumberType, string>;

/** The number type behind a TypeScript type (undefined and null left out), or null where it is no number. `number` is f64. */
export function numberTypeOf(type: ts.Type): NumberType | null {
  if (type.isUnion()) {
    const found = new Set(type.types.filter((item) => !isNothing(item)).map((item) => numberTypeOf(item)));
    return found.size === 1 ? ([...found][0] ?? null) : null;
  }
  if (type.flags & ts.TypeFlags.EnumLike) {
    // The enum's one member bears the name of the number type.
    const name = type.symbol.name.toLowerCase();
    return ENUM_NUMBERS.has(name) ? (name as NumberType) : null;
  }
  if (type.flags & ts.TypeFlags.NumberLike) return 'f64';
  if (type.flags & ts.TypeFlags.BigIntLike) return 'i64';
  if (type.isIntersection() && type.types.some((item) => item.flags & ts.TypeFlags.BigIntLike)) return 'u64';
  return null;
}

export const isNothing = (type: ts.Type): boolean => (type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined | ts.TypeFlags.Void)) !== 0;

/** The members of a union without null and undefined; the type itself otherwise. */
export function presentMembers(type: ts.Type): readonly ts.Type[] {
  return type.isUnion() ? type.types.filter((item) => !isNothing(item)) : isNothing(type) ? [] : [type];
}

export const isNullable = (type: ts.Type): boolean => type.isUnion() && type.types.some(isNothing);

/** What crosses the wire for a portable type: maps and sets are lists, classes are records. */
export function toInterfaceType(type: PortableType): InterfaceType {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', element: toInterfaceType(type.element) };
    case 'option':
      return { kind: 'option', value: toInterfaceType(type.value) };
    case 'record':
      return {
        kind: 'record',
        name: type.name,
        fields: type.fields.map((field) => ({ name: field.name, type: toInterfaceType(field.type) })),
      };
    case 'variant':
      return {
        kind: 'variant',
        name: type.name,
        discriminant: type.discriminant,
        cases: type.cases.map((item) => ({
          name: item.name,
          fields: item.fields.map((field) => ({ name: field.name, type: toInterfaceType(field.type) })),
        })),
      };
    case 'set':
      return { kind: 'list', element: toInterfaceType(type.value) };
    case 'map':
      return {
        kind: 'list',
        element: {
          kind: 'record',
          name: `EntryOf${typeKey(type.key)}${typeKey(type.value)}`.replaceAll(/\W/g, ''),
          fields: [
            { name: 'key', type: toInterfaceType(type.key) },
            { name: 'value', type: toInterfaceType(type.value) },
          ],
        },
      };
    default:
      return type;
  }
}

/** AssemblyScript's spelling. Enums are strings; optional numbers and booleans are boxed. */
export function assemblyText(type: PortableType): string {
  switch (type.kind) {
    case 'number':
      return type.type;
    case 'boolean':
      return 'bool';
    case 'string':
    case 'enum':
      return 'string';
    case 'typed-array':
      return TYPED_ARRAY_NAMES[type.element];
    case 'list':
      return `Array<${assemblyText(type.element)}>`;
    case 'record':
    case 'variant':
      return type.name;
    case 'map':
      return `Map<${assemblyText(type.key)}, ${assemblyText(type.value)}>`;
    case 'set':
      return `Set<${assemblyText(type.value)}>`;
    case 'option':
      return isScalar(type.value) ? `__Box<${assemblyText(type.value)}> | null` : `${assemblyText(type.value)} | null`;
  }
}

export const isScalar = (type: PortableType): boolean => type.kind === 'number' || type.kind === 'boolean';

/** A name for each distinct type, usable in identifiers. */
export function typeKey(type: PortableType): string {
  switch (type.kind) {
    case 'number':
      return type.type;
    case 'boolean':
    case 'string':
      return type.kind;
    case 'typed-array':
      return TYPED_ARRAY_NAMES[type.element];
    case 'list':
      return `ListOf_${typeKey(type.element)}`;
    case 'record':
    case 'variant':
    case 'enum':
      return type.name;
    case 'option':
      return `OptionOf_${typeKey(type.value)}`;
    case 'map':
      return `MapOf_${typeKey(type.key)}_${typeKey(type.value)}`;
    case 'set':
      return `SetOf_${typeKey(type.value)}`;
  }
}

export const memberOf = (field: PortableField): string => field.member ?? field.name;
