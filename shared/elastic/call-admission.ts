// Whether one more call may wait: its arguments must have their types and fit a frame, and there must be room for it.
import { OutriderError } from '../errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Outbox } from './outbox.ts';
import type { BoundFunction } from './shell-calls.ts';
import { encodeValues } from './value-codec.ts';
import { MAX_VALUES_BYTES } from './wire.ts';

interface Bounds {
  readonly maxCalls: number;
  readonly maxBytes: number;
}

/** The encoded arguments, in memory from `buffers`. Throws OUT_MODULE_VALUE, OUT_WIRE_LIMIT or OUT_ELASTIC_OVERLOADED. */
export function admitCall(
  fn: BoundFunction,
  args: readonly unknown[],
  outbox: Outbox,
  { maxCalls, maxBytes }: Bounds,
  buffers: BufferPool,
): Uint8Array<ArrayBuffer> {
  const encoded = encodeValues(fn.parameterTypes, args, buffers.take);
  if (encoded.byteLength > MAX_VALUES_BYTES) {
    throw new OutriderError(
      'OUT_WIRE_LIMIT',
      `${fn.name}: arguments of ${encoded.byteLength} bytes, at most ${MAX_VALUES_BYTES} are allowed`,
    );
  }
  if (outbox.openCalls >= maxCalls || outbox.openBytes + encoded.byteLength > maxBytes) {
    throw new OutriderError('OUT_ELASTIC_OVERLOADED', `${fn.name}: ${outbox.openCalls} calls with ${outbox.openBytes} bytes wait already`);
  }
  return encoded;
}
