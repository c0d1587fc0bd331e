// JSON for people and scripts, against the types of an elastic interface: 64-bit integers are decimal strings, bytes are base64, numbers
// that JSON lacks are "NaN", "Infinity" and "-Infinity". What does not fit a type is refused with its path.
import type { FunctionSignature, InterfaceType } from '../../shared/elastic/interface-type.ts';
import { TYPED_ARRAYS, type TypedArray } from '../../shared/elastic/value-codec-check.ts';
import { OutriderError } from '../../shared/errors.ts';

type Plain = Readonly<Record<string, unknown>>;

const SPECIAL: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** The arguments by name, as a call takes them. Throws OUT_MODULE_VALUE for a missing, unknown or wrong one. */
export function argumentsFromJson({ name, parameters }: FunctionSignature, given: unknown): unknown[] {
  const fields = asRecord(given, name);
  checkKeys(
    fields,
    parameters.map((parameter) => parameter.name),
    name,
  );
  return parameters.map((parameter) => fromJson(parameter.type, fields[parameter.name], `${name}.${parameter.name}`));
}

/** A JSON value as the type wants it; ranges are checked by the codec afterwards. Throws OUT_MODULE_VALUE. */
export function fromJson(type: InterfaceType, json: unknown, path: string): unknown {
  switch (type.kind) {
    case 'number':
      return numberFromJson(type.type, json, path);
    case 'typed-array':
      return arrayFromJson(type.element, json, path);
    case 'list':
      if (!Array.isArray(json)) throw wrong(path, 'a list', json);
      return json.map((item, index) => fromJson(type.element, item, `${path}.${index}`));
    case 'option':
      return json === null || json === undefined ? null : fromJson(type.value, json, path);
    case 'record': {
      const fields = asRecord(json, path);
      checkKeys(
        fields,
        type.fields.map((field) => field.name),
        path,
      );
      return Object.fromEntries(
        type.fields.map((field) => [field.name, fromJson(field.type, fields[field.name], `${path}.${field.name}`)]),
      );
    }
    case 'variant': {
      const fields = asRecord(json, path);
      const found = type.cases.find((item) => item.name === fields[type.discriminant]);
      if (found === undefined)
        throw wrong(`${path}.${type.discriminant}`, `one of ${type.cases.map((item) => item.name).join(', ')}`, fields[type.discriminant]);
      checkKeys(fields, [type.discriminant, ...found.fields.map((field) => field.name)], path);
      const inner = found.fields.map((field) => [field.name, fromJson(field.type, fields[field.name], `${path}.${field.name}`)] as const);
      return { [type.discriminant]: found.name, ...Object.fromEntries(inner) };
    }
    case 'boolean':
    case 'string':
    case 'enum':
      // The codec says what is wrong with them.
      return json;
  }
}

/** A value of the type as JSON. */
export function toJson(type: InterfaceType, value: unknown): unknown {
  switch (type.kind) {
    case 'number':
      return numberToJson(value as number | bigint);
    case 'typed-array':
      return type.element === 'u8'
        ? Buffer.from(value as Uint8Array).toString('base64')
        : Array.from(value as Iterable<number | bigint>, numberToJson);
    case 'list':
      return (value as readonly unknown[]).map((item) => toJson(type.element, item));
    case 'option':
      return value === null ? null : toJson(type.value, value);
    case 'record':
      return Object.fromEntries(type.fields.map((field) => [field.name, toJson(field.type, (value as Plain)[field.name])]));
    case 'variant': {
      const fields = value as Plain;
      const found = type.cases.find((item) => item.name === fields[type.discriminant]);
      const inner = (found?.fields ?? []).map((field) => [field.name, toJson(field.type, fields[field.name])] as const);
      return { [type.discriminant]: fields[type.discriminant], ...Object.fromEntries(inner) };
    }
    case 'boolean':
    case 'string':
    case 'enum':
      return value;
  }
}

/** The JSON Schema of a type, for the API's reader. */
export function jsonSchema(type: InterfaceType): Plain {
  switch (type.kind) {
    case 'number':
      return numberSchema(type.type);
    case 'typed-array':
      return type.element === 'u8' ? { type: 'string', contentEncoding: 'base64' } : { type: 'array', items: numberSchema(type.element) };
    case 'list':
      return { type: 'array', items: jsonSchema(type.element) };
    case 'option':
      return { anyOf: [{ type: 'null' }, jsonSchema(type.value)] };
    case 'record':
      return objectSchema(
        type.name,
        type.fields.map((field) => [field.name, jsonSchema(field.type)] as const),
      );
    case 'variant':
      return {
        title: type.name,
        oneOf: type.cases.map((item) =>
          objectSchema(item.name, [
            [type.discriminant, { const: item.name }] as const,
            ...item.fields.map((field) => [field.name, jsonSchema(field.type)] as const),
          ]),
        ),
      };
    case 'enum':
      return { title: type.name, enum: [...type.cases] };
    case 'boolean':
    case 'string':
      return { type: type.kind };
  }
}

export function objectSchema(title: string, fields: readonly (readonly [string, Plain])[]): Plain {
  return {
    type: 'object',
    title,
    required: fields.map(([name]) => name),
    additionalProperties: false,
    properties: Object.fromEntries(fields),
  };
}

const isWide = (type: string): boolean => type === 'i64' || type === 'u64';

function numberSchema(type: string): Plain {
  if (isWide(type)) return { type: 'string', pattern: '^-?[0-9]+$', description: type };
  return type.startsWith('f')
    ? { anyOf: [{ type: 'number' }, { enum: [...SPECIAL.keys()] }], description: type }
    : { type: 'integer', description: type };
}

function numberFromJson(type: string, json: unknown, path: string): number | bigint {
  if (isWide(type)) {
    if (typeof json === 'string' && /^-?\d{1,20}$/.test(json)) return BigInt(json);
    if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
    throw wrong(path, `${type} as a decimal string`, json);
  }
  const special = type.startsWith('f') ? SPECIAL.get(json) : undefined;
  if (special !== undefined) return special;
  if (typeof json !== 'number') throw wrong(path, type, json);
  return type === 'f32' ? Math.fround(json) : json;
}

function numberToJson(value: number | bigint): number | string {
  if (typeof value === 'bigint') return value.toString();
  return Number.isFinite(value) ? value : String(value);
}

function arrayFromJson(element: keyof typeof TYPED_ARRAYS, json: unknown, path: string): TypedArray {
  if (element === 'u8' && typeof json === 'string') {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(json) || json.length % 4 !== 0) throw wrong(path, 'base64', json);
    return new Uint8Array(Buffer.from(json, 'base64'));
  }
  if (!Array.isArray(json)) throw wrong(path, element === 'u8' ? 'base64 or an array of numbers' : 'an array of numbers', json);
  const numbers = json.map((item, index) => numberFromJson(element, item, `${path}.${index}`));
  const array = new TYPED_ARRAYS[element](numbers as never);
  for (const [index, number] of numbers.entries()) {
    // A typed array takes 256 for a byte and makes it 0: what was meant must be what is sent.
    if (!Object.is(array[index], number) && !(number === 0)) throw wrong(`${path}.${index}`, element, number);
  }
  return array;
}

function asRecord(json: unknown, path: string): Plain {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(path, 'an object', json);
  return json as Plain;
}

function checkKeys(fields: Plain, known: readonly string[], path: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new OutriderError('OUT_MODULE_VALUE', `${path}: there is no ${unknown.slice(0, 64)}; there is ${known.join(', ') || 'nothing'}`);
  const missing = known.find((key) => !Object.hasOwn(fields, key));
  if (missing !== undefined) throw new OutriderError('OUT_MODULE_VALUE', `${path}.${missing} is missing`);
}

function wrong(path: string, wanted: string, json: unknown): OutriderError {
  const shown = typeof json === 'bigint' ? json.toString() : (JSON.stringify(json) ?? 'nothing');
  return new OutriderError('OUT_MODULE_VALUE', `${path}: ${shown.slice(0, 60)} is not ${wanted}`);
}
