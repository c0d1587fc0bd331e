// Values in a guest's memory by the Canonical ABI: JavaScript values loaded and stored in their layout, typed arrays in bulk.
// Values have been checked before they are stored; what a guest hands out is not trusted and checked here.
import { discriminantBytes, fieldOffsets, layoutOf, NUMBER_BYTES, payloadOffset } from './component-layout.ts';
import { type GuestMemory, trap } from './guest-memory.ts';
import type { Field, InterfaceType, VariantCase } from './interface-type.ts';
import { readNumber, writeNumber } from './value-codec.ts';
import { TYPED_ARRAYS, type TypedArray } from './value-codec-check.ts';

export type CoreValue = number | bigint;
type Plain = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder('utf-16le', { ignoreBOM: true });

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

export function enumCase(cases: readonly string[], index: number): string {
  const name = cases[index];
  if (name === undefined) throw trap(`case ${index} of ${cases.length}`);
  return name;
}

export function variantCase(cases: readonly VariantCase[], index: number): VariantCase {
  const found = cases[index];
  if (found === undefined) throw trap(`case ${index} of ${cases.length}`);
  return found;
}

export function loadSequence(
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

export function lowerSequence(
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
