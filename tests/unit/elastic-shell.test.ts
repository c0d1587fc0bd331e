// A shell against hostile and broken peers: coded errors, no crash, bounded memory; each limit at and over.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InstanceShell } from '../../shared/elastic/instance-shell.ts';
import * as limits from '../../shared/elastic/limits.ts';
import { decodeFailure } from '../../shared/elastic/remote-error.ts';
import { interfaceIdOf } from '../../shared/elastic/state-form.ts';
import { createInProcessPair } from '../../shared/elastic/transports/in-process.ts';
import { encodeValues } from '../../shared/elastic/value-codec.ts';
import { WireReader, WireWriter } from '../../shared/elastic/wire-cursor.ts';
import {
  FRAME,
  encodeBare,
  encodeHello,
  encodeNumber,
  encodeRequestHeader,
  encodeStateBegin,
  encodeStateMark,
} from '../../shared/elastic/wire.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { Ledger, echoManifest, Echo, hello, ledgerManifest } from '../support/elastic-ledger.ts';

const MANIFEST = ledgerManifest('per-rover');

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
