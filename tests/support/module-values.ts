// Arbitrary values of interface types, and both builds of a module side by side.
import * as fc from 'fast-check';
import { compileWasm, instantiateNative } from '../../shared/elastic/instantiate.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { InterfaceType, NumberType } from '../../shared/elastic/interface-type.ts';
import type { HostFunctions, ModuleInstance } from '../../shared/elastic/module-instance.ts';
import { isOutriderError } from '../../shared/errors.ts';

const NUMBERS: Readonly<Record<NumberType, fc.Arbitrary<number | bigint>>> = {
  i8: fc.integer({ min: -128, max: 127 }),
  u8: fc.integer({ min: 0, max: 255 }),
  i16: fc.integer({ min: -32_768, max: 32_767 }),
  u16: fc.integer({ min: 0, max: 65_535 }),
  i32: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
  u32: fc.integer({ min: 0, max: 4_294_967_295 }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  f32: fc.float(),
  f64: fc.double(),
};

const TYPED: Readonly<Record<NumberType, fc.Arbitrary<unknown>>> = {
  i8: fc.int8Array(),
  u8: fc.uint8Array(),
  i16: fc.int16Array(),
  u16: fc.uint16Array(),
  i32: fc.int32Array(),
  u32: fc.uint32Array(),
  i64: fc.bigInt64Array(),
  u64: fc.bigUint64Array(),
  f32: fc.float32Array(),
  f64: fc.float64Array(),
};

/** Values of a type, of moderate size. */
export function valuesOf(type: InterfaceType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'number':
      return NUMBERS[type.type];
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 20 });
    case 'typed-array':
      return TYPED[type.element];
    case 'list':
      return fc.array(valuesOf(type.element), { maxLength: 6 });
    case 'enum':
      return fc.constantFrom(...type.cases);
    case 'option':
      return fc.option(valuesOf(type.value), { nil: null });
    case 'record':
      return fc.record(Object.fromEntries(type.fields.map((field) => [field.name, valuesOf(field.type)])), { noNullPrototype: true });
    case 'variant':
      return fc.oneof(
        ...type.cases.map((item) =>
          fc
            .record(Object.fromEntries(item.fields.map((field) => [field.name, valuesOf(field.type)])), { noNullPrototype: true })
            .map((fields) => ({ [type.discriminant]: item.name, ...fields })),
        ),
      );
  }
}

export interface BothBuilds {
  readonly native: ModuleInstance;
  readonly wasm: ModuleInstance;
}

export async function bothBuilds(bundle: ModuleBundle, host: HostFunctions): Promise<BothBuilds> {
  return { native: await instantiateNative(bundle, host), wasm: await (await compileWasm(bundle)).instantiate(host) };
}

/** What a call came to: its value, or the code and message of its error. */
export function outcomeOf(instance: ModuleInstance, name: string, args: readonly unknown[]): unknown {
  try {
    return { value: instance.call(name, args) };
  } catch (error) {
    if (!isOutriderError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}
