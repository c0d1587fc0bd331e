// What portable TypeScript may use of the language's library, as declarations for the analysis: integer types are enums here,
// so that the compiler's own checker carries them through properties, calls and generics. What is missing here is not portable.

/** Stands for `portable.ts` in the analysis. */
export const PORTABLE_TYPES = `
export type i8 = I8; export type u8 = U8; export type i16 = I16; export type u16 = U16; export type i32 = I32; export type u32 = U32;
export type i64 = bigint; export type u64 = bigint & { readonly u64: true }; export type f32 = F32; export type f64 = number;
export declare function i8(value: number): i8; export declare function u8(value: number): u8;
export declare function i16(value: number): i16; export declare function u16(value: number): u16;
export declare function i32(value: number): i32; export declare function u32(value: number): u32;
export declare function f32(value: number): f32; export declare function f64(value: number): f64;
export declare function unchecked<T>(value: T | undefined): T;
`;

const TYPED_ARRAYS: readonly (readonly [string, string])[] = [
  ['Int8Array', 'I8'],
  ['Uint8Array', 'U8'],
  ['Int16Array', 'I16'],
  ['Uint16Array', 'U16'],
  ['Int32Array', 'I32'],
  ['Uint32Array', 'U32'],
  ['Float32Array', 'F32'],
  ['Float64Array', 'number'],
  ['BigInt64Array', 'bigint'],
  ['BigUint64Array', 'bigint'],
];

const typedArray = ([name, element]: readonly [string, string]): string => `
interface ${name} {
  readonly length: I32; readonly byteLength: I32; readonly byteOffset: I32; readonly buffer: ArrayBuffer;
  [index: number]: ${element};
  fill(value: ${element === 'bigint' ? 'bigint' : 'number'}, start?: I32, end?: I32): this;
  set(source: ArrayLike<${element === 'bigint' ? 'bigint' : 'number'}>, offset?: I32): void;
  subarray(start?: I32, end?: I32): ${name}; slice(start?: I32, end?: I32): ${name};
  indexOf(value: ${element}, from?: I32): I32; includes(value: ${element}, from?: I32): boolean; reverse(): this;
  copyWithin(target: I32, start: I32, end?: I32): this;
  sort(compare?: (a: ${element}, b: ${element}) => number): this;
  [Symbol.iterator](): IterableIterator<${element}>;
}
interface ${name}Constructor {
  new (length?: I32): ${name}; new (source: ArrayLike<${element === 'bigint' ? 'bigint' : 'number'}>): ${name};
  new (buffer: ArrayBuffer, byteOffset?: I32, length?: I32): ${name};
  readonly BYTES_PER_ELEMENT: I32;
}
declare var ${name}: ${name}Constructor;`;

/** Stands for TypeScript's lib files in the analysis. */
export const PORTABLE_LIB = `
declare enum I8 { i8 } declare enum U8 { u8 } declare enum I16 { i16 } declare enum U16 { u16 }
declare enum I32 { i32 } declare enum U32 { u32 } declare enum F32 { f32 }
declare var NaN: number; declare var Infinity: number;
declare function isNaN(value: number): boolean; declare function isFinite(value: number): boolean;
declare function BigInt(value: number): bigint;
interface SymbolConstructor { readonly iterator: unique symbol } declare var Symbol: SymbolConstructor; interface Symbol {}
interface IteratorYieldResult<T> { done?: false; value: T } interface IteratorReturnResult<R> { done: true; value: R }
type IteratorResult<T, R = unknown> = IteratorYieldResult<T> | IteratorReturnResult<R>;
interface Iterator<T, R = unknown, N = unknown> { next(value?: N): IteratorResult<T, R> }
interface Iterable<T, R = unknown, N = unknown> { [Symbol.iterator](): Iterator<T, R, N> }
interface IterableIterator<T, R = unknown, N = unknown> extends Iterator<T, R, N> { [Symbol.iterator](): IterableIterator<T, R, N> }
interface ArrayLike<T> { readonly length: I32; readonly [index: number]: T }
interface Object { } declare var Object: unknown;
interface Function { } interface CallableFunction extends Function { } interface NewableFunction extends Function { }
interface IArguments { } interface RegExp { } interface TemplateStringsArray { }
interface Boolean { } declare var Boolean: { (value: unknown): boolean };
interface BigInt { toString(): string }
interface Number { toString(radix?: I32): string; toFixed(digits?: I32): string }
declare var Number: {
  (value: bigint | number): number; isFinite(value: number): boolean; isNaN(value: number): boolean; isInteger(value: number): boolean;
  readonly MAX_SAFE_INTEGER: number; readonly MIN_SAFE_INTEGER: number; readonly EPSILON: number; readonly MAX_VALUE: number;
  readonly POSITIVE_INFINITY: number; readonly NEGATIVE_INFINITY: number; readonly NaN: number; parseFloat(text: string): number;
};
declare function parseInt(text: string, radix?: I32): number; declare function parseFloat(text: string): number;
interface String {
  readonly length: I32; readonly [index: number]: string;
  charAt(index: I32): string; charCodeAt(index: I32): I32; codePointAt(index: I32): I32;
  concat(other: string): string; indexOf(part: string, from?: I32): I32; lastIndexOf(part: string): I32; includes(part: string): boolean;
  startsWith(part: string): boolean; endsWith(part: string): boolean; slice(start?: I32, end?: I32): string; substring(start: I32, end?: I32): string;
  split(separator: string): string[]; trim(): string; trimStart(): string; trimEnd(): string; repeat(count: I32): string;
  padStart(length: I32, fill?: string): string; padEnd(length: I32, fill?: string): string;
  toLowerCase(): string; toUpperCase(): string; replace(part: string, by: string): string; replaceAll(part: string, by: string): string;
}
declare var String: { (value: unknown): string; fromCharCode(code: I32): string };
interface ReadonlyArray<T> {
  readonly length: I32; readonly [index: number]: T; [Symbol.iterator](): IterableIterator<T>;
  indexOf(value: T, from?: I32): I32; lastIndexOf(value: T): I32; includes(value: T, from?: I32): boolean; join(separator?: string): string;
  slice(start?: I32, end?: I32): T[]; concat(other: readonly T[]): T[]; at(index: I32): T | undefined;
  map<U>(fn: (value: T, index: I32) => U): U[]; filter(fn: (value: T, index: I32) => boolean): T[];
  some(fn: (value: T, index: I32) => boolean): boolean; every(fn: (value: T, index: I32) => boolean): boolean;
  findIndex(fn: (value: T, index: I32) => boolean): I32; forEach(fn: (value: T, index: I32) => void): void;
  reduce<U>(fn: (sum: U, value: T, index: I32) => U, initial: U): U;
}
interface Array<T> extends ReadonlyArray<T> {
  length: I32; [index: number]: T;
  push(...values: T[]): I32; pop(): T | undefined; shift(): T | undefined; unshift(value: T): I32; fill(value: T, start?: I32, end?: I32): this;
  reverse(): T[]; sort(compare: (a: T, b: T) => number): this; splice(start: I32, count?: I32): T[];
}
interface ArrayConstructor { new <T>(length?: I32): T[] } declare var Array: ArrayConstructor;
interface ReadonlyMap<K, V> {
  readonly size: I32; has(key: K): boolean; get(key: K): V | undefined; keys(): IterableIterator<K>; values(): IterableIterator<V>;
  entries(): IterableIterator<[K, V]>; [Symbol.iterator](): IterableIterator<[K, V]>;
}
interface Map<K, V> extends ReadonlyMap<K, V> { set(key: K, value: V): this; delete(key: K): boolean; clear(): void }
declare var Map: { new <K, V>(): Map<K, V> };
interface ReadonlySet<T> { readonly size: I32; has(value: T): boolean; values(): IterableIterator<T>; [Symbol.iterator](): IterableIterator<T> }
interface Set<T> extends ReadonlySet<T> { add(value: T): this; delete(value: T): boolean; clear(): void }
declare var Set: { new <T>(): Set<T> };
interface ArrayBuffer { readonly byteLength: I32; slice(start?: I32, end?: I32): ArrayBuffer } declare var ArrayBuffer: { new (length: I32): ArrayBuffer };
interface Error { readonly message: string; readonly name: string }
interface ErrorConstructor { new (message?: string): Error }
declare var Error: ErrorConstructor; declare var RangeError: ErrorConstructor; declare var TypeError: ErrorConstructor;
interface Math {
  readonly PI: number; readonly E: number; readonly LN2: number; readonly LN10: number; readonly LOG2E: number; readonly LOG10E: number;
  readonly SQRT2: number; readonly SQRT1_2: number;
  abs(x: number): number; ceil(x: number): number; floor(x: number): number; round(x: number): number; trunc(x: number): number; sign(x: number): number;
  sqrt(x: number): number; fround(x: number): F32; imul(a: number, b: number): I32; clz32(x: number): I32;
  min(...values: number[]): number; max(...values: number[]): number; hypot(...values: number[]): number;
${[
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'asinh',
  'acosh',
  'atanh',
  'exp',
  'expm1',
  'log',
  'log2',
  'log10',
  'log1p',
  'cbrt',
]
  .map((name) => `  ${name}(x: number): number;`)
  .join('\n')}
  atan2(y: number, x: number): number; pow(base: number, exponent: number): number;
}
declare var Math: Math;
type Readonly<T> = { readonly [K in keyof T]: T[K] }; type NonNullable<T> = T & {}; type Record<K extends string, T> = { [P in K]: T };
type Partial<T> = { [P in keyof T]?: T[P] }; type Exclude<T, U> = T extends U ? never : T; type Extract<T, U> = T extends U ? T : never;
type Pick<T, K extends keyof T> = { [P in K]: T[P] }; type Omit<T, K> = { [P in Exclude<keyof T, K>]: T[P] };
${TYPED_ARRAYS.map(typedArray).join('\n')}
`;
