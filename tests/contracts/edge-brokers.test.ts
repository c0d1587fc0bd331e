// The message bus over brokers of other makers: Mosquitto, and a three-node NATS JetStream cluster with the loss of a node.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { natsCluster } from '../support/edge-nats-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';
import { type BusUnderTest, describeMessageBus } from './message-bus.ts';

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Buses whose links can be cut, to whatever `targets` answers. */
function busesThrough(targets: () => readonly number[]) {
  const proxies = new Map<MessageBus, TcpProxy>();
  return {
    proxies,
    connect: async (clientId: string, options: Parameters<BusUnderTest['connect']>[1] = {}): Promise<MessageBus> => {
      const proxy = await startTcpProxy(targets);
      const bus = await connectMqttBus({ url: `mqtt://127.0.0.1:${proxy.port}`, clientId, reconnectSec: 0.1, ...options });
      proxies.set(bus, proxy);
      return bus;
    },
    cut: (bus: MessageBus) => proxies.get(bus)?.cut(),
    close: async () => {
      for (const proxy of proxies.values()) await proxy.close();
    },
  };
}

/** Connects; an attempt that fails is made again until the test's own time is up. */
async function connectWhenReady(connect: () => Promise<MessageBus>): Promise<MessageBus> {
  for (;;) {
    try {
      return await connect();
    } catch {
      await pass(0.2);
    }
  }
}

async function mosquitto(): Promise<BusUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-mosquitto-'));
  const port = await freePort();
  const config = join(directory, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const broker = await brokerProcess('mosquitto', ['-c', config], port);
  const { connect, cut, close } = busesThrough(() => [port]);
  return {
    ...{ connect, cut, pass },
    outage: async (seconds) => {
      await broker.kill();
      await pass(seconds);
      await broker.start();
    },
    close: async () => {
      await close();
      await broker.kill();
    },
  };
}

async function nats(): Promise<BusUnderTest> {
  const cluster = await natsCluster();
  let turn = 0;
  // Each client on another node, so that every message crosses the cluster.
  const buses = busesThrough(() => {
    const ports = cluster.alive();
    const first = turn++ % ports.length;
    return [...ports.slice(first), ...ports.slice(0, first)];
  });
  return {
    connect: buses.connect,
    cut: buses.cut,
    pass,
    outage: async (seconds) => {
      for (const proxy of buses.proxies.values()) proxy.block(true);
      await pass(seconds);
      for (const proxy of buses.proxies.values()) proxy.block(false);
    },
    close: async () => {
      await buses.close();
      await cluster.close();
    },
  };
}

if (isInstalled('mosquitto')) describeMessageBus('Mosquitto', mosquitto);
else describe.skip('message bus: Mosquitto (not installed)');

if (isInstalled('nats-server')) {
  describeMessageBus('NATS JetStream, three nodes', nats);
  describe('NATS JetStream, three nodes: loss of a node', () => {
    let cluster: Awaited<ReturnType<typeof natsCluster>>;
    beforeAll(async () => {
      cluster = await natsCluster();
    });
    afterAll(() => cluster.close());

    test('retained state and every acknowledged message survive it, clients go on at another node', async () => {
      const buses = busesThrough(() => cluster.alive());
      const publisher = await buses.connect('publisher');
      const subscriber = await buses.connect('subscriber');
      const got = new Set<string>();
      await subscriber.subscribe('outrider/loss/count', ({ payload }) => got.add(new TextDecoder().decode(payload)));
      await publisher.publish('outrider/loss/state', 'before', { qos: 1, retain: true });
      const acknowledged: string[] = [];
      for (let i = 0; i < 50; i += 1) {
        await publisher.publish('outrider/loss/count', `${i}`, { qos: 1 });
        acknowledged.push(`${i}`);
      }
      await expect.poll(() => got.size).toBe(50);
      await cluster.kill(0);
      await expect.poll(() => publisher.connected && subscriber.connected).toBe(true);
      // While the cluster elects a new leader, it refuses newcomers: they try again.
      const late = await connectWhenReady(() => buses.connect('late'));
      let state = '';
      await late.subscribe('outrider/loss/state', ({ payload }) => (state = new TextDecoder().decode(payload)));
      await expect.poll(() => state).toBe('before');
      // A client is connected before the cluster has granted its subscriptions anew: messages reach it from then on.
      const goesOn = async (): Promise<boolean> => {
        await publisher.publish('outrider/loss/count', 'after', { qos: 1 });
        return got.has('after');
      };
      await expect.poll(goesOn, { timeout: 40_000, interval: 500 }).toBe(true);
      expect(acknowledged.every((value) => got.has(value))).toBe(true);
      for (const bus of [publisher, subscriber, late]) await bus.close();
      await buses.close();
    });
  });
} else describe.skip('message bus: NATS JetStream (not installed)');
