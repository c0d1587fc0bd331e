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

/** Free ports may be taken by somebody else before a node listens: a cluster that does not come up is tried again on others. */
const START_ATTEMPTS = 3;

/** Starts the nodes; with one that does not come up, the others are ended before it throws. */
export async function startNodes(directory: string, ports: readonly NodePorts[]): Promise<BrokerProcess[]> {
  const routes = ports.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(', ');
  const started = await Promise.allSettled(
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
  const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = started.find((result) => result.status === 'rejected');
  if (failed === undefined) return nodes;
  await Promise.all(nodes.map((node) => node.kill()));
  throw failed.reason;
}

export interface NodePorts {
  readonly client: number;
  readonly cluster: number;
  readonly mqtt: number;
}

const freePorts = async (): Promise<NodePorts> => ({ client: await freePort(), cluster: await freePort(), mqtt: await freePort() });

async function startCluster(): Promise<{ readonly nodes: BrokerProcess[]; readonly ports: readonly NodePorts[] }> {
  for (let attempt = 1; ; attempt += 1) {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-nats-'));
    const ports = [await freePorts(), await freePorts(), await freePorts()];
    try {
      return { nodes: await startNodes(directory, ports), ports };
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

export async function natsCluster(): Promise<NatsCluster> {
  const { nodes, ports } = await startCluster();
  const dead = new Set<number>();
  // The first MQTT connection waits until the cluster has chosen its leaders.
  for (let attempt = 0; ; attempt += 1) {
    try {
      const probe = await connectMqttBus({ url: `mqtt://127.0.0.1:${nodes[0]?.port}`, clientId: `probe-${attempt}`, connectTimeoutSec: 4 });
      await probe.publish('outrider/probe', 'x', { qos: 1, retain: true });
      await probe.close();
      break;
    } catch (error) {
      if (attempt >= 15) {
        await Promise.all(nodes.map((node) => node.kill()));
        throw error;
      }
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
