// What the gateway reads of MQTT packets is what was written, in whatever pieces it arrives, and nothing but errors comes of junk.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PACKET,
  type Packet,
  PacketSplitter,
  readConnect,
  readSuback,
  readSubscribe,
  topicOfPublish,
  writeConnack,
  writeConnect,
  writeSuback,
  writeSubscribe,
} from '../../edge/gateway/mqtt-packets.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => !value.includes('\0'));
const filled = text.filter((value) => value !== '');
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const number = fc.integer({ min: 0, max: 0xffff });
const qos = fc.integer({ min: 0, max: 2 });
const will = fc.record({ topic: filled.filter((topic) => !/[+#]/.test(topic)), payload: bytes, qos, retain: fc.boolean() });
const connect = fc
  .record({ clientId: text, clean: fc.boolean(), keepAliveSec: number, will: fc.option(will), username: fc.option(text), secret: bytes })
  .chain(({ secret, ...rest }) => fc.boolean().map((shown) => ({ ...rest, password: shown && rest.username !== null ? secret : null })));
const subscribe = fc.record({
  id: fc.integer({ min: 1, max: 0xffff }),
  wanted: fc.array(fc.record({ filter: text, qos }), { minLength: 1, maxLength: 20 }),
});
const suback = fc.record({ id: number, codes: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 200 }) });

const only = (written: Buffer): Packet => {
  const packets = new PacketSplitter().push(written);
  expect(packets).toHaveLength(1);
  return packets[0]!;
};

/** PUBLISH with QoS 1, by the letter of section 3.3. */
const publish = (topic: Buffer, payload: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.of(topic.length >> 8, topic.length & 0xff), topic, Buffer.of(0, 7), payload]);
  const length = body.length > 127 ? [(body.length & 127) | 128, body.length >> 7] : [body.length];
  return Buffer.concat([Buffer.of((PACKET.publish << 4) | 2, ...length), body]);
};

describe('MQTT packets of the relay', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(connect, subscribe, suback, (connecting, subscribing, answer) => {
        expect(readConnect(only(writeConnect(connecting)))).toEqual(connecting);
        expect(readSubscribe(only(writeSubscribe(subscribing)))).toEqual(subscribing);
        expect(readSuback(only(writeSuback(answer)))).toEqual(answer);
      }),
    );
  });

  test('are the same packets in whatever pieces they arrive', () => {
    const stream = fc.array(fc.oneof(connect.map(writeConnect), subscribe.map(writeSubscribe), suback.map(writeSuback)), { maxLength: 8 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(64), { maxLength: 40 }), (written, cuts) => {
        const whole = Buffer.concat(written);
        const splitter = new PacketSplitter();
        const read: Buffer[] = [];
        let at = 0;
        for (const cut of [...cuts, whole.length]) {
          read.push(...splitter.push(whole.subarray(at, at + cut)).map((packet) => Buffer.from(packet.bytes)));
          at = Math.min(whole.length, at + cut);
        }
        expect(read).toEqual(written);
      }),
    );
  });

  test('of junk are errors, never anything else', () => {
    const readers = [readConnect, readSubscribe, topicOfPublish, readSuback];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(15), (body, flags) => {
        const packet = { type: 8, flags, bytes: Buffer.from(body), body: Buffer.from(body) };
        for (const read of readers) {
          try {
            read(packet);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            expect(error).not.toBeInstanceOf(RangeError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('cannot be cut short, or go on behind their last field', () => {
    fc.assert(
      fc.property(connect, fc.nat(), (value, cut) => {
        const { body, ...rest } = only(writeConnect(value));
        const short = body.subarray(0, cut % body.length);
        expect(() => readConnect({ ...rest, body: short })).toThrow();
        expect(() => readConnect({ ...rest, body: Buffer.concat([body, Buffer.of(0)]) })).toThrow('behind the last field');
      }),
    );
  });

  test('have topics that every broker reads alike', () => {
    expect(topicOfPublish(only(publish(Buffer.from('outrider/barn/mission/ä/command'), Buffer.from('x'))))).toBe(
      'outrider/barn/mission/ä/command',
    );
    // Wildcards, nothing, a NUL, an overlong slash, a surrogate, a byte that begins no character.
    for (const topic of ['612f2b', '612f23', '', '610062', '61c0af62', 'eda080', 'ff'])
      expect(() => topicOfPublish(only(publish(Buffer.from(topic, 'hex'), Buffer.alloc(0)))), topic).toThrow();
    const plain = { clientId: 'a', clean: true, keepAliveSec: 1, username: null, password: null };
    const will = { topic: 'outrider/barn/mission/+/command', payload: Buffer.alloc(0), qos: 1, retain: false };
    expect(() => readConnect(only(writeConnect({ ...plain, will })))).toThrow('a message to');
    const bom = Buffer.from('efbbbf61', 'hex');
    expect(topicOfPublish(only(publish(bom, Buffer.alloc(200))))).toBe('\u{feff}a');
  });

  test('know other protocols, impossible flags and lengths', () => {
    const plain = { clientId: 'a', clean: true, keepAliveSec: 1, will: null, username: null, password: null };
    const changed = (at: number, byte: number): Packet => {
      const written = writeConnect(plain);
      written[at] = byte;
      return only(written);
    };
    expect(readConnect(changed(8, 5)), 'MQTT 5').toBeNull();
    expect(readConnect(changed(4, 0x6d)), 'mQTT').toBeNull();
    // Reserved bit, will QoS without a will, will retain without a will, a password without a name.
    for (const flags of [0x01, 0x08, 0x20, 0x40]) expect(() => readConnect(changed(9, flags)), `${flags}`).toThrow();
    expect(() => new PacketSplitter().push(Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 1))).toThrow('four bytes');
    expect(writeConnack(3)).toEqual(Buffer.of(0x20, 2, 0, 3));
  });
});
