// The number types of portable modules. In the native build they are plain numbers; AssemblyScript has them built in,
// so the toolchain drops this import there. `i32(x)` converts: truncation and wrap-around are the same in both builds.

export type i8 = number;
export type u8 = number;
export type i16 = number;
export type u16 = number;
export type i32 = number;
export type u32 = number;
export type i64 = bigint;
export type u64 = bigint;
export type f32 = number;
export type f64 = number;

/** Truncates towards zero and wraps to 8 bits, signed. */
export function i8(value: number): i8 {
  return (value << 24) >> 24;
}

export function u8(value: number): u8 {
  return value & 0xff;
}

export function i16(value: number): i16 {
  return (value << 16) >> 16;
}

export function u16(value: number): u16 {
  return value & 0xffff;
}

/** Truncates towards zero and wraps to 32 bits, signed. Outside ±2³¹ the two builds may differ: keep within. */
export function i32(value: number): i32 {
  return value | 0;
}

export function u32(value: number): u32 {
  return value >>> 0;
}

/** Rounds to single precision. */
export function f32(value: number): f32 {
  return Math.fround(value);
}

export function f64(value: number): f64 {
  return value;
}

/**
 * `unchecked(a[i])`: access without a bounds check in Wasm, and without TypeScript's `| undefined`; the expression itself in
 * the native build. `i` must be within bounds.
 */
export function unchecked<T>(value: T | undefined): T {
  return value as T;
}
