// The frames and packed tensors of incremental offloading: what goes in comes out, and junk gets a code.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../shared/errors.ts';
import { decodeHostFrame, decodeRoverFrame, encodeFrame, type IncrementalFrame } from '../../shared/incremental/frames.ts';
import { PACKING, packTensor, unpackTensor } from '../../shared/incremental/tensor-packing.ts';
import type { Tensor } from '../../shared/onnx/tensor.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 2 });
const name = fc.string({ minLength: 1, maxLength: 40 });

const floats = (values: readonly number[]): Tensor => ({
  type: 'float32',
  dims: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** Dense, sparse and of few values, with what float32 has besides numbers. */
const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc.array(fc.float(), { maxLength: 80 }).map(floats),
  fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.float()), { maxLength: 200 }).map(floats),
  fc.array(fc.constantFrom(0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY), { maxLength: 2000 }).map(floats),
  fc.uint8Array({ maxLength: 50 }).map((data): Tensor => ({ type: 'uint8', dims: [data.length], data })),
);

const tensors = fc.dictionary(name, tensor, { maxKeys: 4 }).map((record) => new Map(Object.entries(record)));
const range = fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 50 })).map(([first, count]): [number, number] => [first, first + count]);
const blob = fc.record({ name, bytes: u32, digest: fc.uint8Array({ minLength: 32, maxLength: 32 }) });
const spec = fc.record({ name, type: fc.constantFrom('float32', 'int64', 'bool'), dims: fc.array(u32, { maxLength: 8 }) });

const roverFrame: fc.Arbitrary<IncrementalFrame> = fc.oneof(
  fc.record({ kind: fc.constant('open'), maxTensors: fc.nat(255), cuts: fc.array(u32), specs: fc.array(spec), blobs: fc.array(blob) }),
  fc.record({ kind: fc.constant('chunk'), blob: u32, offset: u32, bytes: fc.uint8Array() }),
  fc.record({ kind: fc.constant('plan'), plan: u32, ranges: fc.array(range) }),
  fc.record({ kind: fc.constant('query'), id: u32, range, tensors }),
);

const hostFrame: fc.Arbitrary<IncrementalFrame> = fc.oneof(
  fc.record({ kind: fc.constant('have'), blobs: fc.array(u32) }),
  fc.record({ kind: fc.constant('ack'), blob: u32, bytes: u32 }),
  fc.record({ kind: fc.constant('ready'), plan: u32 }),
  fc.record({ kind: fc.constant('result'), id: u32, computeMs: fc.nat(100_000), tensors }),
  fc.record({ kind: fc.constant('failed'), id: fc.option(u32), code: name, message: fc.string() }),
);

const bytesOf = (frame: IncrementalFrame): Uint8Array => new Uint8Array(Buffer.concat(encodeFrame(frame)));

function decodesOrFails(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(OutriderError);
    expect(['OUT_WIRE_MALFORMED', 'OUT_WIRE_LIMIT']).toContain((error as OutriderError).code);
  }
}

describe('frames', () => {
  it('arrive as they were sent', () => {
    const same = (decode: (bytes: Uint8Array) => unknown) => (frame: IncrementalFrame) => {
      expect(decode(bytesOf(frame))).toEqual(frame);
    };
    fc.assert(fc.property(roverFrame, same(decodeRoverFrame)));
    fc.assert(fc.property(hostFrame, same(decodeHostFrame)));
  });

  it('that are cut short are refused', () => {
    fc.assert(
      fc.property(fc.oneof(roverFrame, hostFrame), fc.double({ min: 0, max: 0.999, noNaN: true }), (frame, share) => {
        if (frame.kind === 'chunk') return;
        const bytes = bytesOf(frame);
        const part = bytes.slice(0, Math.floor(bytes.length * share));
        expect(() => decodeRoverFrame(part)).toThrow(OutriderError);
        expect(() => decodeHostFrame(part)).toThrow(OutriderError);
      }),
    );
  });

  it('of junk, or changed on the way, get a code and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodesOrFails(() => decodeRoverFrame(bytes));
        decodesOrFails(() => decodeHostFrame(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.oneof(roverFrame, hostFrame), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (frame, changes) => {
        const bytes = bytesOf(frame);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        decodesOrFails(() => decodeRoverFrame(bytes));
        decodesOrFails(() => decodeHostFrame(bytes));
      }),
    );
  });
});

describe('packed tensors', () => {
  it('unpack to the same bits, and are never larger', () => {
    fc.assert(
      fc.property(tensor, (one) => {
        const packed = packTensor(one);
        expect(packed.bytes.byteLength).toBeLessThanOrEqual(one.data.byteLength);
        expect(unpackTensor(packed, one.data.byteLength)).toEqual(one.data);
      }),
    );
  });

  it('send an 8-bit picture as bytes, and zeros as bits', () => {
    const picture = floats(Array.from({ length: 30_000 }, (_, at) => ((at * 7) % 256) / 255));
    expect(packTensor(picture)).toMatchObject({ packing: PACKING.palette });
    expect(packTensor(picture).bytes.byteLength).toBe(2 + 4 * 256 + 30_000);
    const rectified = floats(Array.from({ length: 8000 }, (_, at) => Math.max(0, Math.sin(at))));
    expect(packTensor(rectified)).toMatchObject({ packing: PACKING.sparse });
    expect(packTensor(rectified).bytes.byteLength).toBeLessThan(0.55 * 32_000);
  });

  it('that do not fit their shape are refused', () => {
    fc.assert(
      fc.property(fc.nat(4), fc.uint8Array({ maxLength: 100 }), fc.nat(400), (packing, bytes, size) => {
        decodesOrFails(() => expect(unpackTensor({ packing, bytes }, size)).toHaveLength(size));
      }),
    );
  });
});
