// The part of the AssemblyScript glue that is the same for every module: helpers that emitted code calls, memory, errors.

/** Names begin with `__`, which module sources cannot use. */
export const PRELUDE = `
import { total as __heapBytes } from "rt/tcms";
class __Box<T> { constructor(public value: T) {} }
@inline function __box<T>(value: T): __Box<T> { return new __Box<T>(value); }
function __or<T>(value: T | null, fallback: T): T { return value !== null ? value! : fallback; }
function __unboxOr<T>(value: __Box<T> | null, fallback: T): T { return value !== null ? value!.value : fallback; }
@inline function __inside<A>(list: A, index: i32): bool { return <u32>index < <u32>list.length; }
function __at<A, T>(list: A, index: i32): T | null { return __inside<A>(list, index) ? list[index] : null; }
function __atBoxed<A, T>(list: A, index: i32): __Box<T> | null { return __inside<A>(list, index) ? new __Box<T>(list[index]) : null; }
@inline function __atOr<A, T>(list: A, index: i32, fallback: T): T { return __inside<A>(list, index) ? unchecked(list[index]) : fallback; }
function __get<K, T>(map: Map<K, T>, key: K): T | null { return map.has(key) ? map.get(key) : null; }
function __getBoxed<K, T>(map: Map<K, T>, key: K): __Box<T> | null { return map.has(key) ? new __Box<T>(map.get(key)) : null; }
function __getOr<K, T>(map: Map<K, T>, key: K, fallback: T): T { return map.has(key) ? map.get(key) : fallback; }
function __pop<A, T>(list: A): T | null { return list.length > 0 ? list.pop() : null; }
function __popBoxed<A, T>(list: A): __Box<T> | null { return list.length > 0 ? new __Box<T>(list.pop()) : null; }
function __popOr<A, T>(list: A, fallback: T): T { return list.length > 0 ? list.pop() : fallback; }
function __shift<A, T>(list: A): T | null { return list.length > 0 ? list.shift() : null; }
function __shiftBoxed<A, T>(list: A): __Box<T> | null { return list.length > 0 ? new __Box<T>(list.shift()) : null; }
function __shiftOr<A, T>(list: A, fallback: T): T { return list.length > 0 ? list.shift() : fallback; }
@inline function __fromEnd<A>(list: A, index: i32): i32 { return index < 0 ? index + list.length : index; }
function __last<A, T>(list: A, index: i32): T | null { return __at<A, T>(list, __fromEnd<A>(list, index)); }
function __lastBoxed<A, T>(list: A, index: i32): __Box<T> | null { return __atBoxed<A, T>(list, __fromEnd<A>(list, index)); }
function __lastOr<A, T>(list: A, index: i32, fallback: T): T { return __atOr<A, T>(list, __fromEnd<A>(list, index), fallback); }
@inline function __min<T>(a: T, b: T): T { return min<T>(a, b); }
@inline function __max<T>(a: T, b: T): T { return max<T>(a, b); }
@inline function __abs<T>(a: T): T { return abs<T>(a); }
@inline function __clz32(a: u32): i32 { return <i32>clz<u32>(a); }
@inline function __zeroDivision<T>(): void { throw new RangeError(sizeof<T>() == 8 ? "Division by zero" : "integer divide by zero"); }
@inline function __div<T>(a: T, b: T): T {
  if (b == 0) __zeroDivision<T>();
  if (isSigned<T>() && b == -1) return <T>(0 - a);
  return <T>(a / b);
}
@inline function __rem<T>(a: T, b: T): T {
  if (b == 0) __zeroDivision<T>();
  return <T>(a % b);
}
@inline function __truthy(a: f64): bool { return a != 0 && a == a; }
@inline function __isInteger(a: f64): bool { return trunc<f64>(a) == a && abs<f64>(a) != Infinity; }
@inline function __round(a: f64): f64 { const up = ceil<f64>(a); return up - f64(up - 0.5 > a); }
function __numberText(a: f64): string {
  if (trunc<f64>(a) == a && abs<f64>(a) <= 9007199254740992.0) return (<i64>a).toString();
  return __math_numberText(a);
}
function __sort<T>(list: Array<T>, order: (a: T, b: T) => f64): Array<T> {
  const length = list.length;
  let from = list.slice();
  let to = list.slice();
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = min<i32>(start + width, length);
      const end = min<i32>(start + 2 * width, length);
      let a = start;
      let b = middle;
      for (let at = start; at < end; at++) {
        if (a < middle && (b >= end || !(order(from[a], from[b]) > 0))) to[at] = from[a++];
        else to[at] = from[b++];
      }
    }
    const swap = from;
    from = to;
    to = swap;
  }
  for (let at = 0; at < length; at++) list[at] = from[at];
  return list;
}
function __typedFrom<A, L>(list: L): A {
  const out = instantiate<A>(list.length);
  for (let i = 0; i < list.length; i++) unchecked(out[i] = <valueof<A>>list[i]);
  return out;
}
@external("outrider:host/fault", "raise") declare function __raise(pointer: usize, length: usize): void;
export function __abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = message !== null ? message! : "aborted";
  __raise(changetype<usize>(text), text.length);
  unreachable();
}
let __collectAbove: usize = 1 << 20;
function __afterCall(): void {
  if (__heapBytes < __collectAbove) return;
  __collect();
  __collectAbove = max<usize>(1 << 20, __heapBytes * 2);
}
export function cabi_realloc(old: usize, oldBytes: usize, alignment: usize, bytes: usize): usize {
  if (bytes == 0) return alignment;
  const block = __new(bytes, idof<ArrayBuffer>());
  if (old != 0 && oldBytes != 0) memory.copy(block, old, min<usize>(oldBytes, bytes));
  return block;
}
function __liftString(pointer: usize, length: u32): string {
  const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
  memory.copy(changetype<usize>(text), pointer, <usize>length << 1);
  return text;
}
function __liftTyped<T>(pointer: usize, length: u32): T {
  if (length == 0) return instantiate<T>(0);
  const view = __new(offsetof<T>(), idof<T>());
  store<usize>(view, pointer, offsetof<T>("buffer"));
  store<usize>(view, pointer, offsetof<T>("dataStart"));
  store<u32>(view, length * sizeof<valueof<T>>(), offsetof<T>("byteLength"));
  return changetype<T>(view);
}
function __liftNumbers<T>(pointer: usize, length: u32): Array<T> {
  if (length == 0) return new Array<T>();
  const list = __new(offsetof<Array<T>>(), idof<Array<T>>());
  store<usize>(list, pointer, offsetof<Array<T>>("buffer"));
  store<usize>(list, pointer, offsetof<Array<T>>("dataStart"));
  store<u32>(list, length * sizeof<T>(), offsetof<Array<T>>("byteLength"));
  store<u32>(list, length, offsetof<Array<T>>("length_"));
  return changetype<Array<T>>(list);
}
let __cursor: usize = 0;
function __writeBytes(pointer: usize, bytes: usize): void { memory.copy(__cursor, pointer, bytes); __cursor += bytes; }
function __writeText(text: string): void {
  const bytes = String.UTF8.byteLength(text);
  store<u32>(__cursor, bytes);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, __cursor + 4);
  __cursor += 4 + bytes;
}
function __readText(): string {
  const bytes = load<u32>(__cursor);
  const text = String.UTF8.decodeUnsafe(__cursor + 4, bytes);
  __cursor += 4 + bytes;
  return text;
}
function __writeTyped<T>(view: T): void { store<u32>(__cursor, view.length); __cursor += 4; __writeBytes(view.dataStart, view.byteLength); }
function __readTyped<T>(): T {
  const length = load<u32>(__cursor);
  const view = instantiate<T>(length);
  memory.copy(view.dataStart, __cursor + 4, view.byteLength);
  __cursor += 4 + view.byteLength;
  return view;
}
`;
