// Values as core parameters and results by the Canonical ABI: flattened one after the other; strings and lists go through memory.
// Values have been checked before they are lowered; what a guest hands out is not trusted and checked here.
import { flatten, type CoreType } from './component-layout.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { InterfaceType } from './interface-type.ts';
import { type CoreValue, enumCase, loadSequence, lowerSequence, variantCase } from './wasm-values.ts';

type Plain = Readonly<Record<string, unknown>>;

/** Appends the core values of a checked value. */
export function lowerFlat(type: InterfaceType, value: unknown, guest: GuestMemory, out: CoreValue[]): void {
  switch (type.kind) {
    case 'number':
      out.push(value as CoreValue);
      return;
    case 'boolean':
      out.push(value === true ? 1 : 0);
      return;
    case 'string':
    case 'typed-array':
    case 'list':
      out.push(...lowerSequence(type, value, guest));
      return;
    case 'enum':
      out.push(type.cases.indexOf(value as string));
      return;
    case 'record':
      for (const field of type.fields) lowerFlat(field.type, (value as Plain)[field.name], guest, out);
      return;
    case 'option':
      out.push(value === null ? 0 : 1);
      if (value === null) out.push(...flatten(type.value).map(zero));
      else lowerFlat(type.value, value, guest, out);
      return;
    case 'variant': {
      const index = type.cases.findIndex((item) => item.name === (value as Plain)[type.discriminant]);
      const joined = flatten(type).slice(1);
      const own: CoreValue[] = [];
      const cores: CoreType[] = [];
      for (const field of variantCase(type.cases, index).fields) {
        lowerFlat(field.type, (value as Plain)[field.name], guest, own);
        cores.push(...flatten(field.type));
      }
      out.push(index, ...joined.map((core, at) => castCore(own[at], cores[at], core)));
    }
  }
}

const zero = (core: CoreType): CoreValue => (core === 'i64' ? 0n : 0);
const scratch = new DataView(new ArrayBuffer(8));

/** A core value where a variant's joined type is wider or of another kind. */
function castCore(value: CoreValue | undefined, from: CoreType | undefined, to: CoreType): CoreValue {
  if (value === undefined || from === undefined) return zero(to);
  if (from === to) return value;
  scratch.setBigUint64(0, 0n, true);
  putCore(value, from);
  return takeCore(to);
}

function putCore(value: CoreValue, core: CoreType): void {
  if (core === 'i32') scratch.setInt32(0, value as number, true);
  else if (core === 'i64') scratch.setBigInt64(0, value as bigint, true);
  else if (core === 'f32') scratch.setFloat32(0, value as number, true);
  else scratch.setFloat64(0, value as number, true);
}

function takeCore(core: CoreType): CoreValue {
  if (core === 'i32') return scratch.getInt32(0, true);
  if (core === 'i64') return scratch.getBigInt64(0, true);
  return core === 'f32' ? scratch.getFloat32(0, true) : scratch.getFloat64(0, true);
}

/** The value behind core values, taken one after the other from `flat` at `cursor`. */
export function liftFlat(type: InterfaceType, guest: GuestMemory, flat: readonly CoreValue[], cursor: { at: number }): unknown {
  switch (type.kind) {
    case 'number':
      return liftNumber(type.type, flat[cursor.at++] ?? 0);
    case 'boolean':
      return flat[cursor.at++] !== 0;
    case 'string':
    case 'typed-array':
    case 'list': {
      const pointer = Number(flat[cursor.at++]) >>> 0;
      return loadSequence(type, guest, pointer, Number(flat[cursor.at++]) >>> 0);
    }
    case 'enum':
      return enumCase(type.cases, Number(flat[cursor.at++]) >>> 0);
    case 'record': {
      const record: Record<string, unknown> = {};
      for (const field of type.fields) record[field.name] = liftFlat(field.type, guest, flat, cursor);
      return record;
    }
    case 'option': {
      const present = flat[cursor.at++] !== 0;
      const end = cursor.at + flatten(type.value).length;
      const value = present ? liftFlat(type.value, guest, flat, cursor) : null;
      cursor.at = end;
      return value;
    }
    case 'variant': {
      const start = cursor.at;
      const joined = flatten(type);
      const found = variantCase(type.cases, Number(flat[start]) >>> 0);
      const cores = found.fields.flatMap((field) => flatten(field.type));
      const own = cores.map((core, index) => castCore(flat[start + 1 + index], joined[1 + index], core));
      const inner = { at: 0 };
      const record: Record<string, unknown> = { [type.discriminant]: found.name };
      for (const field of found.fields) record[field.name] = liftFlat(field.type, guest, own, inner);
      cursor.at = start + joined.length;
      return record;
    }
  }
}

function liftNumber(type: string, value: CoreValue): CoreValue {
  switch (type) {
    case 'i8':
      return (Number(value) << 24) >> 24;
    case 'u8':
      return Number(value) & 0xff;
    case 'i16':
      return (Number(value) << 16) >> 16;
    case 'u16':
      return Number(value) & 0xffff;
    case 'u32':
      return Number(value) >>> 0;
    case 'u64':
      return BigInt.asUintN(64, value as bigint);
    default:
      return value;
  }
}
