// The wire format against hostile and broken peers: coded errors, no crash, bounded memory; each limit at and over.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint } from '../../shared/elastic/checkpoint.ts';
import { InstanceShell } from '../../shared/elastic/instance-shell.ts';
import * as limits from '../../shared/elastic/limits.ts';
import { decodeFailure, encodeFailure } from '../../shared/elastic/remote-error.ts';
import { interfaceIdOf } from '../../shared/elastic/state-form.ts';
import { createInProcessPair } from '../../shared/elastic/transports/in-process.ts';
import { FrameAssembler } from '../../shared/elastic/transports/frame-assembler.ts';
import { encodeValues } from '../../shared/elastic/value-codec.ts';
import { WireReader, WireWriter } from '../../shared/elastic/wire-cursor.ts';
import {
  FRAME,
  decodeHello,
  decodeStateBegin,
  decodeWelcome,
  encodeBare,
  encodeHello,
  encodeNumber,
  encodeRequestHeader,
  encodeStateBegin,
  encodeStateMark,
  encodeWelcome,
  type Hello,
} from '../../shared/elastic/wire.ts';
import { OutriderError } from '../../shared/errors.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Ledger, echoManifest, Echo, ledgerManifest } from '../support/elastic-ledger.ts';

const MANIFEST = ledgerManifest('per-rover');

function hello(change: Partial<Hello> = {}): Hello {
  const interfaceId = interfaceIdOf(MANIFEST);
  return { channelId: 'r1', token: 't', module: 'ledger', interfaceId, epoch: 1, ack: 0, provision: false, held: [], ...change };
}

/** A shell and a raw peer: what it sends, what it gets back, and how the connection ended. */
function rig(options: { embryo?: boolean; authorize?: boolean } = {}) {
  const clock = new VirtualClock();
  const instance = new Ledger();
  const shell = new InstanceShell({
    manifest: MANIFEST,
    instance,
    clock,
    instanceId: 'i1',
    epoch: 1,
    embryo: options.embryo ?? false,
    authorize: () => options.authorize ?? true,
  });
  const received: Uint8Array[] = [];
  const connect = () => {
    const { near, far } = createInProcessPair({ clock });
    const peer = { transport: near, closed: false, frames: [] as Uint8Array[], send: (...parts: Uint8Array[]) => void near.send(parts) };
    near.onFrame = (frame) => {
      received.push(frame.slice());
      peer.frames.push(frame.slice());
    };
    near.onClose = () => (peer.closed = true);
    shell.accept(far);
    return peer;
  };
  const settle = (seconds = 0.01): Promise<unknown> => clock.runUntilSettled(clock.sleep(seconds));
  return { clock, shell, instance, connect, settle };
}

function request(number: number, entry: number, functionIndex = 0): Uint8Array[] {
  return [encodeRequestHeader(false, functionIndex, number, 0, 0), encodeValues([{ kind: 'number', type: 'f64' }], [entry])];
}

function refusalOf(frames: readonly Uint8Array[]): string | undefined {
  const frame = frames.find(([kind]) => kind === FRAME.refused);
  if (frame === undefined) return undefined;
  const reader = new WireReader(frame);
  reader.u8();
  return decodeFailure(reader).error.code;
}

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

describe('a shell', () => {
  it('refuses strangers, other modules and other interfaces by code, and ends the connection', async () => {
    const { connect, settle } = rig();
    for (const [change, code] of [
      [{ module: 'other' }, 'OUT_ELASTIC_REFUSED'],
      [{ interfaceId: '0'.repeat(32) }, 'OUT_ELASTIC_REFUSED'],
    ] as const) {
      const peer = connect();
      peer.send(encodeHello(hello(change)));
      await settle();
      expect(refusalOf(peer.frames)).toBe(code);
      expect(peer.closed).toBe(true);
    }
    const guarded = rig({ authorize: false });
    const stranger = guarded.connect();
    stranger.send(encodeHello(hello()));
    await guarded.settle();
    expect(refusalOf(stranger.frames)).toBe('OUT_ELASTIC_REFUSED');
  });

  it('retires itself when a fixed end knows a newer epoch', async () => {
    const { connect, settle } = rig();
    const newer = connect();
    newer.send(encodeHello(hello({ epoch: 2 })));
    await settle();
    expect(refusalOf(newer.frames)).toBe('OUT_ELASTIC_RETIRED');
    const old = connect();
    old.send(encodeHello(hello({ channelId: 'r2' })));
    await settle();
    expect(refusalOf(old.frames)).toBe('OUT_ELASTIC_RETIRED');
  });

  it('takes requests numbered twice or out of order once', async () => {
    const { connect, settle, instance } = rig();
    const peer = connect();
    peer.send(encodeHello(hello()));
    for (const [number, entry] of [
      [1, 10],
      [2, 20],
      [2, 20],
      [1, 10],
      [5, 50],
      [3, 30],
      [6, 60],
    ] as const)
      peer.send(...request(number, entry));
    await settle();
    expect(instance.entries).toEqual([10, 20, 50, 60]);
    expect(peer.closed).toBe(false);
  });

  it('closes connections that do not say HELLO in time, and takes only so many of them', async () => {
    const { connect, settle } = rig();
    const peers = Array.from({ length: limits.MAX_UNGREETED }, connect);
    const over = connect();
    await settle();
    expect(peers.some((peer) => peer.closed)).toBe(false);
    expect(over.closed).toBe(true);
    await settle(limits.HANDSHAKE_SEC + 0.1);
    expect(peers.every((peer) => peer.closed)).toBe(true);
  });

  it('has room for so many fixed ends, not one more', async () => {
    const { connect, settle } = rig();
    const greet = async (index: number) => {
      const peer = connect();
      peer.send(encodeHello(hello({ channelId: `r${index}` })));
      await settle();
      return peer;
    };
    for (let index = 0; index < limits.MAX_CHANNELS; index += 1) expect((await greet(index)).closed).toBe(false);
    expect(refusalOf((await greet(limits.MAX_CHANNELS)).frames)).toBe('OUT_WIRE_LIMIT');
  });

  it('takes a state up to the module’s memory bound, not over it', async () => {
    for (const [over, closed] of [
      [0, false],
      [1, true],
    ] as const) {
      const { connect, settle } = rig({ embryo: true });
      const peer = connect();
      peer.send(encodeHello(hello({ provision: true })));
      const totalBytes = MANIFEST.memoryMaxBytes + limits.STATE_SLACK_BYTES + over;
      peer.send(encodeStateBegin({ stateId: 's', baseId: '', form: 'snapshot', totalBytes }));
      await settle();
      expect(peer.closed).toBe(closed);
      expect(refusalOf(peer.frames)).toBe(closed ? 'OUT_WIRE_LIMIT' : undefined);
    }
  });

  it('refuses states out of place: chunks without a beginning or beyond the end, unknown bases, marks of what never came', async () => {
    const begin = encodeStateBegin({ stateId: 's', baseId: '', form: 'snapshot', totalBytes: 10 });
    const chunk = (offset: number, bytes: number): Uint8Array =>
      new WireWriter().u8(FRAME.stateChunk).u48(offset).raw(new Uint8Array(bytes)).done();
    const cases: Uint8Array[][] = [
      [chunk(0, 1)],
      [begin, chunk(9, 2)],
      [begin, begin],
      [encodeNumber(FRAME.stateEnd, 1)],
      [encodeStateBegin({ stateId: 's', baseId: 'unknown', form: 'snapshot', totalBytes: 10 })],
      [encodeStateMark(FRAME.activate, 'never-came', 0)],
    ];
    for (const frames of cases) {
      const { connect, settle } = rig({ embryo: true });
      const peer = connect();
      peer.send(encodeHello(hello({ provision: true })));
      for (const frame of frames) peer.send(frame);
      await settle();
      expect(refusalOf(peer.frames)).toBe('OUT_WIRE_MALFORMED');
      expect(peer.closed).toBe(true);
    }
  });

  it('answers arguments of the wrong type with an error of the call, and goes on', async () => {
    const { connect, settle, instance } = rig();
    const peer = connect();
    peer.send(encodeHello(hello()));
    peer.send(encodeRequestHeader(false, 0, 1, 0, 0), Uint8Array.of(1, 2, 3));
    peer.send(...request(2, 20));
    await settle();
    expect(peer.frames.map(([kind]) => kind)).toEqual([FRAME.welcome, FRAME.failure, FRAME.result]);
    expect(instance.entries).toEqual([20]);
  });

  it('queues as many calls as the window, and ends the connection of a peer that sends more', async () => {
    for (const [calls, closed] of [
      [limits.WINDOW_CALLS + 1, false],
      [limits.WINDOW_CALLS + 2, true],
    ] as const) {
      const clock = new VirtualClock();
      const shell = new InstanceShell({
        manifest: echoManifest(),
        instance: new Echo(),
        clock,
        instanceId: 'i1',
        epoch: 1,
        authorize: () => true,
        // The first call is under way all the time, so that the others wait.
        holdBackSec: () => 3600,
      });
      const { near, far } = createInProcessPair({ clock });
      let ended = false;
      near.onClose = () => (ended = true);
      shell.accept(far);
      near.send([encodeHello(hello({ module: 'echo', interfaceId: interfaceIdOf(echoManifest()) }))]);
      for (let number = 1; number <= calls; number += 1) near.send(request(number, 1, 1));
      await clock.runUntilSettled(clock.sleep(0.01));
      expect(ended).toBe(closed);
      expect(shell.stats.queued).toBeLessThanOrEqual(limits.WINDOW_CALLS);
    }
  });

  it('survives any frames: the connection ends with a code or goes on, the instance and its other users are unharmed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 64 }),
            fc
              .tuple(fc.constantFrom(...Object.values(FRAME)), fc.uint8Array({ maxLength: 40 }))
              .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
            fc.constantFrom(
              encodeBare(FRAME.freeze),
              encodeBare(FRAME.resume),
              encodeBare(FRAME.ping),
              encodeHello(hello({ channelId: '__proto__' })),
            ),
          ),
          { maxLength: 12 },
        ),
        fc.boolean(),
        async (frames, greet) => {
          const { connect, settle, shell, instance } = rig();
          const good = connect();
          good.send(encodeHello(hello({ channelId: 'good' })));
          await settle();
          const bad = connect();
          if (greet) bad.send(encodeHello(hello({ channelId: 'bad' })));
          for (const frame of frames) bad.send(frame);
          await settle();
          if (bad.closed) expect(refusalOf(bad.frames) ?? 'OUT_WIRE_MALFORMED').toMatch(/^OUT_(WIRE|ELASTIC)_/);
          const before = instance.entries.length;
          good.send(...request(1, 5));
          await settle();
          expect(instance.entries).toHaveLength(before + 1);
          expect(good.closed).toBe(false);
          await shell.close();
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a checkpoint', () => {
  const checkpoint = {
    epoch: 3,
    state: { form: 'snapshot', bytes: Uint8Array.of(1, 2, 3) },
    channels: [
      {
        channelId: 'r1',
        processed: 9,
        acked: 7,
        results: [
          { number: 8, frame: Uint8Array.of(4) },
          { number: 9, frame: Uint8Array.of(5, 6) },
        ],
      },
    ],
  } as const;

  it('comes back as it was', () => {
    const decoded = decodeCheckpoint(MANIFEST, encodeCheckpoint(MANIFEST, checkpoint));
    expect(decoded.channels).toEqual(checkpoint.channels);
    expect([...decoded.state.bytes]).toEqual([1, 2, 3]);
    expect(decoded.epoch).toBe(3);
  });

  it('is refused when cut, changed in its head, or of another module', () => {
    const bytes = encodeCheckpoint(MANIFEST, checkpoint);
    const refused = expect.objectContaining({ code: 'OUT_ELASTIC_CHECKPOINT' });
    for (let end = 0; end < bytes.byteLength; end += 1)
      expect(() => decodeCheckpoint(MANIFEST, bytes.subarray(0, end))).toThrowError(refused);
    expect(() => decodeCheckpoint(echoManifest(), bytes)).toThrowError(refused);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
        expect(() => decodeCheckpoint(MANIFEST, junk)).toThrowError(refused);
      }),
    );
  });
});
