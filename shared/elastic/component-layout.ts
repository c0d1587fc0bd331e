// Sizes, alignments and flat forms of values in the Canonical ABI of the component model (32-bit memories).
// https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
import type { Field, InterfaceType, NumberType, VariantCase } from './interface-type.ts';

export type CoreType = 'i32' | 'i64' | 'f32' | 'f64';

/** More flat parameters than this go through memory. */
export const MAX_FLAT_PARAMS = 16;
/** More flat results than this go through memory. */
export const MAX_FLAT_RESULTS = 1;

export const NUMBER_BYTES: Readonly<Record<NumberType, number>> = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
};

export interface Layout {
  readonly size: number;
  readonly alignment: number;
}

export const alignTo = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;

/** Bytes of the case number of an enum or variant with `count` cases. */
export function discriminantBytes(count: number): 1 | 2 | 4 {
  return count <= 0x100 ? 1 : count <= 0x1_0000 ? 2 : 4;
}

const cache = new WeakMap<InterfaceType, Layout>();

export function layoutOf(type: InterfaceType): Layout {
  const known = cache.get(type);
  if (known !== undefined) return known;
  const layout = computeLayout(type);
  cache.set(type, layout);
  return layout;
}

function computeLayout(type: InterfaceType): Layout {
  switch (type.kind) {
    case 'number':
      return { size: NUMBER_BYTES[type.type], alignment: NUMBER_BYTES[type.type] };
    case 'boolean':
      return { size: 1, alignment: 1 };
    case 'string':
    case 'list':
    case 'typed-array':
      return { size: 8, alignment: 4 };
    case 'enum': {
      const bytes = discriminantBytes(type.cases.length);
      return { size: bytes, alignment: bytes };
    }
    case 'record':
      return recordLayout(type.fields);
    case 'option':
      return variantLayout([null, layoutOf(type.value)]);
    case 'variant':
      return variantLayout(type.cases.map((item) => recordLayout(item.fields)));
  }
}

export function recordLayout(fields: readonly Field[]): Layout {
  let size = 0;
  let alignment = 1;
  for (const field of fields) {
    const layout = layoutOf(field.type);
    size = alignTo(size, layout.alignment) + layout.size;
    alignment = Math.max(alignment, layout.alignment);
  }
  return { size: alignTo(size, alignment), alignment };
}

function variantLayout(cases: readonly (Layout | null)[]): Layout {
  const discriminant = discriminantBytes(cases.length);
  let size = 0;
  let alignment: number = discriminant;
  for (const item of cases) {
    size = Math.max(size, item?.size ?? 0);
    alignment = Math.max(alignment, item?.alignment ?? 1);
  }
  const payload = alignTo(discriminant, payloadAlignment(cases));
  return { size: alignTo(payload + size, alignment), alignment };
}

const payloadAlignment = (cases: readonly (Layout | null)[]): number => Math.max(1, ...cases.map((item) => item?.alignment ?? 1));

/** Offset of the payload behind the case number. */
export function payloadOffset(type: InterfaceType & { kind: 'option' | 'variant' }): number {
  const cases = type.kind === 'option' ? [null, layoutOf(type.value)] : type.cases.map((item) => recordLayout(item.fields));
  return alignTo(discriminantBytes(cases.length), payloadAlignment(cases));
}

/** Each field with its offset. */
export function fieldOffsets(fields: readonly Field[]): { readonly field: Field; readonly offset: number }[] {
  let offset = 0;
  return fields.map((field) => {
    const layout = layoutOf(field.type);
    const at = alignTo(offset, layout.alignment);
    offset = at + layout.size;
    return { field, offset: at };
  });
}

/** The core values that `type` becomes when passed flat. */
export function flatten(type: InterfaceType): CoreType[] {
  switch (type.kind) {
    case 'number':
      return [type.type === 'f32' || type.type === 'f64' ? type.type : type.type === 'i64' || type.type === 'u64' ? 'i64' : 'i32'];
    case 'boolean':
    case 'enum':
      return ['i32'];
    case 'string':
    case 'list':
    case 'typed-array':
      return ['i32', 'i32'];
    case 'record':
      return type.fields.flatMap((field) => flatten(field.type));
    case 'option':
      return ['i32', ...flatten(type.value)];
    case 'variant':
      return ['i32', ...joinCases(type.cases)];
  }
}

function joinCases(cases: readonly VariantCase[]): CoreType[] {
  const joined: CoreType[] = [];
  for (const item of cases) {
    for (const [index, core] of item.fields.flatMap((field) => flatten(field.type)).entries()) {
      const other = joined[index];
      joined[index] = other === undefined ? core : joinCore(other, core);
    }
  }
  return joined;
}

function joinCore(a: CoreType, b: CoreType): CoreType {
  if (a === b) return a;
  if ((a === 'i32' && b === 'f32') || (a === 'f32' && b === 'i32')) return 'i32';
  return 'i64';
}

/** How the parameters and the result of a function cross: flat core types, or one pointer. */
export function flatSignature(parameters: readonly Field[], result: InterfaceType | null) {
  const flat = parameters.flatMap((field) => flatten(field.type));
  const flatResult = result === null ? [] : flatten(result);
  return {
    parameters: flat,
    result: flatResult,
    parametersByPointer: flat.length > MAX_FLAT_PARAMS,
    resultByPointer: flatResult.length > MAX_FLAT_RESULTS,
  } as const;
}
