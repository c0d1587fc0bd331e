// The manager's records outlive managers and brokers, whichever dies after which.
import { expect, test } from 'vitest';
import { PlacementBook } from '../../edge/control/placement-book.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { withRetainedMemory } from '../../shared/bus/retained-memory.ts';
import { topicMatches } from '../../shared/bus/topic-filter.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { BusMessage, MessageBus } from '../../shared/ports/message-bus.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

const SITE = 'test';

/** A broker without a disk: `restart` loses what it retained, and its clients come back. */
class ForgetfulBroker {
  readonly #retained = new Map<string, Uint8Array>();
  readonly #clients: { subscribed: { filter: string; handler: (message: BusMessage) => void }[]; told: ((up: boolean) => void)[] }[] = [];

  connect(clientId: string): MessageBus {
    const client = {
      subscribed: [] as { filter: string; handler: (message: BusMessage) => void }[],
      told: [] as ((up: boolean) => void)[],
    };
    this.#clients.push(client);
    return {
      clientId,
      connected: true,
      publish: async (topic, payload, options) => {
        const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
        if (options?.retain === true) this.#retained.set(topic, bytes);
        for (const { subscribed } of this.#clients)
          for (const { filter, handler } of subscribed)
            if (topicMatches(filter, topic)) handler({ topic, payload: bytes, retained: false });
      },
      subscribe: async (filter, handler) => {
        client.subscribed.push({ filter, handler });
        for (const [topic, payload] of this.#retained) if (topicMatches(filter, topic)) handler({ topic, payload, retained: true });
        return async () => undefined;
      },
      onConnectionChange: (listener) => {
        client.told.push(listener);
        return () => undefined;
      },
      close: async () => void this.#clients.splice(this.#clients.indexOf(client), 1),
    };
  }

  restart(): void {
    this.#retained.clear();
    for (const { told } of this.#clients) for (const listener of told) listener(false);
    for (const { told } of this.#clients) for (const listener of told) listener(true);
  }
}

test('what a manager took over from its predecessor survives a broker that forgets, and the next manager reads it', async () => {
  const clock = new VirtualClock();
  const broker = new ForgetfulBroker();
  const manager = async (session: string): Promise<{ readonly book: PlacementBook; readonly bus: MessageBus }> => {
    const after = (seconds: number, fn: () => void): void => void clock.after(seconds, fn);
    const bus = await withRetainedMemory(broker.connect('manager'), {
      canaryTopic: 'outrider/test/manager/session',
      session,
      waitSec: 0.5,
      after,
    });
    const book = new PlacementBook({ channel: new MessageChannel(bus, SILENT_LOGGER), site: SITE, clock });
    await book.start();
    return { book, bus };
  };
  const first = await manager('a');
  first.book.put({
    ...{ instance: 'map-server-a-1', mission: 'drill', rover: null, tenant: 'default', status: 'running', host: 'edge-1', epoch: 3 },
    module: { name: 'map-server', version: '1.0.0', digest: 'ab'.repeat(32), sharing: 'shared' },
    ...{ addresses: ['tcp://127.0.0.1:1'], memoryMaxBytes: 1, needsAccelerator: false, hostInterfaces: [] },
  });
  await first.bus.close();
  const second = await manager('b');
  expect(second.book.get('map-server-a-1')).toMatchObject({ host: 'edge-1', epoch: 3 });
  broker.restart();
  await clock.run({ untilSec: 2 });
  await second.bus.close();
  const third = await manager('c');
  expect(third.book.get('map-server-a-1')).toMatchObject({ host: 'edge-1', epoch: 3 });
});
