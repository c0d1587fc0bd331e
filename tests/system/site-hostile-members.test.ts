// Attacks on a live site with TLS, by strangers and by members: each is refused with a code, and honest members do not notice.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { Authority, createAuthority } from '../../edge/security/authority.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { initSite, openSite } from '../../edge/security/site-folder.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { instanceKey, issueToken } from '../../edge/tokens.ts';
import { type JoinedSite, joinSite } from '../../robot/join-site.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { offloadReply } from '../../shared/protocol/offload.ts';
import { enrol } from '../../shared/security/enrol.ts';
import type { MemberRole } from '../../shared/security/enrolment-token.ts';
import { type Identity, saveIdentity } from '../../shared/security/identity-folder.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { NOWHERE } from '../support/nowhere.ts';

interface HostileHandle {
  echo(value: number): Promise<number>;
  spin(start: number): Promise<number>;
}

interface Tls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

const SLOW_MS = 120_000;

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a site with hostile members', () => {
  let folder = '';
  let siteDir = '';
  let site: LiveSite;
  let bundle: ModuleBundle;
  let ca = '';
  let watcher: MessageBus;
  const identities = new Map<string, Identity>();
  const joined: JoinedSite[] = [];
  let honest: ElasticModule<HostileHandle>;

  const identityOf = (id: string): Identity => identities.get(id)!;
  const take = async (id: string, role: MemberRole = 'rover', tenant = 'default'): Promise<void> => {
    const invited = await inviteMember(
      siteDir,
      { role, id, tenant, addresses: [] },
      { validSec: 60, siteUrl: site.url, now: () => new Date() },
    );
    const identity = await enrol({ token: invited.token });
    identities.set(id, identity);
    await saveIdentity(join(folder, id), identity);
  };
  const ask = (
    base: string,
    path: string,
    tls: Tls,
    more: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown } = {},
  ): Promise<{
    readonly status: number;
    readonly body: { readonly code?: string; readonly result?: unknown };
    readonly headers: Record<string, unknown>;
  }> =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers = {}, body } = more;
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(base + path, { method, headers: { ...json, ...headers }, agent: false, ...tls }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => {
          const parsed = text.startsWith('{') ? (JSON.parse(text) as { code?: string; result?: unknown }) : {};
          resolve({ status: response.statusCode ?? 0, body: parsed, headers: response.headers });
        });
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const rest = (): string => site.hosts[0]?.rest ?? '';
  /** The instance of the honest rover. */
  const target = () => site.manager.resources.hosts()[0]!.instances.find(({ rover, state }) => rover === 'honest' && state === 'running')!;
  /** A valid token of the honest rover, as if it had been stolen from it. */
  const stolen = async (): Promise<string> => {
    const siteKey = createHash('sha256')
      .update(await readFile(join(folder, 'data', 'site.key')))
      .digest();
    return issueToken(instanceKey(siteKey, target().instance), 'honest');
  };
  /** Tries to use the honest rover's instance by `token` over a data plane with `tls`. */
  const tryToken = async (token: string, tls: Tls): Promise<string> => {
    const plane = new TcpDataPlane({ tls: { client: tls } });
    const { instance, addresses, epoch } = target();
    const forged: RemoteSite = {
      reachable: true,
      prepare: async () => ({
        kind: 'redirect',
        endpoint: { hostId: 'edge-1', instanceId: instance, epoch, token, connect: () => plane.connect(addresses[0]!) },
        report: { hostId: 'edge-1', stepsMs: {}, bundleBytesSent: 0, warm: true },
      }),
      locate: async () => null,
      release: async () => undefined,
    };
    const thief = new ElasticModule<HostileHandle>({
      manifest: bundle.manifest,
      channelId: `thief-${randomBytes(4).toString('hex')}`,
      clock: new SystemClock(),
      site: forged,
      reconnectSec: 0.2,
      createLocal: async () => NOWHERE,
    });
    await thief.start();
    const { outcome } = await thief.offload({ reason: 'theft' });
    await thief.close();
    return outcome;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-members-'));
    siteDir = join(folder, 'site');
    const local = { listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 };
    await initSite(siteDir, { name: 'test', hosts: [], now: new Date(), ...local });
    bundle = (await buildModule('tests/fixtures/modules/hostile')).bundle;
    site = await startEdgeSite(
      defineSite({
        ...{ site: 'test', data: join(folder, 'data'), hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
        host: { callDeadlineMs: 500 },
        security: { folder: siteDir },
      }),
    );
    ca = await readFile(join(siteDir, 'ca.crt'), 'utf8');
    for (const id of ['honest', 'mallory']) await take(id);
    await take('stranger', 'rover', 'other-fleet');
    await take('ada', 'operator');
    const [cert, key] = await Promise.all(['server.crt', 'server.key'].map((name) => readFile(join(siteDir, name), 'utf8')));
    watcher = await connectMqttBus({ url: site.brokerUrl, clientId: 'watcher', tls: { ca, cert: cert!, key: key! } });
    const rover = await joinSite({ identity: join(folder, 'honest'), bundles: [bundle], mission: 'drill' });
    joined.push(rover);
    honest = await rover.open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
    expect(await honest.offload({ reason: 'honest work' })).toMatchObject({ outcome: 'moved' });
  }, SLOW_MS);

  afterAll(async () => {
    for (const rover of joined) await rover.close();
    await watcher?.close();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test('a stranger gets no further than TLS: broker, gateway, hosts and data plane ask for a certificate or a login', async () => {
    await expect(connectMqttBus({ url: site.brokerUrl, clientId: 'anybody', tls: { ca } })).rejects.toMatchObject({
      code: 'OUT_BUS_REFUSED',
    });
    for (const path of ['/', '/api/site', '/health', '/docs', '/docs/json', '/no-such-page']) {
      const answer = await ask(site.url, path, { ca });
      expect({ path, status: answer.status, code: answer.body.code }).toEqual({ path, status: 401, code: 'OUT_SITE_LOGIN' });
    }
    expect(await ask(rest(), '/instances', { ca })).toMatchObject({ status: 401, body: { code: 'OUT_SITE_LOGIN' } });
    expect(await tryToken(await stolen(), { ca })).not.toBe('moved');
  });

  test('a certificate of another authority with the same names is nobody’s', async () => {
    const other = await createAuthority('test', new Date());
    const forger = await Authority.load(other.certPem, other.keyPem);
    const { certPem, keyPem } = await forger.makeLeaf({ role: 'site', name: 'test', addresses: [] }, new Date());
    const tls = { ca, cert: certPem, key: keyPem };
    await expect(connectMqttBus({ url: site.brokerUrl, clientId: 'manager-test', tls })).rejects.toMatchObject({ code: 'OUT_BUS_REFUSED' });
    expect((await ask(site.url, '/api/site', tls)).status).toBe(401);
    expect((await ask(rest(), '/instances', tls)).status).toBe(401);
  });

  test('a rover cannot take a connection over that is not its own', async () => {
    const { tls } = identityOf('mallory');
    for (const clientId of ['manager-test', 'host-edge-1', 'honest', 'rover-honest', 'watcher', 'dashboard-1']) {
      await expect(connectMqttBus({ url: site.brokerUrl, clientId, tls }), clientId).rejects.toMatchObject({ code: 'OUT_BUS_REFUSED' });
    }
    expect(watcher.connected).toBe(true);
    expect(site.manager.resources.hosts()).toHaveLength(1);
  });

  test('a rover that speaks for another is cut off, and nobody hears it', async () => {
    const heard: string[] = [];
    await watcher.subscribe('outrider/test/#', ({ topic, payload }) => void heard.push(`${topic} ${Buffer.from(payload).toString()}`));
    const lies = [
      'rover/honest/state',
      'host/edge-1/command',
      'host/edge-1/status',
      'placement/x',
      'revoked',
      'offload/request/honest',
      'mission/m/map/x',
      'mission/m/command',
    ];
    for (const lie of lies) {
      const bus = await connectMqttBus({ url: site.brokerUrl, clientId: 'mallory', tls: identityOf('mallory').tls, reconnectSec: 60 });
      const cut = new Promise<void>((resolve) => bus.onConnectionChange((connected) => connected || resolve()));
      void bus.publish(`outrider/test/${lie}`, 'forged', { qos: 1, retain: true }).catch(() => undefined);
      await cut;
      await bus.close();
    }
    const sentinel = new Promise<void>((resolve) => void watcher.subscribe('outrider/test/sentinel', () => resolve()));
    await watcher.publish('outrider/test/sentinel', 'now', { qos: 1 });
    await sentinel;
    expect(heard.filter((line) => line.endsWith('forged'))).toEqual([]);
  });

  test('a rover hears neither what is said to others nor what is said to hosts', async () => {
    const bus = await connectMqttBus({ url: site.brokerUrl, clientId: 'mallory', tls: identityOf('mallory').tls });
    const refusals = ['offload/reply/honest', 'host/+/command', 'host/edge-1/reply/+', '#', 'data/#'].map((filter) =>
      bus.subscribe(`outrider/test/${filter}`, () => undefined),
    );
    for (const refusal of await Promise.allSettled(refusals)) {
      expect(refusal).toMatchObject({ status: 'rejected', reason: { code: 'OUT_BUS_REFUSED' } });
    }
    await bus.close();
  }, 30_000);

  test('a stolen token is worth nothing with another’s certificate', async () => {
    const token = await stolen();
    expect(await tryToken(token, identityOf('mallory').tls)).not.toBe('moved');
    expect(await tryToken(token, identityOf('ada').tls)).not.toBe('moved');
    expect(await tryToken(`honest.${randomBytes(32).toString('base64url')}`, identityOf('honest').tls)).not.toBe('moved');
    // It was the token, and would have been enough with the right one.
    expect(await tryToken(token, identityOf('honest').tls)).toBe('moved');
    expect(await honest.handle.echo(1)).toBe(1);
  });

  test('another fleet’s rover finds no instance that is not its own, and can end none', async () => {
    const rover = await joinSite({ identity: join(folder, 'stranger'), bundles: [bundle], mission: 'drill' });
    joined.push(rover);
    const { instance, epoch } = target();
    const endpoint = { hostId: 'edge-1', instanceId: instance, epoch, token: 'none', connect: () => Promise.reject(new Error('not used')) };
    expect(await rover.edge.locate(endpoint)).toBeNull();
    await rover.edge.release(endpoint);
    expect(await honest.handle.echo(2)).toBe(2);
    expect(target().instance).toBe(instance);
  });

  test('a request that is sent again is answered again, and done once; one that is replayed by another is not heard', async () => {
    const { tls, credential } = identityOf('mallory');
    const bus = await connectMqttBus({ url: site.brokerUrl, clientId: 'mallory', tls });
    const answers: string[] = [];
    await new MessageChannel(bus, SILENT_LOGGER).on(
      offloadReply,
      { site: 'test', rover: 'mallory' },
      (reply) => void answers.push(JSON.stringify(reply)),
    );
    const { name, version, sharing } = bundle.manifest;
    const asked = {
      ...{
        kind: 'negotiate',
        id: 'replayed-1',
        rover: 'mallory',
        credential,
        mission: 'drill',
        reason: 'replay',
        epoch: 1,
        preferHost: null,
        excludeHost: null,
      },
      module: { name, version, digest: bundle.digest, sharing },
      needs: { memoryBytes: bundle.manifest.memoryMaxBytes, hostInterfaces: ['map-view'], accelerator: false, maxLatencyMs: null },
    };
    for (let times = 0; times < 3; times += 1)
      await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(asked), { qos: 1 });
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(3);
    expect(JSON.parse(answers[0]!)).toMatchObject({ kind: 'offers', id: 'replayed-1' });
    expect(new Set(answers).size, 'one answer, three times: one reservation').toBe(1);
    // The honest rover's request in mallory's mouth: its own topic, another's name and credential.
    const foreign = { ...asked, id: 'replayed-2', rover: 'honest', credential: identityOf('honest').credential };
    await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(foreign), { qos: 1 });
    const wrong = { ...asked, id: 'replayed-3', credential: identityOf('honest').credential };
    await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(wrong), { qos: 1 });
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(4);
    expect(JSON.parse(answers[3]!)).toMatchObject({ kind: 'refused', id: 'replayed-3', code: 'OUT_EDGE_UNAUTHORIZED' });
    await bus.close();
  }, 30_000);

  test('a bundle that was changed on its way is refused by its digest', async () => {
    const { tls, credential } = identityOf('mallory');
    const bus = await connectMqttBus({ url: site.brokerUrl, clientId: 'mallory', tls });
    const tampered = new Uint8Array(encodeBundle(bundle));
    const middle = Math.floor(tampered.length / 2);
    tampered[middle] = (tampered[middle] ?? 0) ^ 1;
    // Another name of the same module, so that the host has not got it: the digest of what was negotiated is that of other bytes.
    const handler = new OffloadHandler({
      ...{ site: 'test', mission: 'drill', rover: 'mallory', session: 'tamper', clock: new SystemClock(), bus, credential },
      dataPlane: new TcpDataPlane({ tls: { client: tls } }),
      bundles: { get: () => ({ digest: 'ab'.repeat(32), bytes: tampered.byteLength, encoded: () => tampered }) },
    });
    await handler.start();
    const result = await handler.prepare(bundle.manifest, { reason: 'attack', epoch: 1 });
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(/OUT_MODULE_(TAMPERED|BUNDLE)/) as unknown });
    await handler.close();
    await bus.close();
    expect(await honest.handle.echo(3)).toBe(3);
  });

  test('another dialect of the protocol ends its own connection only', async () => {
    const address = new URL(target().addresses[0]!);
    const frame = (bytes: readonly number[]): Buffer => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(bytes.length);
      return Buffer.concat([head, Buffer.from(bytes)]);
    };
    for (const said of [
      frame([255, 1, 2, 3]),
      frame([]),
      frame(Array.from({ length: 64 }, () => 1)),
      Buffer.from([0xff, 0xff, 0xff, 0x7f]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      const socket = connect({ host: '127.0.0.1', port: Number(address.port), ...identityOf('mallory').tls });
      socket.on('error', () => undefined);
      socket.once('secureConnect', () => socket.write(said));
      await new Promise<void>((resolve) => socket.resume().once('close', () => resolve()));
    }
    expect(await honest.handle.echo(4)).toBe(4);
  }, 30_000);

  test('names that are paths are no names', async () => {
    const operator = identityOf('ada').tls;
    for (const path of ['..%2f..%2fetc%2fpasswd', '..', '%00', 'a%2fb', `${'x'.repeat(200)}`]) {
      const { status } = await ask(rest(), `/instances/${path}`, operator);
      expect([400, 404, 414], path).toContain(status);
    }
    const { registry } = await openSite(siteDir);
    for (const id of ['../ca', 'a/b', '', '.', 'x'.repeat(65), 'a\0b']) await expect(registry.member('rover', id)).rejects.toThrow();
    const file = await ask(site.url, '/..%2f..%2f..%2f..%2fetc%2fpasswd', operator);
    expect([401, 403, 404]).toContain(file.status);
  });

  describe('the REST API of a host', () => {
    const invoke = (fn: string, body: unknown, tls: Tls, headers: Record<string, string> = {}) =>
      ask(rest(), `/instances/${target().instance}/invoke/${fn}`, tls, { method: 'POST', body, headers });

    test('calls a typed function for an operator, and for the rover whose instance it is', async () => {
      expect(await invoke('echo', { value: 2.5 }, identityOf('ada').tls)).toMatchObject({ status: 200, body: { result: 2.5 } });
      expect(await invoke('echo', { value: 'NaN' }, identityOf('ada').tls)).toMatchObject({ status: 200, body: { result: 'NaN' } });
      expect(await invoke('echo', { value: 1 }, identityOf('honest').tls)).toMatchObject({ status: 200, body: { result: 1 } });
      const shown = await ask(rest(), `/instances/${target().instance}/interface`, identityOf('ada').tls);
      expect(shown).toMatchObject({ status: 200, body: { module: 'hostile' } });
    });

    test('takes the token of the instance, in its rover’s hands alone', async () => {
      const bearer = { authorization: `Bearer ${await stolen()}` };
      expect((await invoke('echo', { value: 1 }, { ca }, bearer)).status).toBe(200);
      expect(await invoke('echo', { value: 1 }, identityOf('mallory').tls, bearer)).toMatchObject({
        status: 403,
        body: { code: 'OUT_EDGE_UNAUTHORIZED' },
      });
      const forged = { authorization: `Bearer honest.${randomBytes(32).toString('base64url')}` };
      expect((await invoke('echo', { value: 1 }, { ca }, forged)).status).toBe(403);
      // A token makes nobody more than a rover.
      expect((await invoke('echo', { value: 1 }, identityOf('ada').tls, forged)).status).toBe(403);
    });

    test('refuses everybody else, wrong arguments, and functions that are not there', async () => {
      expect((await invoke('echo', { value: 1 }, { ca })).status).toBe(401);
      expect((await invoke('echo', { value: 1 }, identityOf('mallory').tls)).status).toBe(403);
      expect((await ask(rest(), '/instances', identityOf('honest').tls)).status).toBe(401);
      const stop = await ask(rest(), `/instances/${target().instance}`, identityOf('honest').tls, { method: 'DELETE' });
      expect(stop.status).toBe(401);
      for (const body of [{}, { value: 'x' }, { value: 1, more: 2 }, { value: null }, { value: { __proto__: null } }]) {
        expect(await invoke('echo', body, identityOf('ada').tls)).toMatchObject({ status: 400, body: { code: 'OUT_MODULE_VALUE' } });
      }
      expect(await invoke('nothing', {}, identityOf('ada').tls)).toMatchObject({ status: 404, body: { code: 'OUT_EDGE_UNKNOWN' } });
      const foreignPage = { origin: 'https://elsewhere.example' };
      expect((await invoke('echo', { value: 1 }, identityOf('ada').tls, foreignPage)).status).toBe(401);
    });

    test('ends a call that does not come back, with its code', async () => {
      const rover = await joinSite({ identity: join(folder, 'mallory'), bundles: [bundle], mission: 'drill' });
      joined.push(rover);
      const spinning = await rover.open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
      expect((await spinning.offload({ reason: 'attack' })).outcome).toBe('moved');
      const own = () =>
        site.manager.resources.hosts()[0]?.instances.find(({ rover: owner, state }) => owner === 'mallory' && state === 'running');
      await expect.poll(() => own()?.instance, { timeout: 10_000 }).toBeTypeOf('string');
      const answer = await ask(rest(), `/instances/${own()?.instance}/invoke/spin`, identityOf('ada').tls, {
        method: 'POST',
        body: { start: 1 },
      });
      expect(answer).toMatchObject({ status: 504, body: { code: 'OUT_EDGE_DEADLINE' } });
      expect(await honest.handle.echo(5)).toBe(5);
    }, 30_000);
  });

  test('a login opens the gateway by password and then by session; a viewer may only look', async () => {
    const { logins } = await openSite(siteDir);
    const basic = (name: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` });
    const password = await logins.create('grace', 'operator');
    const viewing = await logins.create('eve', 'viewer');
    const welcome = await ask(site.url, '/api/site', { ca }, { headers: basic('grace', password) });
    expect(welcome.status).toBe(200);
    const [cookie] = String(welcome.headers['set-cookie']).split(';');
    expect(String(welcome.headers['set-cookie'])).toMatch(/Secure; HttpOnly; SameSite=Strict/);
    expect((await ask(site.url, '/api/site', { ca }, { headers: { cookie: cookie! } })).status).toBe(200);
    for (const wrong of [basic('grace', 'guess'), basic('nobody', password), { cookie: `${cookie}x` }, { authorization: 'Basic !!!' }]) {
      expect((await ask(site.url, '/api/site', { ca }, { headers: wrong })).status).toBe(401);
    }
    const drain = { method: 'POST', headers: basic('eve', viewing) };
    expect((await ask(site.url, '/api/site', { ca }, { headers: basic('eve', viewing) })).status).toBe(200);
    expect((await ask(site.url, '/api/hosts/edge-1/drain', { ca }, drain)).status).toBe(401);
    const lured = { method: 'POST', headers: { cookie: cookie!, origin: 'https://elsewhere.example' } };
    expect((await ask(site.url, '/api/hosts/edge-1/drain', { ca }, lured)).status).toBe(401);
  });
});
