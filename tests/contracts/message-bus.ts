// What every MessageBus must do, whichever broker is behind it: run by each implementation's own test file.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BusMessage, LastWill, MessageBus } from '../../shared/ports/message-bus.ts';

export interface BusUnderTest {
  connect(clientId: string, options?: { readonly will?: LastWill }): Promise<MessageBus>;
  /** Lets time pass [s]: real time, or a virtual clock's. */
  pass(seconds: number): Promise<void>;
  /** Cuts a client's connection without a goodbye; it may come back. Absent: the implementation has no connections. */
  cut?(bus: MessageBus): void;
  /** The broker goes away, and comes back (empty or not). */
  outage?(seconds: number): Promise<void>;
  close(): Promise<void>;
}

const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);
let unique = 0;
/** A topic of its own for each test: retained messages outlive it. */
const freshTopic = (): string => `outrider/conformance/t${++unique}`;

/** Runs the suite against what `start` makes. */
export function describeMessageBus(name: string, start: () => Promise<BusUnderTest>): void {
  describe(`message bus: ${name}`, () => {
    let broker: BusUnderTest;
    const buses: MessageBus[] = [];
    const connect = async (id: string, options?: { readonly will?: LastWill }): Promise<MessageBus> => {
      const bus = await broker.connect(`${id}-${++unique}`, options);
      buses.push(bus);
      return bus;
    };
    const collect = async (bus: MessageBus, filter: string): Promise<BusMessage[]> => {
      const got: BusMessage[] = [];
      await bus.subscribe(filter, (message) => got.push({ ...message, payload: new Uint8Array(message.payload) }));
      return got;
    };
    const until = async (condition: () => boolean, seconds = 10): Promise<void> => {
      for (let waited = 0; waited < seconds && !condition(); waited += 0.02) await broker.pass(0.02);
      expect(condition()).toBe(true);
    };

    beforeAll(async () => {
      broker = await start();
    });
    afterAll(async () => {
      for (const bus of buses) await bus.close();
      await broker.close();
    });

    test('delivers QoS 1 messages of one publisher in order and whole', async () => {
      const topic = freshTopic();
      const got = await collect(await connect('sub'), topic);
      const publisher = await connect('pub');
      const payload = Uint8Array.from({ length: 70_000 }, (_, i) => i & 0xff);
      await publisher.publish(topic, payload, { qos: 1 });
      for (let i = 0; i < 200; i++) void publisher.publish(topic, `${i}`, { qos: 1 });
      await until(() => got.length >= 201);
      expect(got[0]?.payload).toEqual(payload);
      expect(got.slice(1).map((message) => text(message.payload))).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
      expect(got.every((message) => message.topic === topic && !message.retained)).toBe(true);
    });

    test('gives a retained message to a later subscriber, marked as such, and only the newest', async () => {
      const topic = freshTopic();
      const publisher = await connect('pub');
      await publisher.publish(topic, 'old', { qos: 1, retain: true });
      await publisher.publish(topic, 'new', { qos: 1, retain: true });
      const got = await collect(await connect('late'), topic);
      await until(() => got.length === 1);
      expect(text(got[0]?.payload ?? new Uint8Array())).toBe('new');
      expect(got[0]?.retained).toBe(true);
    });

    test('forgets a retained message when an empty one is published', async () => {
      const topic = freshTopic();
      const publisher = await connect('pub');
      await publisher.publish(topic, 'here', { qos: 1, retain: true });
      await publisher.publish(topic, '', { qos: 1, retain: true });
      const got = await collect(await connect('late'), topic);
      await broker.pass(0.3);
      expect(got).toEqual([]);
    });

    test('matches + as one level and # as the rest', async () => {
      const topic = freshTopic();
      const subscriber = await connect('sub');
      const one = await collect(subscriber, `${topic}/+/state`);
      const rest = await collect(await connect('sub'), `${topic}/#`);
      const publisher = await connect('pub');
      for (const level of ['a/state', 'b/state', 'b/c/state', 'b/goal']) await publisher.publish(`${topic}/${level}`, level, { qos: 1 });
      await until(() => rest.length === 4);
      expect(one.map((message) => text(message.payload))).toEqual(['a/state', 'b/state']);
    });

    test('a subscription that was ended gets nothing more, another one of the same filter does', async () => {
      const topic = freshTopic();
      const subscriber = await connect('sub');
      const ended: string[] = [];
      const stop = await subscriber.subscribe(topic, ({ payload }) => ended.push(text(payload)));
      const going = await collect(subscriber, topic);
      const publisher = await connect('pub');
      await publisher.publish(topic, '1', { qos: 1 });
      await until(() => going.length === 1);
      await stop();
      await publisher.publish(topic, '2', { qos: 1 });
      await until(() => going.length === 2);
      expect(ended).toEqual(['1']);
    });

    test('a handler that throws disturbs neither other handlers nor later messages', async () => {
      const topic = freshTopic();
      const subscriber = await connect('sub');
      await subscriber.subscribe(topic, () => {
        throw new Error('a broken handler');
      });
      const got = await collect(subscriber, topic);
      const publisher = await connect('pub');
      await publisher.publish(topic, '1', { qos: 1 });
      await publisher.publish(topic, '2', { qos: 1 });
      await until(() => got.length === 2);
    });

    test('a clean close does not publish the last will', async () => {
      const topic = freshTopic();
      const got = await collect(await connect('watch'), topic);
      const leaving = await connect('leaving', { will: { topic, payload: new TextEncoder().encode('lost'), retain: true } });
      await leaving.close();
      await broker.pass(0.3);
      expect(got).toEqual([]);
    });

    test('a lost connection publishes the last will, and the client comes back with its subscriptions', async ({ skip }) => {
      if (broker.cut === undefined) skip('this bus has no connections to cut');
      const topic = freshTopic();
      const watch = await connect('watch');
      const wills = await collect(watch, `${topic}/will`);
      const victim = await connect('victim', {
        will: { topic: `${topic}/will`, payload: new TextEncoder().encode('lost'), retain: false },
      });
      const got = await collect(victim, `${topic}/data`);
      const changes: boolean[] = [];
      victim.onConnectionChange((connected) => changes.push(connected));
      broker.cut?.(victim);
      await until(() => wills.length === 1 && victim.connected);
      expect(changes).toEqual([false, true]);
      await until(() => {
        void watch.publish(`${topic}/data`, 'again', { qos: 1 });
        return got.length > 0;
      });
    });

    test('what is published with QoS 1 during an outage arrives after it, of a retained topic the newest', async ({ skip }) => {
      if (broker.outage === undefined) skip('this bus has no broker to stop');
      const topic = freshTopic();
      const subscriber = await connect('sub');
      const publisher = await connect('pub');
      const got = await collect(subscriber, `${topic}/#`);
      const outage = broker.outage?.(1.5);
      await until(() => !publisher.connected && !subscriber.connected);
      const sent = ['a', 'b', 'c'].map((value) => publisher.publish(`${topic}/event`, value, { qos: 1 }));
      const states = ['1', '2', '3'].map((value) => publisher.publish(`${topic}/state`, value, { qos: 1, retain: true }));
      const dropped = publisher.publish(`${topic}/event`, 'qos 0', { qos: 0 });
      await outage;
      await Promise.all([...sent, ...states, dropped]);
      await until(() => subscriber.connected && publisher.connected);
      const late = await collect(await connect('late'), `${topic}/state`);
      await until(() => late.length === 1);
      expect(text(late[0]?.payload ?? new Uint8Array())).toBe('3');
      // The subscriber may have come back after the publisher: events in between are not kept for clean sessions, but never out of order.
      const events = got.filter((message) => message.topic.endsWith('/event')).map((message) => text(message.payload));
      expect(['a', 'b', 'c'].filter((value) => events.includes(value))).toEqual(events);
    });
  });
}
