// A rover that reaches the broker but not the hosts' ports, as behind a firewall: its modules are used over MQTT, over TCP as soon as that
// goes, and back; callers notice nothing. At a site with TLS no other rover can read or write what passes.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defineSite, type SiteConfigInput } from '../../edge/config.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { initSite } from '../../edge/security/site-folder.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { type JoinedSite, joinSite, type JoinOptions } from '../../robot/join-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

/** An address of this machine at which nothing listens, whatever port: what is announced there cannot be reached, until a proxy stands there. */
const CLOSED = '127.0.0.77';

describe.skipIf(!existsSync('dist/edge/host/process.js'))('modules over the broker', () => {
  let folder = '';
  let bundle: ModuleBundle;
  const undo: (() => Promise<unknown>)[] = [];
  /** Messages of the data plane that passed the broker. */
  let passed = 0;

  beforeAll(async () => {
    bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
  }, 60_000);
  afterEach(async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  }, 30_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function site(config: SiteConfigInput): Promise<LiveSite> {
    folder = folder === '' ? await mkdtemp(join(tmpdir(), 'outrider-over-broker-')) : folder;
    const common = { site: 'test', data: join(folder, 'data'), hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' as const };
    const started = await startEdgeSite(defineSite({ ...common, advertise: CLOSED, ...config }));
    undo.push(() => started.close());
    return started;
  }
  async function rover(options: Omit<JoinOptions, 'bundles' | 'mission'>): Promise<[ElasticModule<TallyHandle>, JoinedSite]> {
    const joined = await joinSite({ ...options, bundles: [bundle], mission: 'drill' });
    undo.push(() => joined.close());
    return [await joined.open<TallyHandle>('tally', { upgradeEverySec: 0.25 }), joined];
  }
  async function count(bus: MessageBus): Promise<void> {
    passed = 0;
    await bus.subscribe('outrider/test/data/#', () => (passed += 1));
  }
  /** Opens the way to the one instance that runs. */
  async function open(live: LiveSite): Promise<TcpProxy> {
    const [address = ''] = live.manager.resources.hosts()[0]?.instances.find(({ state }) => state === 'running')?.addresses ?? [];
    const { hostname, port } = new URL(address.replace(/^tcp:/, 'http:'));
    expect(hostname).toBe(CLOSED);
    const proxy = await startTcpProxy(() => [Number(port)], { host: CLOSED, port: Number(port) });
    undo.push(() => proxy.close());
    return proxy;
  }

  test('a rover offloads though no port of the host answers, moves to TCP when one does, and back when it closes', async () => {
    const live = await site({});
    const watcher = await connectMqttBus({ url: live.brokerUrl, clientId: 'watcher' });
    undo.push(() => watcher.close());
    await count(watcher);
    const [module] = await rover({ rover: 'rover-1', broker: live.brokerUrl, site: 'test' });
    const numbers: number[] = [];
    const failed: string[] = [];
    let answered = 0;
    const record = (): void => {
      const number = numbers.push(numbers.length) - 1;
      module.handle.record('rover-1', number).then(
        () => (answered += 1),
        (error: Error) => failed.push(error.message),
      );
    };
    const ways: string[] = [];
    module.on('lost', () => ways.push('lost'));
    record();
    expect(await module.offload({ reason: 'drill' })).toMatchObject({ outcome: 'moved', to: 'edge-1' });
    expect(passed).toBeGreaterThan(4);
    const timer = setInterval(record, 10);
    undo.push(async () => clearInterval(timer));
    const byMqtt = passed;
    await expect.poll(() => passed, { timeout: 10_000 }).toBeGreaterThan(byMqtt + 50);

    // The port opens: the direct way is taken while calls go on, and the broker carries no more of them.
    const proxy = await open(live);
    const quiet = async (): Promise<boolean> => {
      const [before, calls] = [passed, answered];
      await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(calls + 20);
      return passed === before;
    };
    await expect.poll(quiet, { timeout: 20_000 }).toBe(true);
    expect(ways).toEqual([]);

    // It closes again: the connection breaks, and the module is reached over the broker.
    proxy.block(true);
    const direct = passed;
    await expect.poll(() => passed, { timeout: 20_000 }).toBeGreaterThan(direct + 50);
    clearInterval(timer);
    await expect.poll(() => answered, { timeout: 20_000 }).toBe(numbers.length);
    expect(failed).toEqual([]);
    expect(await module.handle.of('rover-1')).toEqual(numbers);
    expect(module.placement).toMatchObject({ kind: 'edge', hostId: 'edge-1' });
    expect(await module.recall({})).toMatchObject({ outcome: 'moved' });
    expect(await module.handle.of('rover-1')).toEqual(numbers);
  }, 120_000);

  test('at a site with TLS another rover can neither listen to such a connection nor speak in it', async () => {
    folder = folder === '' ? await mkdtemp(join(tmpdir(), 'outrider-over-broker-')) : folder;
    const siteDir = join(folder, 'site');
    const place = { listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 };
    await initSite(siteDir, { name: 'test', hosts: [CLOSED], now: new Date(), ...place });
    const live = await site({ data: join(folder, 'secured'), security: { folder: siteDir } });
    const siteUrl = live.url.replace(CLOSED, '127.0.0.1');
    for (const id of ['honest', 'mallory']) {
      const pending = { role: 'rover' as const, id, tenant: 'default', addresses: [] };
      const { token } = await inviteMember(siteDir, pending, { validSec: 60, siteUrl, now: () => new Date() });
      await enrolInto(join(folder, id), { token });
    }
    const [module] = await rover({ identity: join(folder, 'honest') });
    expect(await module.offload({ reason: 'drill' })).toMatchObject({ outcome: 'moved', to: 'edge-1' });
    expect(await module.handle.record('honest', 1)).toBe(1);
    const [, mallory] = await rover({ identity: join(folder, 'mallory') });
    const base = 'outrider/test/data/edge-1/honest';
    const refusals = [`${base}/+/down`, `${base}/+/up`, 'outrider/test/data/edge-1/+/+/up', 'outrider/test/data/#'].map((filter) =>
      expect(
        mallory.bus.subscribe(filter, () => undefined),
        filter,
      ).rejects.toMatchObject({ code: 'OUT_BUS_REFUSED' }),
    );
    await Promise.all(refusals);
    // Who speaks as another is cut off; what it said reaches nobody.
    const cut = new Promise<void>((resolve) => mallory.bus.onConnectionChange((connected) => !connected && resolve()));
    await mallory.bus.publish(`${base}/forged-1/up`, Uint8Array.of(4, 1, 0, 0, 0, 104), { qos: 0 });
    await cut;
    for (let number = 2; number < 20; number += 1) expect(await module.handle.record('honest', number)).toBe(number);
    expect(await module.handle.of('honest')).toHaveLength(19);
    // Its own way is open to it.
    const [own] = await rover({ identity: join(folder, 'mallory') });
    expect(await own.offload({ reason: 'drill' })).toMatchObject({ outcome: 'moved' });
  }, 120_000);
});
