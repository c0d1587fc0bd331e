// Every transport keeps the port's promises: whole frames, in order, once; clean ends; back pressure; limits.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { MAX_FRAME_BYTES, MQTT_FRAGMENT_BYTES } from '../../shared/elastic/limits.ts';
import { InProcessDataPlane } from '../../shared/elastic/transports/in-process.ts';
import { MqttDataPlane } from '../../shared/elastic/transports/mqtt.ts';
import { ReachablePlane } from '../../shared/elastic/transports/reachable-plane.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import type { DataPlane } from '../../shared/ports/data-plane.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { Ledger, ledgerManifest, type LedgerHandle } from '../support/elastic-ledger.ts';
import { TestSite } from '../support/elastic-test-site.ts';

const clock = new SystemClock();
const cleanups: (() => void)[] = [];
afterAll(() => {
  for (const cleanup of cleanups) cleanup();
});

function tlsPlane(): TcpDataPlane {
  const folder = mkdtempSync(join(tmpdir(), 'outrider-tls-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '1', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  return new TcpDataPlane({ tls: { server: { key: readFileSync(key), cert: readFileSync(cert) }, client: { ca: readFileSync(cert) } } });
}

function mqttPlanes(): { server: DataPlane; client: DataPlane; broker: InProcessBroker } {
  const network = new SimulatedNetwork(clock, new SeededRandom(1));
  const broker = new InProcessBroker(network);
  const plane = (id: string): DataPlane =>
    new MqttDataPlane({ bus: broker.connect(id, { node: id }), clock, site: 'test', self: id, session: 's' });
  return { server: plane('host'), client: plane('rover'), broker };
}

const same = (plane: DataPlane): { server: DataPlane; client: DataPlane } => ({ server: plane, client: plane });
const planes: [string, () => { server: DataPlane; client: DataPlane }][] = [
  ['in-process', () => same(new InProcessDataPlane({ clock }))],
  ['tcp', () => same(new TcpDataPlane())],
  ['tls', () => same(tlsPlane())],
  ['mqtt', mqttPlanes],
];

async function connected({ server, client }: { server: DataPlane; client: DataPlane }) {
  let accepted: (transport: Transport) => void = () => undefined;
  const far = new Promise<Transport>((resolve) => (accepted = resolve));
  const listener = await server.listen('shell-1', accepted);
  const near = await client.connect(listener.address);
  return { near, far: await far, listener };
}

const until = async (condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never became true');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

describe.each(planes)('the %s transport', (name, make) => {
  it('delivers frames of every size whole, in order and once, both ways', async () => {
    const { near, far, listener } = await connected(make());
    const sizes = [0, 1, 3, 4, 5, 1000, 65_535, 65_536, MQTT_FRAGMENT_BYTES, MQTT_FRAGMENT_BYTES + 1, 700_000];
    const frames = [...sizes, ...sizes].map((size, index) => new Uint8Array(size).fill(index + 1));
    for (const [sender, receiver] of [
      [near, far],
      [far, near],
    ] as const) {
      const got: Uint8Array[] = [];
      receiver.onFrame = (frame) => got.push(new Uint8Array(frame));
      for (const frame of frames) sender.send([frame.subarray(0, 3), frame.subarray(3)]);
      await until(() => got.length === frames.length);
      for (const [index, frame] of frames.entries()) expect(Buffer.compare(got[index] as Uint8Array, frame)).toBe(0);
    }
    near.close();
    await listener.close();
  });

  it('ends cleanly for both when one closes, after what was sent before', async () => {
    const { near, far, listener } = await connected(make());
    const ends: unknown[] = [];
    const got: number[] = [];
    far.onFrame = (frame) => got.push(frame.byteLength);
    near.onClose = (error) => ends.push(error);
    far.onClose = (error) => ends.push(error);
    near.send([new Uint8Array(100_000)]);
    near.close();
    await until(() => ends.length === 2);
    expect(ends).toEqual([null, null]);
    expect(got).toEqual([100_000]);
    near.close();
    far.close();
    await listener.close();
    expect(ends).toHaveLength(2);
  });

  it('says stop when its buffer is full, and go when it is not', async () => {
    const { near, far, listener } = await connected(make());
    let received = 0;
    far.onFrame = () => (received += 1);
    let drained = 0;
    near.onDrain = () => (drained += 1);
    let sent = 0;
    while (sent < 200) {
      sent += 1;
      if (!near.send([new Uint8Array(256 * 1024)])) break;
    }
    expect(sent).toBeLessThan(200);
    await until(() => drained > 0 && received === sent);
    near.close();
    await listener.close();
  });

  it('says that it cannot reach what does not listen', async () => {
    const { server, client } = make();
    const listener = await server.listen('shell-2', () => undefined);
    await listener.close();
    await expect(client.connect(listener.address)).rejects.toMatchObject({ code: 'OUT_TRANSPORT_UNREACHABLE' });
    const controller = new AbortController();
    controller.abort();
    await expect(client.connect(listener.address, { signal: controller.signal })).rejects.toMatchObject({
      code: 'OUT_TRANSPORT_UNREACHABLE',
    });
    await expect(client.connect('carrier-pigeon://x')).rejects.toMatchObject({ code: 'OUT_TRANSPORT_UNREACHABLE' });
  });

  it('carries an elastic module there and back under load, with calls that wait in the shell', async () => {
    const { server, client } = make();
    const manifest = ledgerManifest('per-rover');
    let count = 0;
    const connect = async (accept: (transport: Transport) => void): Promise<Transport> => {
      count += 1;
      const listener = await server.listen(`instance-${count}`, accept);
      return client.connect(listener.address);
    };
    const site = new TestSite({ clock, manifest, createInstance: () => new Ledger(), connect, holdBackSec: () => 0.001 });
    const createLocal = (): Promise<Ledger> => Promise.resolve(new Ledger());
    const module = new ElasticModule<LedgerHandle>({ manifest, channelId: 'r1', clock, site, createLocal });
    await module.start();
    await module.handle.setBallast(600_000);
    const answers: Promise<number>[] = [];
    for (const move of ['offload', 'handoff', 'recall'] as const) {
      for (let n = 0; n < 30; n += 1) answers.push(module.handle.append(answers.length));
      const report = await module[move]();
      expect(report.outcome, report.error?.message).toBe('moved');
      expect(report.stateBytes).toBeGreaterThan(600_000);
    }
    expect(await Promise.all(answers)).toEqual(answers.map((_, index) => index + 1));
    expect([...(await module.handle.entries())]).toEqual(answers.map((_, index) => index));
    await module.close();
  });
});

describe('the tcp transport', () => {
  it('ends the connection of a peer that announces too much or stops inside a frame', async () => {
    for (const [bytes, code] of [
      [MAX_FRAME_BYTES + 1, 'OUT_WIRE_LIMIT'],
      [100, 'OUT_WIRE_MALFORMED'],
    ] as const) {
      const ends: (Error | null)[] = [];
      const listener = await new TcpDataPlane().listen('x', (transport) => {
        transport.onFrame = () => undefined;
        transport.onClose = (error) => ends.push(error);
      });
      const socket = connectSocket(Number(listener.address.split(':').at(-1)), '127.0.0.1');
      socket.on('error', () => undefined);
      const prefix = Buffer.alloc(10);
      prefix.writeUInt32LE(bytes);
      socket.end(prefix);
      await until(() => ends.length === 1);
      expect(ends[0]).toMatchObject({ code });
      await listener.close();
    }
  });
});

describe('the mqtt transport', () => {
  it('gets every frame whole, in order and once over a broker that repeats messages and lets them overtake one another', async () => {
    const { broker } = mqttPlanes();
    const random = new SeededRandom(7);
    /** Delivers each message once or twice, after a pause of its own. */
    const unruly = (bus: MessageBus): MessageBus => ({
      clientId: bus.clientId,
      connected: true,
      publish: (...args) => bus.publish(...args),
      onConnectionChange: (listener) => bus.onConnectionChange(listener),
      close: () => bus.close(),
      subscribe: (filter, handler) =>
        bus.subscribe(filter, (message) => {
          for (let copy = 0; copy < 1 + random.integer(2); copy += 1) clock.after(0.01 * random.next(), () => handler(message));
        }),
    });
    const plane = (id: string): DataPlane =>
      new MqttDataPlane({ bus: unruly(broker.connect(id)), clock, site: 'test', self: id, session: 's' });
    const { near, far, listener } = await connected({ server: plane('host-u'), client: plane('rover-u') });
    const got: number[] = [];
    far.onFrame = (frame) => got.push(frame.byteLength);
    const sizes = Array.from({ length: 40 }, (_, index) => (index % 8 === 0 ? 3 * MQTT_FRAGMENT_BYTES + index : index));
    for (const size of sizes) near.send([new Uint8Array(size)]);
    await until(() => got.length === sizes.length);
    await clock.sleep(0.03);
    expect(got).toEqual(sizes);
    near.close();
    await listener.close();
  });
});

describe('the way to an instance', () => {
  it('is MQTT where TCP is not reachable, and TCP as soon as it is, unnoticed by the caller', async () => {
    const { server, client } = mqttPlanes();
    const manifest = ledgerManifest('per-rover');
    const probe = await new TcpDataPlane().listen('probe', () => undefined);
    await probe.close();
    const port = Number(probe.address.split(':').at(-1));
    const tcp = new TcpDataPlane({ port });
    const inner = new TestSite({ clock, manifest, createInstance: () => new Ledger() });
    const prepared = inner.start('host-a', 2, null);
    const byMqtt = await server.listen('instance-x', (transport) => prepared.shell.accept(transport));
    const way = new ReachablePlane((scheme) => ({ tcp, mqtt: client })[scheme], [probe.address, byMqtt.address], clock);
    const used: string[] = [];
    const endpoint = {
      ...inner.endpointOf(prepared),
      connect: async () => {
        const transport = await way.connect();
        used.push(transport.description.split(':')[0] ?? '');
        return transport;
      },
      connectBetter: async (current: Transport) => {
        const transport = await way.connectBetter(current);
        if (transport !== null) used.push(transport.description.split(':')[0] ?? '');
        return transport;
      },
    };
    const site = {
      prepare: () =>
        Promise.resolve({
          kind: 'prepared' as const,
          endpoint,
          abandon: () => Promise.resolve(),
          report: { hostId: 'host-a', stepsMs: {}, bundleBytesSent: 0, warm: true },
        }),
      locate: () => Promise.resolve(endpoint),
      release: () => Promise.resolve(),
      reachable: true,
    };
    const createLocal = (): Promise<Ledger> => Promise.resolve(new Ledger());
    const module = new ElasticModule<LedgerHandle>({ manifest, channelId: 'r1', clock, site, createLocal, upgradeEverySec: 0.05 });
    const events: string[] = [];
    for (const event of ['lost', 'recovered', 'move-failed'] as const) module.on(event, () => events.push(event));
    await module.start();
    await module.offload();
    const answers = [1, 2, 3].map((entry) => module.handle.append(entry));
    await Promise.all(answers);
    expect(used).toEqual(['mqtt']);
    const direct = await tcp.listen('instance-x', (transport) => prepared.shell.accept(transport));
    while (!used.includes('tcp')) {
      answers.push(module.handle.append(answers.length + 1));
      await clock.sleep(0.01);
    }
    for (let n = 0; n < 20; n += 1) answers.push(module.handle.append(answers.length + 1));
    expect(await Promise.all(answers)).toEqual(answers.map((_, index) => index + 1));
    expect(events).toEqual([]);
    await module.close();
    await direct.close();
  });

  it('tries the next one while a firewall swallows the first without a word, and lets go of the slower', async () => {
    const { server, client } = mqttPlanes();
    const aborted: string[] = [];
    const swallowing: DataPlane = {
      listen: () => Promise.reject(new Error('not here')),
      connect: (address, { signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            aborted.push(address);
            reject(new Error('aborted'));
          });
        }),
    };
    const listener = await server.listen('instance-y', () => undefined);
    const way = new ReachablePlane((scheme) => (scheme === 'mqtt' ? client : swallowing), ['tcp://192.0.2.1:9', listener.address], clock);
    const transport = await way.connect();
    expect(transport.description).toMatch(/^mqtt:/);
    expect(aborted).toEqual(['tcp://192.0.2.1:9']);
    expect(await way.connectBetter(transport)).toBeNull();
    transport.close();
    const impatient = new AbortController();
    const never = new ReachablePlane(() => swallowing, ['tcp://192.0.2.1:9', 'tcp://192.0.2.2:9'], clock);
    setTimeout(() => impatient.abort(), 20);
    await expect(never.connect({ signal: impatient.signal })).rejects.toMatchObject({ code: 'OUT_TRANSPORT_UNREACHABLE' });
    await listener.close();
  });
});
