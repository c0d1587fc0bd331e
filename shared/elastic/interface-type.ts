// The types that may cross an elastic call: the design's mapping of TypeScript types to WIT, as data.

export type NumberType = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64' | 'f32' | 'f64';

/** Element types of typed arrays: Int8Array … Float64Array (and BigInt64Array, BigUint64Array). */
export type ArrayElementType = NumberType;

/** One type of an elastic interface. `i64`/`u64` are bigint; every other number is a JavaScript number. */
export type InterfaceType =
  | { readonly kind: 'number'; readonly type: NumberType }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'string' }
  | { readonly kind: 'typed-array'; readonly element: ArrayElementType }
  | { readonly kind: 'list'; readonly element: InterfaceType }
  | { readonly kind: 'record'; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: 'enum'; readonly name: string; readonly cases: readonly string[] }
  | { readonly kind: 'option'; readonly value: InterfaceType }
  | { readonly kind: 'variant'; readonly name: string; readonly discriminant: string; readonly cases: readonly VariantCase[] };

/** A field of a record, under its TypeScript (camelCase) name. */
export interface Field {
  readonly name: string;
  readonly type: InterfaceType;
}

/** A member of a discriminated union: the discriminant's literal and the other fields. */
export interface VariantCase {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** An elastic function or a host function, under its TypeScript (camelCase) name. */
export interface FunctionSignature {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly Field[];
  /** Null: no result. */
  readonly result: InterfaceType | null;
  /** Whether it reads or writes the module's state (a method of the state class); stateless functions may run anywhere at once. */
  readonly stateful: boolean;
}

/** A named group of host functions that a module may import and a site may grant, e.g. `vision`. */
export interface HostInterface {
  readonly name: string;
  readonly functions: readonly FunctionSignature[];
}
