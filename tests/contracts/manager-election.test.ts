// Of several managers one acts, on every broker: whatever happens to their connections, two never act at the same time.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerProcess, freePort, isInstalled } from '../../bench/support/broker-process.ts';
import { startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { ManagerElection } from '../../edge/control/manager-election.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { encodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { managerStatus } from '../../shared/protocol/manager.ts';
import { natsCluster } from '../support/edge-nats-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';

interface Candidate {
  readonly election: ManagerElection;
  readonly link: TcpProxy;
  close(): Promise<void>;
}

/** Who may act, as the hosts would see it: a candidate acts while it leads and its lock's connection stands. */
class Stage {
  readonly acting = new Map<string, MessageBus>();
  readonly terms: number[] = [];
  overlaps = 0;
  readonly #site: string;
  readonly #ports: () => readonly number[];

  constructor(site: string, ports: () => readonly number[]) {
    this.#site = site;
    this.#ports = ports;
  }

  async candidate(session: string): Promise<Candidate> {
    const site = this.#site;
    const link = await startTcpProxy(this.#ports);
    const url = `mqtt://127.0.0.1:${link.port}`;
    const observer = await connectMqttBus({ url, clientId: `observer-${session}-${site}`, reconnectSec: 0.1 });
    const election = new ManagerElection({
      ...{ site, session, clock: new SystemClock(), logger: SILENT_LOGGER, observer },
      leaseSec: 3,
      settleSec: 0.3,
      takeLock: (mayReconnect) =>
        connectMqttBus({
          ...{ url, clientId: `manager-${site}`, reconnectSec: 0.1, mayReconnect },
          will: {
            topic: topicOf(managerStatus, { site }),
            payload: encodeMessage(managerStatus, { status: 'lost', session }),
            retain: true,
          },
        }),
      lead: async (bus, term) => {
        this.acting.set(session, bus);
        this.terms.push(term);
        if ([...this.acting.values()].filter((lock) => lock.connected).length > 1) this.overlaps += 1;
        return { close: async () => void this.acting.delete(session) };
      },
    });
    await election.start();
    return {
      election,
      link,
      close: async () => {
        await election.close();
        await observer.close();
        await link.close();
      },
    };
  }
}

function describeElection(name: string, start: () => Promise<{ ports: () => readonly number[]; close(): Promise<void> }>): void {
  describe(`manager election: ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let sites = 0;
    const fresh = (): Stage => new Stage(`s${++sites}`, broker.ports);
    beforeAll(async () => {
      broker = await start();
    });
    afterAll(() => broker?.close());

    test('the first acts, the second stands by, and takes over when the first says goodbye', async () => {
      const stage = fresh();
      const first = await stage.candidate('a');
      const second = await stage.candidate('b');
      expect([first.election.role, second.election.role]).toEqual(['active', 'standby']);
      await first.close();
      await expect.poll(() => second.election.role).toBe('active');
      expect(stage.terms).toEqual([1, 2]);
      expect(stage.overlaps).toBe(0);
      await second.close();
    });

    test('of several that begin at once, one acts in the end', async () => {
      const stage = fresh();
      const all = await Promise.all(['a', 'b', 'c'].map((session) => stage.candidate(session)));
      await expect.poll(() => all.map(({ election }) => election.role).toSorted()).toEqual(['active', 'standby', 'standby']);
      expect(stage.acting.size).toBe(1);
      expect(stage.overlaps).toBe(0);
      for (const one of all) await one.close();
    });

    test('one whose link is cut is replaced, and stands by when it comes back', async () => {
      const stage = fresh();
      const first = await stage.candidate('a');
      const second = await stage.candidate('b');
      first.link.block(true);
      await expect.poll(() => second.election.role).toBe('active');
      first.link.block(false);
      await expect.poll(() => first.election.role).toBe('standby');
      expect([...stage.acting.keys()]).toEqual(['b']);
      expect(stage.terms).toEqual([1, 2]);
      expect(stage.overlaps).toBe(0);
      await second.close();
      await expect.poll(() => first.election.role).toBe('active');
      expect(stage.terms).toEqual([1, 2, 3]);
      await first.close();
    });
  });
}

describeElection('Aedes', async () => {
  const server = await startEmbeddedBroker({ site: 'any', port: 0 });
  return { ports: () => [server.port as number], close: () => server.close() };
});

if (isInstalled('mosquitto')) {
  describeElection('Mosquitto', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'outrider-mosquitto-'));
    const port = await freePort();
    const config = join(directory, 'mosquitto.conf');
    await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
    const process = await brokerProcess('mosquitto', ['-c', config], port);
    return { ports: () => [port], close: () => process.kill() };
  });
} else describe.skip('manager election: Mosquitto (not installed)');

if (isInstalled('nats-server')) {
  describeElection('NATS JetStream, three nodes', async () => {
    const cluster = await natsCluster();
    let turn = 0;
    return {
      // Each candidate at another node: the cluster itself must keep the client id to one connection.
      ports: () => {
        const alive = cluster.alive();
        const first = turn++ % alive.length;
        return [...alive.slice(first), ...alive.slice(0, first)];
      },
      close: () => cluster.close(),
    };
  });
} else describe.skip('manager election: NATS JetStream (not installed)');
