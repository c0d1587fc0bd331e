// Whether a JavaScript value has an interface type. Both builds check arguments by this, so both refuse the same calls.
import { OutriderError } from '../errors.ts';
import type { ArrayElementType, FunctionSignature, InterfaceType, NumberType } from './interface-type.ts';

/** The constructors behind typed arrays. */
export const TYPED_ARRAYS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

export type TypedArray = InstanceType<(typeof TYPED_ARRAYS)[ArrayElementType]>;

const RANGES: Readonly<Record<'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32', readonly [number, number]>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32_768, 32_767],
  u16: [0, 65_535],
  i32: [-2_147_483_648, 2_147_483_647],
  u32: [0, 4_294_967_295],
};

/** OUT_MODULE_VALUE at `path`. */
export function valueError(path: string, wanted: string, value: unknown): OutriderError {
  return new OutriderError('OUT_MODULE_VALUE', `${path}: ${describe(value)} is not ${wanted}`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'object')
    return Array.isArray(value) ? `an array of ${value.length}` : `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
  return `a ${typeof value}`;
}

/** Throws OUT_MODULE_VALUE, with the path of the offender, unless `value` has the type. */
export function checkValue(type: InterfaceType, value: unknown, path: string): void {
  switch (type.kind) {
    case 'number':
      checkNumber(type.type, value, path);
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw valueError(path, 'a boolean', value);
      return;
    case 'string':
      if (typeof value !== 'string') throw valueError(path, 'a string', value);
      return;
    case 'typed-array':
      if (!(value instanceof TYPED_ARRAYS[type.element])) throw valueError(path, `a ${TYPED_ARRAYS[type.element].name}`, value);
      return;
    case 'list':
      if (!Array.isArray(value)) throw valueError(path, 'an array', value);
      for (let index = 0; index < value.length; index += 1) checkValue(type.element, value[index], `${path}[${index}]`);
      return;
    case 'enum':
      if (typeof value !== 'string' || !type.cases.includes(value)) throw valueError(path, `one of ${type.cases.join(', ')}`, value);
      return;
    case 'option':
      if (value !== null) checkValue(type.value, value, path);
      return;
    case 'record': {
      const record = asRecord(value, path, type.name);
      for (const field of type.fields) checkValue(field.type, record[field.name], `${path}.${field.name}`);
      return;
    }
    case 'variant': {
      const record = asRecord(value, path, type.name);
      const name = record[type.discriminant];
      const found = type.cases.find((item) => item.name === name);
      if (found === undefined)
        throw valueError(`${path}.${type.discriminant}`, `one of ${type.cases.map((item) => item.name).join(', ')}`, name);
      for (const field of found.fields) checkValue(field.type, record[field.name], `${path}.${field.name}`);
    }
  }
}

function checkNumber(type: NumberType, value: unknown, path: string): void {
  if (type === 'i64' || type === 'u64') {
    const fits = typeof value === 'bigint' && value === (type === 'i64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
    if (!fits) throw valueError(path, `a bigint of type ${type}`, value);
    return;
  }
  if (typeof value !== 'number') throw valueError(path, `a number of type ${type}`, value);
  if (type === 'f32' || type === 'f64') return;
  const [least, most] = RANGES[type];
  if (!Number.isInteger(value) || value < least || value > most) throw valueError(path, `a whole number from ${least} to ${most}`, value);
}

function asRecord(value: unknown, path: string, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw valueError(path, `a record ${name}`, value);
  return value as Readonly<Record<string, unknown>>;
}

/** Arguments of a call, checked as both builds check them. */
export function checkArguments(signature: FunctionSignature, args: readonly unknown[]): void {
  if (args.length !== signature.parameters.length) {
    throw new OutriderError('OUT_MODULE_VALUE', `${signature.name} takes ${signature.parameters.length} arguments and got ${args.length}`);
  }
  for (const [index, parameter] of signature.parameters.entries())
    checkValue(parameter.type, args[index], `${signature.name}(${parameter.name})`);
}
