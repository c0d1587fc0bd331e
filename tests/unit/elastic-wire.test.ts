// The wire format against broken frames: coded errors, bounded memory; each limit at and over.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as limits from '../../shared/elastic/limits.ts';
import { decodeFailure, encodeFailure } from '../../shared/elastic/remote-error.ts';
import { FrameAssembler } from '../../shared/elastic/transports/frame-assembler.ts';
import { WireReader, WireWriter } from '../../shared/elastic/wire-cursor.ts';
import {
  FRAME,
  decodeHello,
  decodeStateBegin,
  decodeWelcome,
  encodeHello,
  encodeStateBegin,
  encodeWelcome,
} from '../../shared/elastic/wire.ts';
import { OutriderError } from '../../shared/errors.ts';
import { hello } from '../support/elastic-ledger.ts';

describe('the fields of a frame', () => {
  it('come back as they were written', () => {
    const long = hello({ channelId: 'ä'.repeat(64), ack: 2 ** 48 - 1, held: ['a.1.1', 'b.2.7'], provision: true });
    expect(decodeHello(encodeHello(long))).toEqual(long);
    const welcome = { instanceId: 'i', epoch: 4_000_000_000, phase: 'frozen', processed: 2 ** 40, durable: 7, held: ['x'] } as const;
    const reader = new WireReader(encodeWelcome(welcome));
    reader.u8();
    expect(decodeWelcome(reader)).toEqual(welcome);
    const begin = { stateId: 's', baseId: '', form: 'image', totalBytes: 2 ** 33 } as const;
    const state = new WireReader(encodeStateBegin(begin));
    state.u8();
    expect(decodeStateBegin(state)).toEqual(begin);
  });

  it('are refused when a frame is cut anywhere', () => {
    const frame = encodeHello(hello({ held: ['a'] }));
    for (let end = 0; end < frame.byteLength; end += 1) {
      expect(() => decodeHello(frame.subarray(0, end))).toThrowError(expect.objectContaining({ code: 'OUT_WIRE_MALFORMED' }));
    }
  });

  it('takes ids and tokens at their limit, not over it', () => {
    const at = hello({ channelId: 'c'.repeat(limits.MAX_ID_BYTES), token: 't'.repeat(limits.MAX_TOKEN_BYTES) });
    expect(decodeHello(encodeHello(at))).toEqual(at);
    for (const over of [{ channelId: 'c'.repeat(limits.MAX_ID_BYTES + 1) }, { token: 't'.repeat(limits.MAX_TOKEN_BYTES + 1) }]) {
      expect(() => decodeHello(encodeHello(hello(over)))).toThrowError(expect.objectContaining({ code: 'OUT_WIRE_LIMIT' }));
    }
  });

  it('refuses text that is not UTF-8 and bytes after the end', () => {
    const bad = new WireWriter().u16(2).raw(Uint8Array.of(0xc3, 0x28)).done();
    expect(() => new WireReader(bad).text(10, 'id')).toThrowError(expect.objectContaining({ code: 'OUT_WIRE_MALFORMED' }));
    const long = Buffer.concat([encodeHello(hello()), Uint8Array.of(0)]);
    expect(() => decodeHello(long)).toThrowError(expect.objectContaining({ code: 'OUT_WIRE_MALFORMED' }));
  });
});

describe('errors across the wire', () => {
  const across = (error: unknown) => {
    const reader = new WireReader(encodeFailure(FRAME.failure, 7, error, true));
    reader.u8();
    return decodeFailure(reader);
  };

  it('keep their code when they are registered', () => {
    expect(across(new OutriderError('OUT_MODULE_VALUE', 'value 0 is not a number'))).toMatchObject({
      number: 7,
      withoutEffect: true,
      error: { code: 'OUT_MODULE_VALUE', message: 'value 0 is not a number' },
    });
  });

  it('become a remote error with their message otherwise, whatever the peer calls its code', () => {
    expect(across(new RangeError('too far')).error).toMatchObject({ code: 'OUT_ELASTIC_REMOTE', message: 'too far' });
    const forged = new WireWriter().u8(0).u48(1).text('__proto__').text('x').done();
    expect(decodeFailure(new WireReader(forged)).error).toMatchObject({ code: 'OUT_ELASTIC_REMOTE', message: '__proto__: x' });
  });

  it('are cut at whole characters when they are too long', () => {
    expect(across(new Error('a'.repeat(limits.MAX_ERROR_BYTES))).error.message).toHaveLength(limits.MAX_ERROR_BYTES);
    const cut = across(new Error(`a${'é'.repeat(limits.MAX_ERROR_BYTES)}`)).error.message;
    expect(Buffer.byteLength(cut)).toBe(limits.MAX_ERROR_BYTES - 1);
    expect(cut).toMatch(/^aé+$/);
  });
});

describe('frames out of a byte stream', () => {
  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 97 })),
        (frames, cuts) => {
          const stream = Buffer.concat(
            frames.flatMap((frame) => {
              const length = Buffer.alloc(4);
              length.writeUInt32LE(frame.byteLength);
              return [length, frame];
            }),
          );
          const got: number[][] = [];
          const assembler = new FrameAssembler((frame) => got.push([...frame]));
          for (let at = 0; at < stream.byteLength;) {
            const size = cuts.next().value as number;
            assembler.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(got).toEqual(frames.map((frame) => [...frame]));
          expect(assembler.isBetweenFrames).toBe(true);
        },
      ),
    );
  });

  it('may be announced up to the limit, and nothing is allocated for one over it', () => {
    const announce = (bytes: number): void => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(bytes);
      new FrameAssembler(() => undefined).push(prefix);
    };
    expect(() => announce(limits.MAX_FRAME_BYTES)).not.toThrow();
    expect(() => announce(limits.MAX_FRAME_BYTES + 1)).toThrowError(expect.objectContaining({ code: 'OUT_WIRE_LIMIT' }));
  });
});
