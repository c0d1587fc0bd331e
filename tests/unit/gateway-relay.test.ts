// Browsers at a site whose broker knows the site alone: what reaches the broker, by whose rights, and what comes back. The broker is Aedes
// with the rule that only the site may connect; tests/system/site-external-broker.test.ts does the same with Mosquitto.
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { generate } from 'mqtt-packet';
import mqtt, { type IClientOptions, type IPublishPacket, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClientIdentity } from '../../edge/broker/access-rules.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from '../../edge/broker/embedded-broker.ts';
import { GuardedRelay } from '../../edge/gateway/guarded-relay.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';

const CREDENTIALS = { username: 'site', password: 'only the site knows' };
const OPERATOR: ClientIdentity = { role: 'operator', name: 'ada' };
const VIEWER: ClientIdentity = { role: 'viewer', name: 'eve' };
const COMMAND = 'outrider/barn/mission/m/command';

/** Both ends of a connection in this process. */
function connection(): readonly [Duplex, Duplex] {
  const waiting: (() => void)[] = [];
  const side = (own: number): Duplex =>
    new Duplex({
      read: () => {
        const resume = waiting[own];
        waiting[own] = () => undefined;
        resume?.();
      },
      write: (chunk: Buffer, _encoding, done) => {
        const other = ends[1 - own] as Duplex;
        if (other.destroyed) return done(new Error('gone'));
        if (other.push(chunk)) return done();
        waiting[1 - own] = done;
        return undefined;
      },
      final: (done) => {
        ends[1 - own]?.push(null);
        done();
      },
      destroy: (error, done) => {
        const other = ends[1 - own];
        if (other !== undefined && !other.destroyed) setImmediate(() => other.destroy());
        done(error);
      },
    });
  const ends: Duplex[] = [];
  ends.push(side(0), side(1));
  for (const end of ends) end.on('error', () => undefined);
  return [ends[0] as Duplex, ends[1] as Duplex];
}

describe('a browser at a broker that knows the site alone', () => {
  let broker: EmbeddedBroker;
  let port = 0;
  let relay: GuardedRelay;
  let site: MqttClient;
  const clients: MqttClient[] = [];
  const heard: IPublishPacket[] = [];

  const startBroker = (at: number): Promise<EmbeddedBroker> =>
    startEmbeddedBroker({
      site: 'barn',
      port: at,
      identify: ({ username, password }) =>
        username === CREDENTIALS.username && password === CREDENTIALS.password ? { role: 'site', name: 'barn' } : null,
    });
  /** A page of this user. */
  const page = (identity: ClientIdentity, options: IClientOptions = {}): MqttClient => {
    const build: ConstructorParameters<typeof MqttClient>[0] = () => {
      const [browser, gateway] = connection();
      relay.serve(gateway, identity);
      return browser;
    };
    const client = new MqttClient(build, { protocolVersion: 4, clientId: 'dashboard-1', reconnectPeriod: 0, ...options });
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const online = (client: MqttClient): Promise<MqttClient> =>
    new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client));
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed')));
    });
  const closed = (client: MqttClient): Promise<void> => new Promise((resolve) => void client.once('close', () => resolve()));
  const said = (): string[] => heard.map(({ topic, payload }) => `${topic} ${payload.toString()}`);

  beforeEach(async () => {
    broker = await startBroker(0);
    port = broker.port as number;
    const open = (): Duplex => connectTcp(port, '127.0.0.1');
    relay = new GuardedRelay({ site: 'barn', open, credentials: CREDENTIALS, clock: new SystemClock(), logger: SILENT_LOGGER });
    site = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'manager-barn', reconnectPeriod: 50, ...CREDENTIALS });
    heard.length = 0;
    site.on('message', (_topic, _payload, packet) => heard.push(packet));
    await site.subscribeAsync('outrider/barn/#', { qos: 1 });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.endAsync(true);
    await site.endAsync(true);
    await broker.close();
  });

  test('hears what is retained and what comes, as such; its command arrives and is acknowledged', async () => {
    await site.publishAsync('outrider/barn/mission/m/status', 'running', { retain: true, qos: 1 });
    const ada = await online(page(OPERATOR));
    const got: [string, boolean, number][] = [];
    ada.on('message', (_topic, payload, { retain, qos }) => got.push([payload.toString(), retain, qos]));
    await ada.subscribeAsync('outrider/barn/mission/+/status', { qos: 1 });
    await expect.poll(() => got).toEqual([['running', true, 1]]);
    await site.publishAsync('outrider/barn/mission/m/status', 'paused', { retain: true, qos: 1 });
    await expect.poll(() => got).toEqual([expect.anything(), ['paused', false, 1]]);
    await ada.publishAsync(COMMAND, 'pause', { qos: 1 });
    await ada.publishAsync('outrider/barn/mission/m/event', 'twice', { qos: 2 });
    await expect.poll(said).toEqual(expect.arrayContaining([`${COMMAND} pause`, 'outrider/barn/mission/m/event twice']));
    const large = Buffer.alloc(700_000, 7);
    await site.publishAsync('outrider/barn/mission/m/status', large, { qos: 1 });
    await expect.poll(() => got.at(-1)?.[0].length).toBe(large.length);
    await ada.unsubscribeAsync('outrider/barn/mission/+/status');
    await site.publishAsync('outrider/barn/mission/m/status', 'unheard', { qos: 1 });
    await site.publishAsync('outrider/barn/mission/m/event', 'end', { qos: 1 });
    await expect.poll(() => said().at(-1)).toMatch(/end$/);
    expect(got).toHaveLength(3);
  });

  test.each([
    ['viewer', VIEWER, COMMAND],
    ['operator', OPERATOR, 'outrider/barn/rover/r/goal'],
    ['operator', OPERATOR, 'outrider/barn/host/edge-1/status'],
    ['operator', OPERATOR, 'outrider/barn/manager/barn'],
    ['operator', OPERATOR, 'outrider/other/mission/m/command'],
    ['operator', OPERATOR, '$SYS/x'],
  ])('that publishes what its %s may not is cut off, and it is not heard', async (_role, identity, topic) => {
    const eve = await online(page(identity));
    const gone = closed(eve);
    eve.publish(topic, 'forged', { qos: 1 });
    await gone;
    await site.publishAsync('outrider/barn/end', 'end', { qos: 1 });
    await expect.poll(said).toEqual(['outrider/barn/end end']);
  });

  test('is refused a will that its user may not leave; one that it may is published when its link is lost, not after a goodbye', async () => {
    const will = { topic: COMMAND, payload: Buffer.from('cancel'), qos: 1 as const, retain: false };
    await expect(online(page(VIEWER, { will }))).rejects.toMatchObject({ code: 5 });
    await expect(online(page(OPERATOR, { will: { ...will, topic: 'outrider/barn/rover/r/presence' } }))).rejects.toMatchObject({ code: 5 });
    await (await online(page(OPERATOR, { will }))).endAsync();
    (await online(page(OPERATOR, { will: { ...will, payload: Buffer.from('lost') } }))).stream.destroy();
    await expect.poll(said).toEqual([`${COMMAND} lost`]);
  });

  test.each([
    ['with a goodbye', Buffer.from('e000', 'hex')],
    ['without one', Buffer.alloc(0)],
  ])('what it says just before it leaves, %s, still arrives at a slow broker', async (_how, goodbye) => {
    const taken: Buffer[] = [];
    const slow = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        taken.push(chunk);
        setImmediate(done);
      },
    });
    const ended = new Promise<void>((resolve) => void slow.once('finish', () => resolve()));
    const hello = generate({ cmd: 'connect', clientId: 'dashboard-2', clean: true, keepalive: 10 });
    const last = Buffer.concat([Buffer.of(0x30, COMMAND.length + 7, 0, COMMAND.length), Buffer.from(COMMAND), Buffer.from('pause')]);
    const [browser, gateway] = connection();
    relay = new GuardedRelay({ site: 'barn', open: () => slow, credentials: null, clock: new SystemClock(), logger: SILENT_LOGGER });
    relay.serve(gateway, OPERATOR);
    browser.end(Buffer.concat([hello, last, last, goodbye]));
    await ended;
    expect(Buffer.concat(taken.slice(1))).toEqual(Buffer.concat([last, last, goodbye]));
    slow.destroy();
  });

  test('is granted the filters that it may read, each answer in its place', async () => {
    const ada = await online(page(OPERATOR));
    const wanted = [
      'outrider/barn/rover/#',
      'outrider/barn/#',
      'outrider/barn/placement/+',
      '#',
      'outrider/barn/host/+/request/+',
      '$share/a/#',
    ];
    const { grants, refused } = await new Promise<{ grants: (number | undefined)[]; refused: unknown }>((resolve) => {
      ada.subscribe(wanted, { qos: 1 }, (error, given = [], packet) =>
        resolve({ grants: (packet?.granted as number[] | undefined) ?? given.map(({ qos }) => qos), refused: error }),
      );
    });
    expect(refused).not.toBe(undefined);
    expect(grants).toEqual([1, 128, 1, 128, 128, 128]);
    const got: string[] = [];
    ada.on('message', (topic) => got.push(topic));
    await site.publishAsync('outrider/barn/host/edge-1/request/reserve', 'secret', { qos: 1 });
    await site.publishAsync('outrider/barn/rover/r/state', 'x', { qos: 1 });
    await expect.poll(() => got).toEqual(['outrider/barn/rover/r/state']);
    await expect(ada.subscribeAsync('outrider/barn/offload/#')).rejects.toThrow();
  });

  test('does not push another one off that has the same id, nor a part of the site', async () => {
    const pages = await Promise.all([OPERATOR, OPERATOR, VIEWER].map((identity) => online(page(identity))));
    const got: number[] = [];
    for (const [index, one] of pages.entries()) {
      one.on('message', () => got.push(index));
      await one.subscribeAsync('outrider/barn/rover/#');
    }
    await site.publishAsync('outrider/barn/rover/r/state', 'x', { qos: 1 });
    await expect.poll(() => new Set(got)).toEqual(new Set([0, 1, 2]));
    for (const clientId of ['manager-barn', 'host-edge-1', 'gateway-x', ''])
      await expect(online(page(OPERATOR, { clientId })), clientId).rejects.toMatchObject({ code: 5 });
    expect(site.connected).toBe(true);
  });

  test.each([
    ['a rover, which has a certificate that the broker knows', { role: 'rover', name: 'r' } as const, { clientId: 'rover-r' }, 5],
    ['the site itself', { role: 'site', name: 'barn' } as const, {}, 5],
    ['a keep-alive that is too long', OPERATOR, { keepalive: 600 }, 6],
    ['no keep-alive', OPERATOR, { keepalive: 0 }, 6],
    ['another protocol', OPERATOR, { protocolVersion: 5 } as const, 1],
  ])('is refused: %s', async (_why, identity, options, code) => {
    const refused = online(page(identity, options));
    // MQTT 5 clients read the answer of an older server as malformed.
    await expect(refused).rejects.toMatchObject(code === 1 ? {} : { code });
    expect(broker.connectedClients).toBe(1);
  });

  test('hears it when the broker does not take the site', async () => {
    const open = (): Duplex => connectTcp(port, '127.0.0.1');
    const warnings: unknown[] = [];
    const logger = { ...SILENT_LOGGER, warn: (fields: object) => void warnings.push(fields) };
    relay = new GuardedRelay({ site: 'barn', open, credentials: null, clock: new SystemClock(), logger });
    for (let turn = 0; turn < 3; turn += 1) await expect(online(page(OPERATOR))).rejects.toMatchObject({ code: 4 });
    expect(warnings).toEqual([{ code: 'OUT_BUS_UNREACHABLE', problem: expect.stringContaining('return code 4') as string }]);
  });

  test('brings no credentials of its own', async () => {
    const ada = await online(page(OPERATOR, { username: 'mallory', password: 'x' }));
    await ada.publishAsync(COMMAND, 'pause', { qos: 1 });
    await expect.poll(said).toEqual([`${COMMAND} pause`]);
  });

  test('that breaks the protocol ends its own connection only', async () => {
    const other = await online(page(OPERATOR));
    const hello = generate({ cmd: 'connect', clientId: 'dashboard-2', clean: true, keepalive: 10 });
    const odd = {
      'no CONNECT first': [Buffer.from('300500026162', 'hex')],
      'a second CONNECT': [hello, hello],
      'what only servers send': [hello, Buffer.from('20020000', 'hex')],
      'a type that is none': [hello, Buffer.from('f000', 'hex')],
      'a wildcard in a topic': [hello, Buffer.concat([Buffer.from('3021001f', 'hex'), Buffer.from('outrider/barn/mission/+/command')])],
      'a subscription without filters': [hello, Buffer.from('82020001', 'hex')],
      'a packet of 4 MiB': [hello, Buffer.from('3080808002', 'hex')],
    };
    for (const [what, packets] of Object.entries(odd)) {
      const [browser, gateway] = connection();
      relay.serve(gateway, OPERATOR);
      const gone = new Promise<string>((resolve) => void browser.once('close', () => resolve(what)));
      browser.resume();
      for (const packet of packets) browser.write(packet);
      expect(await gone).toBe(what);
    }
    await other.publishAsync(COMMAND, 'pause', { qos: 1 });
    await expect.poll(said).toEqual([`${COMMAND} pause`]);
  });

  test('that does not read makes nobody buffer', async () => {
    const [browser, gateway] = connection();
    let taken = 0;
    const upstream = new Duplex({
      read: () => {
        taken += 65_536;
        setImmediate(() => upstream.push(Buffer.concat([Buffer.from('30fdff03', 'hex'), Buffer.alloc(65_533)])));
      },
      write: (_chunk, _encoding, done) => done(),
    });
    const own = new GuardedRelay({
      site: 'barn',
      open: () => upstream,
      credentials: null,
      clock: new SystemClock(),
      logger: SILENT_LOGGER,
    });
    own.serve(gateway, VIEWER);
    browser.write(generate({ cmd: 'connect', clientId: 'dashboard-2', clean: true, keepalive: 10 }));
    await expect.poll(() => upstream.isPaused()).toBe(true);
    const before = taken;
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    expect(taken).toBe(before);
    expect(taken).toBeLessThan(1_000_000);
    let read = 0;
    browser.on('data', (chunk: Buffer) => (read += chunk.length));
    await expect.poll(() => read).toBeGreaterThan(5_000_000);
    browser.destroy();
    upstream.destroy();
  });

  test('learns that there is no broker, and is served when it is back', async () => {
    const ada = page(OPERATOR, { reconnectPeriod: 50, reconnectOnConnackError: true });
    const refusals: unknown[] = [];
    ada.on('error', (error) => refusals.push((error as { code?: unknown }).code));
    await online(ada);
    const got: string[] = [];
    ada.on('message', (_topic, payload) => got.push(payload.toString()));
    await ada.subscribeAsync('outrider/barn/rover/#');
    const gone = closed(ada);
    await broker.close();
    await gone;
    await expect.poll(() => refusals.length).toBeGreaterThan(1);
    expect(new Set(refusals)).toEqual(new Set([3]));
    broker = await startBroker(port);
    await expect.poll(() => ada.connected && site.connected).toBe(true);
    await expect
      .poll(async () => {
        await site.publishAsync('outrider/barn/rover/r/state', 'again', { qos: 1 });
        return got;
      })
      .toContain('again');
  });

  test('is not kept waiting by a broker that does not answer, and keeps nobody waiting itself', async () => {
    const hung = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const clock = new SystemClock({ speed: 50 });
    relay = new GuardedRelay({ site: 'barn', open: () => hung, credentials: null, clock, logger: SILENT_LOGGER });
    await expect(online(page(OPERATOR))).rejects.toMatchObject({ code: 3 });
    expect(hung.destroyed).toBe(true);
    const [browser, gateway] = connection();
    relay.serve(gateway, OPERATOR);
    await new Promise<void>((resolve) => void browser.once('close', () => resolve()));
  });

  test('is cut off when its user is put out', async () => {
    const [ada, eve] = await Promise.all([online(page(OPERATOR)), online(page(VIEWER))]);
    const gone = closed(ada);
    relay.cutIdentity(({ name }) => name === 'ada');
    await gone;
    await expect.poll(() => broker.connectedClients).toBe(2);
    expect(eve.connected).toBe(true);
  });
});
