// Whether one more call may wait: its arguments must have their types and fit a frame, and there must be room for it.
import { OutriderError } from '../errors.ts';
import type { BoundFunction } from './shell-calls.ts';
import { encodeValues } from './value-codec.ts';
import { MAX_VALUES_BYTES } from './wire.ts';

interface Admission {
  /** Calls that wait already [count, bytes], and how many may. */
  readonly open: { readonly calls: number; readonly bytes: number };
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly allocate: (sizeBytes: number) => Uint8Array<ArrayBuffer>;
}

/** The encoded arguments. Throws OUT_MODULE_VALUE, OUT_WIRE_LIMIT or OUT_ELASTIC_OVERLOADED. */
export function admitCall(fn: BoundFunction, args: readonly unknown[], admission: Admission): Uint8Array<ArrayBuffer> {
  const { open, maxCalls, maxBytes, allocate } = admission;
  const encoded = encodeValues(fn.parameterTypes, args, allocate);
  if (encoded.byteLength > MAX_VALUES_BYTES) {
    throw new OutriderError(
      'OUT_WIRE_LIMIT',
      `${fn.name}: arguments of ${encoded.byteLength} bytes, at most ${MAX_VALUES_BYTES} are allowed`,
    );
  }
  if (open.calls >= maxCalls || open.bytes + encoded.byteLength > maxBytes) {
    throw new OutriderError('OUT_ELASTIC_OVERLOADED', `${fn.name}: ${open.calls} calls with ${open.bytes} bytes wait already`);
  }
  return encoded;
}
