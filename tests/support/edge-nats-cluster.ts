// A three-node NATS JetStream cluster with MQTT as processes of a test.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerProcess, type BrokerProcess, freePort } from '../../bench/support/broker-process.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Three nodes, replicated storage: any one may die. */
export interface NatsCluster {
  readonly nodes: BrokerProcess[];
  /** MQTT ports of the nodes that live. */
  readonly alive: () => number[];
  /** Addresses of NATS clients, by node. */
  readonly urls: readonly string[];
  kill(index: number): Promise<void>;
  close(): Promise<void>;
}

export async function natsCluster(): Promise<NatsCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-nats-'));
  const ports = await Promise.all(
    [0, 1, 2].map(async () => ({ client: await freePort(), cluster: await freePort(), mqtt: await freePort() })),
  );
  const routes = ports.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(', ');
  const nodes = await Promise.all(
    ports.map(async ({ client, cluster, mqtt }, index) => {
      const file = join(directory, `node-${index}.conf`);
      const lines = [
        `server_name: n${index}`,
        `listen: 127.0.0.1:${client}`,
        `jetstream { store_dir: "${join(directory, `store-${index}`)}" }`,
        `cluster { name: outrider, listen: 127.0.0.1:${cluster}, routes: [${routes}] }`,
        `mqtt { listen: 127.0.0.1:${mqtt}, stream_replicas: 3 }`,
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return brokerProcess('nats-server', ['-c', file], mqtt);
    }),
  );
  const dead = new Set<number>();
  // The first MQTT connection waits until the cluster has chosen its leaders.
  for (let attempt = 0; ; attempt += 1) {
    try {
      const probe = await connectMqttBus({ url: `mqtt://127.0.0.1:${nodes[0]?.port}`, clientId: `probe-${attempt}`, connectTimeoutSec: 4 });
      await probe.publish('outrider/probe', 'x', { qos: 1, retain: true });
      await probe.close();
      break;
    } catch (error) {
      if (attempt >= 15) throw error;
      await pass(1);
    }
  }
  return {
    nodes,
    urls: ports.map(({ client }) => `nats://127.0.0.1:${client}`),
    alive: () => nodes.filter((_, index) => !dead.has(index)).map((node) => node.port),
    kill: async (index) => {
      dead.add(index);
      await nodes[index]?.kill();
    },
    close: async () => {
      for (const [index, node] of nodes.entries()) if (!dead.has(index)) await node.kill();
    },
  };
}
