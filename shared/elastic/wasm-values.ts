// Lifting and lowering of values by the Canonical ABI: JavaScript values in and out of a guest's memory, typed arrays in bulk.
// Values have been checked before they are lowered; what a guest hands out is not trusted and checked here.
import { OutriderError } from '../errors.ts';
import type { StringEncoding } from './component-binary.ts';
import { discriminantBytes, fieldOffsets, flatten, layoutOf, NUMBER_BYTES, payloadOffset, type CoreType } from './component-layout.ts';
import type { Field, InterfaceType, VariantCase } from './interface-type.ts';
import { readNumber, writeNumber } from './value-codec.ts';
import { TYPED_ARRAYS, type TypedArray } from './value-codec-check.ts';

export type CoreValue = number | bigint;
type Plain = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder('utf-16le', { ignoreBOM: true });

/** A guest's memory and allocator, with the views that growing memory makes stale. */
export class GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly #realloc: ((old: number, oldBytes: number, alignment: number, bytes: number) => number) | null;
  readonly encoding: StringEncoding;
  #view: DataView;
  #bytes: Uint8Array;

  constructor(memory: WebAssembly.Memory, realloc: unknown, encoding: StringEncoding) {
    this.memory = memory;
    this.#realloc = typeof realloc === 'function' ? (realloc as (...args: number[]) => number) : null;
    this.encoding = encoding;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  get view(): DataView {
    if (this.#view.buffer !== this.memory.buffer) this.#refresh();
    return this.#view;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#refresh();
    return this.#bytes;
  }

  #refresh(): void {
    this.#view = new DataView(this.memory.buffer);
    this.#bytes = new Uint8Array(this.memory.buffer);
  }

  /** Room in the guest, given by its own allocator. */
  allocate(bytes: number, alignment: number): number {
    if (this.#realloc === null)
      throw new OutriderError('OUT_MODULE_COMPONENT', 'the guest takes lists or strings but does not export cabi_realloc');
    const pointer = this.#realloc(0, 0, alignment, bytes) >>> 0;
    if (pointer % alignment !== 0 || pointer + bytes > this.memory.buffer.byteLength)
      throw trap(`its allocator gave ${bytes} bytes at ${pointer}, outside its memory`);
    return pointer;
  }

  /** Checks that a range that the guest names lies in its memory. */
  range(pointer: number, bytes: number): number {
    const from = pointer >>> 0;
    if (from + bytes > this.memory.buffer.byteLength) throw trap(`it names ${bytes} bytes at ${from}, outside its memory`);
    return from;
  }
}

export const trap = (what: string, cause?: unknown): OutriderError =>
  new OutriderError('OUT_MODULE_TRAP', `the guest broke: ${what}`, cause === undefined ? {} : { cause });

/** Reads the value at `pointer`. */
export function loadValue(type: InterfaceType, guest: GuestMemory, pointer: number): unknown {
  switch (type.kind) {
    case 'number':
      return readNumber(type.type, guest.view, guest.range(pointer, NUMBER_BYTES[type.type]));
    case 'boolean':
      return guest.view.getUint8(guest.range(pointer, 1)) !== 0;
    case 'string':
    case 'typed-array':
    case 'list': {
      const at = guest.range(pointer, 8);
      return loadSequence(type, guest, guest.view.getUint32(at, true), guest.view.getUint32(at + 4, true));
    }
    case 'enum':
      return enumCase(type.cases, readDiscriminant(guest, pointer, type.cases.length));
    case 'record':
      return loadFields(type.fields, guest, pointer, {});
    case 'option':
      return readDiscriminant(guest, pointer, 2) === 0 ? null : loadValue(type.value, guest, pointer + payloadOffset(type));
    case 'variant': {
      const found = variantCase(type.cases, readDiscriminant(guest, pointer, type.cases.length));
      return loadFields(found.fields, guest, pointer + payloadOffset(type), { [type.discriminant]: found.name });
    }
  }
}

function loadFields(fields: readonly Field[], guest: GuestMemory, base: number, into: Record<string, unknown>): Record<string, unknown> {
  for (const { field, offset } of fieldOffsets(fields)) into[field.name] = loadValue(field.type, guest, base + offset);
  return into;
}

function readDiscriminant(guest: GuestMemory, pointer: number, count: number): number {
  const bytes = discriminantBytes(count);
  const at = guest.range(pointer, bytes);
  return bytes === 1 ? guest.view.getUint8(at) : bytes === 2 ? guest.view.getUint16(at, true) : guest.view.getUint32(at, true);
}

function enumCase(cases: readonly string[], index: number): string {
  const name = cases[index];
  if (name === undefined) throw trap(`case ${index} of ${cases.length}`);
  return name;
}

function variantCase(cases: readonly VariantCase[], index: number): VariantCase {
  const found = cases[index];
  if (found === undefined) throw trap(`case ${index} of ${cases.length}`);
  return found;
}

function loadSequence(
  type: InterfaceType & { kind: 'string' | 'typed-array' | 'list' },
  guest: GuestMemory,
  pointer: number,
  length: number,
): unknown {
  if (type.kind === 'string') return loadString(guest, pointer, length);
  if (type.kind === 'typed-array') {
    const bytes = length * NUMBER_BYTES[type.element];
    const from = guest.range(pointer, bytes);
    const copy = new Uint8Array(bytes);
    copy.set(guest.bytes.subarray(from, from + bytes));
    return new TYPED_ARRAYS[type.element](copy.buffer);
  }
  const { size } = layoutOf(type.element);
  const from = guest.range(pointer, length * size);
  const list: unknown[] = [];
  for (let index = 0; index < length; index += 1) list.push(loadValue(type.element, guest, from + index * size));
  return list;
}

function loadString(guest: GuestMemory, pointer: number, length: number): string {
  const bytes = guest.encoding === 'utf16' ? length * 2 : length;
  const from = guest.range(pointer, bytes);
  const part = guest.bytes.subarray(from, from + bytes);
  try {
    return guest.encoding === 'utf16' ? utf16.decode(part) : utf8.decode(part);
  } catch (cause) {
    throw trap('a string is not UTF-8', cause);
  }
}

/** Writes a checked value at `pointer`. */
export function storeValue(type: InterfaceType, value: unknown, guest: GuestMemory, pointer: number): void {
  switch (type.kind) {
    case 'number':
      writeNumber(type.type, value as CoreValue, guest.view, pointer);
      return;
    case 'boolean':
      guest.view.setUint8(pointer, value === true ? 1 : 0);
      return;
    case 'string':
    case 'typed-array':
    case 'list': {
      const [at, length] = lowerSequence(type, value, guest);
      guest.view.setUint32(pointer, at, true);
      guest.view.setUint32(pointer + 4, length, true);
      return;
    }
    case 'enum':
      writeDiscriminant(guest, pointer, type.cases.indexOf(value as string), type.cases.length);
      return;
    case 'record':
      storeFields(type.fields, value as Plain, guest, pointer);
      return;
    case 'option':
      writeDiscriminant(guest, pointer, value === null ? 0 : 1, 2);
      if (value !== null) storeValue(type.value, value, guest, pointer + payloadOffset(type));
      return;
    case 'variant': {
      const index = type.cases.findIndex((item) => item.name === (value as Plain)[type.discriminant]);
      writeDiscriminant(guest, pointer, index, type.cases.length);
      storeFields(variantCase(type.cases, index).fields, value as Plain, guest, pointer + payloadOffset(type));
    }
  }
}

function storeFields(fields: readonly Field[], record: Plain, guest: GuestMemory, base: number): void {
  for (const { field, offset } of fieldOffsets(fields)) storeValue(field.type, record[field.name], guest, base + offset);
}

function writeDiscriminant(guest: GuestMemory, pointer: number, index: number, count: number): void {
  const bytes = discriminantBytes(count);
  if (bytes === 1) guest.view.setUint8(pointer, index);
  else if (bytes === 2) guest.view.setUint16(pointer, index, true);
  else guest.view.setUint32(pointer, index, true);
}

function lowerSequence(
  type: InterfaceType & { kind: 'string' | 'typed-array' | 'list' },
  value: unknown,
  guest: GuestMemory,
): readonly [number, number] {
  if (type.kind === 'string') return lowerString(value as string, guest);
  if (type.kind === 'typed-array') {
    const array = value as TypedArray;
    const pointer = guest.allocate(array.byteLength, NUMBER_BYTES[type.element]);
    guest.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), pointer);
    return [pointer, array.length];
  }
  const list = value as readonly unknown[];
  const { size, alignment } = layoutOf(type.element);
  const pointer = guest.allocate(list.length * size, alignment);
  for (let index = 0; index < list.length; index += 1) storeValue(type.element, list[index], guest, pointer + index * size);
  return [pointer, list.length];
}

function lowerString(value: string, guest: GuestMemory): readonly [number, number] {
  if (guest.encoding === 'utf8') {
    const bytes = Buffer.byteLength(value, 'utf8');
    const pointer = guest.allocate(bytes, 1);
    new TextEncoder().encodeInto(value, guest.bytes.subarray(pointer, pointer + bytes));
    return [pointer, bytes];
  }
  // UTF-16 must be well-formed; a lone surrogate becomes U+FFFD, as it does in UTF-8.
  const text = /[\uD800-\uDFFF]/.test(value) ? utf8.decode(new TextEncoder().encode(value)) : value;
  const pointer = guest.allocate(text.length * 2, 2);
  const units = new Uint16Array(guest.memory.buffer, pointer, text.length);
  for (let index = 0; index < text.length; index += 1) units[index] = text.charCodeAt(index);
  return [pointer, text.length];
}

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
