// The typed value codec: call arguments, results and snapshots as compact little-endian bytes, driven by interface types.
// Guests write the same layout for their state, so a snapshot has the same bytes from both builds.
import { OutriderError } from '../errors.ts';
import { discriminantBytes, NUMBER_BYTES } from './component-layout.ts';
import type { Field, InterfaceType, NumberType } from './interface-type.ts';
import { checkValue, TYPED_ARRAYS, valueError, type TypedArray } from './value-codec-check.ts';

/** Counts are 32-bit, so nothing longer than this is encoded [bytes or elements]. */
const MAX_COUNT = 0xffff_ffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface DecodeOptions {
  /** Byte arrays may be views of the input, which the caller hands over and does not reuse. Default: copies. */
  readonly viewsAllowed?: boolean;
  /** Most values (fields, elements, characters aside) that a message may hold, against floods of tiny ones. */
  readonly maxValues?: number;
}

/** More values than this in one message are refused unless the caller allows them: each costs tens of bytes of heap. */
export const DEFAULT_MAX_VALUES = 4_000_000;

/** The values as bytes, in memory from `allocate` (every byte is written). Throws OUT_MODULE_VALUE where one has not its type. */
export function encodeValues(
  types: readonly InterfaceType[],
  values: readonly unknown[],
  allocate: (sizeBytes: number) => Uint8Array<ArrayBuffer> = allocateUnsafe,
): Uint8Array<ArrayBuffer> {
  if (values.length !== types.length)
    throw new OutriderError('OUT_MODULE_VALUE', `${values.length} values where there are ${types.length} types`);
  let size = 0;
  for (const [index, type] of types.entries()) {
    checkValue(type, values[index], `value ${index}`);
    size += sizeOf(type, values[index]);
  }
  const bytes = allocate(size);
  const writer: Writer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size), at: 0 };
  for (const [index, type] of types.entries()) write(type, values[index], writer);
  return bytes;
}

/** The values behind bytes. Throws OUT_MODULE_VALUE for anything that is not exactly an encoding of the types. */
export function decodeValues(types: readonly InterfaceType[], bytes: Uint8Array, options: DecodeOptions = {}): unknown[] {
  const reader = new ValueReader(bytes, options);
  const values = types.map((type, index) => reader.read(type, `value ${index}`));
  if (reader.at !== bytes.length)
    throw new OutriderError('OUT_MODULE_VALUE', `${bytes.length - reader.at} bytes are left over behind the last value`);
  return values;
}

/** Not from Node's pool, and not cleared: clearing 100 kB costs more than writing it. */
function allocateUnsafe(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}

interface Writer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

type Plain = Readonly<Record<string, unknown>>;

function sizeOf(type: InterfaceType, value: unknown): number {
  switch (type.kind) {
    case 'number':
      return NUMBER_BYTES[type.type];
    case 'boolean':
      return 1;
    case 'string':
      return 4 + Buffer.byteLength(value as string, 'utf8');
    case 'typed-array':
      return 4 + (value as TypedArray).byteLength;
    case 'enum':
      return discriminantBytes(type.cases.length);
    case 'option':
      return value === null ? 1 : 1 + sizeOf(type.value, value);
    case 'list': {
      const list = value as readonly unknown[];
      if (type.element.kind === 'number') return 4 + list.length * NUMBER_BYTES[type.element.type];
      let size = 4;
      for (const item of list) size += sizeOf(type.element, item);
      return size;
    }
    case 'record':
      return fieldsSize(type.fields, value as Plain);
    case 'variant': {
      const found = caseOf(type, value as Plain);
      return discriminantBytes(type.cases.length) + fieldsSize(type.cases[found]?.fields ?? [], value as Plain);
    }
  }
}

function fieldsSize(fields: readonly Field[], record: Plain): number {
  let size = 0;
  for (const field of fields) size += sizeOf(field.type, record[field.name]);
  return size;
}

const caseOf = (type: InterfaceType & { kind: 'variant' }, record: Plain): number =>
  type.cases.findIndex((item) => item.name === record[type.discriminant]);

function write(type: InterfaceType, value: unknown, w: Writer): void {
  switch (type.kind) {
    case 'number':
      writeNumber(type.type, value as number | bigint, w.view, w.at);
      w.at += NUMBER_BYTES[type.type];
      return;
    case 'boolean':
      w.bytes[w.at++] = value === true ? 1 : 0;
      return;
    case 'string': {
      const { written } = encoder.encodeInto(value as string, w.bytes.subarray(w.at + 4));
      w.view.setUint32(w.at, written, true);
      w.at += 4 + written;
      return;
    }
    case 'typed-array': {
      const array = value as TypedArray;
      writeCount(array.length, w);
      w.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), w.at);
      w.at += array.byteLength;
      return;
    }
    case 'enum':
      writeDiscriminant(type.cases.indexOf(value as string), type.cases.length, w);
      return;
    case 'option':
      w.bytes[w.at++] = value === null ? 0 : 1;
      if (value !== null) write(type.value, value, w);
      return;
    case 'list':
      writeCount((value as readonly unknown[]).length, w);
      for (const item of value as readonly unknown[]) write(type.element, item, w);
      return;
    case 'record':
      for (const field of type.fields) write(field.type, (value as Plain)[field.name], w);
      return;
    case 'variant': {
      const found = caseOf(type, value as Plain);
      writeDiscriminant(found, type.cases.length, w);
      for (const field of type.cases[found]?.fields ?? []) write(field.type, (value as Plain)[field.name], w);
    }
  }
}

function writeCount(count: number, w: Writer): void {
  if (count > MAX_COUNT) throw new OutriderError('OUT_MODULE_VALUE', `${count} elements are more than an encoding can hold`);
  w.view.setUint32(w.at, count, true);
  w.at += 4;
}

function writeDiscriminant(index: number, count: number, w: Writer): void {
  const bytes = discriminantBytes(count);
  if (bytes === 1) w.view.setUint8(w.at, index);
  else if (bytes === 2) w.view.setUint16(w.at, index, true);
  else w.view.setUint32(w.at, index, true);
  w.at += bytes;
}

/** Stores a number at `at`, little-endian. */
export function writeNumber(type: NumberType, value: number | bigint, view: DataView, at: number): void {
  switch (type) {
    case 'i8':
    case 'u8':
      view.setUint8(at, value as number);
      return;
    case 'i16':
    case 'u16':
      view.setUint16(at, value as number, true);
      return;
    case 'i32':
    case 'u32':
      view.setUint32(at, value as number, true);
      return;
    case 'i64':
    case 'u64':
      view.setBigUint64(at, value as bigint, true);
      return;
    case 'f32':
      view.setFloat32(at, value as number, true);
      return;
    case 'f64':
      view.setFloat64(at, value as number, true);
  }
}

/** Loads a number at `at`, little-endian. */
export function readNumber(type: NumberType, view: DataView, at: number): number | bigint {
  switch (type) {
    case 'i8':
      return view.getInt8(at);
    case 'u8':
      return view.getUint8(at);
    case 'i16':
      return view.getInt16(at, true);
    case 'u16':
      return view.getUint16(at, true);
    case 'i32':
      return view.getInt32(at, true);
    case 'u32':
      return view.getUint32(at, true);
    case 'i64':
      return view.getBigInt64(at, true);
    case 'u64':
      return view.getBigUint64(at, true);
    case 'f32':
      return view.getFloat32(at, true);
    case 'f64':
      return view.getFloat64(at, true);
  }
}

class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #viewsAllowed: boolean;
  #valuesLeft: number;
  at = 0;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#viewsAllowed = options.viewsAllowed ?? false;
    this.#valuesLeft = options.maxValues ?? DEFAULT_MAX_VALUES;
  }

  read(type: InterfaceType, path: string): unknown {
    if ((this.#valuesLeft -= 1) < 0) throw new OutriderError('OUT_MODULE_VALUE', `${path}: the message holds too many values`);
    switch (type.kind) {
      case 'number':
        return readNumber(type.type, this.#view, this.#need(NUMBER_BYTES[type.type], path));
      case 'boolean': {
        const byte = this.#view.getUint8(this.#need(1, path));
        if (byte > 1) throw valueError(path, 'a boolean (0 or 1)', byte);
        return byte === 1;
      }
      case 'string':
        return this.#readString(path);
      case 'typed-array':
        return this.#readTyped(type.element, path);
      case 'enum': {
        const index = this.#readDiscriminant(type.cases.length, path);
        return type.cases[index];
      }
      case 'option': {
        const byte = this.#view.getUint8(this.#need(1, path));
        if (byte > 1) throw valueError(path, 'an option (0 or 1)', byte);
        return byte === 0 ? null : this.read(type.value, path);
      }
      case 'list':
        return this.#readList(type, path);
      case 'record':
        return this.#readFields(type.fields, {}, path);
      case 'variant': {
        const found = type.cases[this.#readDiscriminant(type.cases.length, path)];
        return this.#readFields(found?.fields ?? [], { [type.discriminant]: found?.name }, path);
      }
    }
  }

  #need(bytes: number, path: string): number {
    const { at } = this;
    if (bytes > this.#bytes.length - at)
      throw new OutriderError('OUT_MODULE_VALUE', `${path}: the message ends ${bytes - (this.#bytes.length - at)} bytes too early`);
    this.at += bytes;
    return at;
  }

  #readString(path: string): string {
    const length = this.#view.getUint32(this.#need(4, path), true);
    const at = this.#need(length, path);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch (cause) {
      throw new OutriderError('OUT_MODULE_VALUE', `${path}: a string is not UTF-8`, { cause });
    }
  }

  #readTyped(element: NumberType, path: string): TypedArray {
    const count = this.#view.getUint32(this.#need(4, path), true);
    const bytes = count * NUMBER_BYTES[element];
    const at = this.#need(bytes, path);
    if (element === 'u8' && this.#viewsAllowed) return this.#bytes.subarray(at, at + bytes) as TypedArray;
    const copy = new Uint8Array(bytes);
    copy.set(this.#bytes.subarray(at, at + bytes));
    return new TYPED_ARRAYS[element](copy.buffer);
  }

  #readList(type: InterfaceType & { kind: 'list' }, path: string): unknown[] {
    const count = this.#view.getUint32(this.#need(4, path), true);
    // Each element has at least one byte, so a count beyond what is left is refused before anything is allocated.
    if (count > this.#bytes.length - this.at)
      throw new OutriderError('OUT_MODULE_VALUE', `${path}: ${count} elements do not fit in what is left of the message`);
    const list: unknown[] = [];
    for (let index = 0; index < count; index += 1) list.push(this.read(type.element, `${path}[${index}]`));
    return list;
  }

  #readFields(fields: readonly Field[], into: Record<string, unknown>, path: string): Record<string, unknown> {
    for (const field of fields) {
      const value = this.read(field.type, `${path}.${field.name}`);
      // A field called __proto__ must become a field, not the prototype.
      if (field.name === '__proto__')
        Object.defineProperty(into, field.name, { value, enumerable: true, writable: true, configurable: true });
      else into[field.name] = value;
    }
    return into;
  }

  #readDiscriminant(count: number, path: string): number {
    const bytes = discriminantBytes(count);
    const at = this.#need(bytes, path);
    const index = bytes === 1 ? this.#view.getUint8(at) : bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
    if (index >= count) throw new OutriderError('OUT_MODULE_VALUE', `${path}: case ${index} of ${count}`);
    return index;
  }
}
