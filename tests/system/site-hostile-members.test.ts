// Attacks on a live site's broker and data plane, by strangers and by members: each is refused with a code, and honest members do not notice.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, createAuthority } from '../../edge/security/authority.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { encodeBundle } from '../../shared/elastic/bundle.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { offloadReply } from '../../shared/protocol/offload.ts';
import { type MembersSite, membersSite, SLOW_MS } from '../support/members-site.ts';

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a site with hostile members', () => {
  let at: MembersSite;
  beforeAll(async () => {
    at = await membersSite();
  }, SLOW_MS);
  afterAll(() => at?.close(), SLOW_MS);

  test('a stranger gets no further than TLS: broker, gateway, hosts and data plane ask for a certificate or a login', async () => {
    await expect(connectMqttBus({ url: at.site.brokerUrl, clientId: 'anybody', tls: { ca: at.ca } })).rejects.toMatchObject({
      code: 'OUT_BUS_REFUSED',
    });
    for (const path of ['/', '/api/site', '/health', '/docs', '/docs/json', '/no-such-page']) {
      const answer = await at.ask(at.site.url, path, { ca: at.ca });
      expect({ path, status: answer.status, code: answer.body.code }).toEqual({ path, status: 401, code: 'OUT_SITE_LOGIN' });
    }
    expect(await at.ask(at.rest(), '/instances', { ca: at.ca })).toMatchObject({ status: 401, body: { code: 'OUT_SITE_LOGIN' } });
    expect(await at.tryToken(await at.stolen(), { ca: at.ca })).not.toBe('moved');
  });

  test('a certificate of another authority with the same names is nobody’s', async () => {
    const other = await createAuthority('test', new Date());
    const forger = await Authority.load(other.certPem, other.keyPem);
    const { certPem, keyPem } = await forger.makeLeaf({ role: 'site', name: 'test', addresses: [] }, new Date());
    const tls = { ca: at.ca, cert: certPem, key: keyPem };
    await expect(connectMqttBus({ url: at.site.brokerUrl, clientId: 'manager-test', tls })).rejects.toMatchObject({
      code: 'OUT_BUS_REFUSED',
    });
    expect((await at.ask(at.site.url, '/api/site', tls)).status).toBe(401);
    expect((await at.ask(at.rest(), '/instances', tls)).status).toBe(401);
  });

  test('a rover cannot take a connection over that is not its own', async () => {
    const { tls } = at.identityOf('mallory');
    for (const clientId of ['manager-test', 'host-edge-1', 'honest', 'rover-honest', 'watcher', 'dashboard-1']) {
      await expect(connectMqttBus({ url: at.site.brokerUrl, clientId, tls }), clientId).rejects.toMatchObject({ code: 'OUT_BUS_REFUSED' });
    }
    expect(at.watcher.connected).toBe(true);
    expect(at.site.manager.resources.hosts()).toHaveLength(1);
  });

  test('a rover that speaks for another is cut off, and nobody hears it', async () => {
    const heard: string[] = [];
    await at.watcher.subscribe('outrider/test/#', ({ topic, payload }) => void heard.push(`${topic} ${Buffer.from(payload).toString()}`));
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
      const bus = await connectMqttBus({
        url: at.site.brokerUrl,
        clientId: 'doctor-mallory',
        tls: at.identityOf('mallory').tls,
        reconnectSec: 60,
      });
      const cut = new Promise<void>((resolve) => bus.onConnectionChange((connected) => connected || resolve()));
      void bus.publish(`outrider/test/${lie}`, 'forged', { qos: 1, retain: true }).catch(() => undefined);
      await cut;
      await bus.close();
    }
    const sentinel = new Promise<void>((resolve) => void at.watcher.subscribe('outrider/test/sentinel', () => resolve()));
    await at.watcher.publish('outrider/test/sentinel', 'now', { qos: 1 });
    await sentinel;
    expect(heard.filter((line) => line.endsWith('forged'))).toEqual([]);
  });

  test('a rover hears neither what is said to others nor what is said to hosts', async () => {
    const bus = await connectMqttBus({ url: at.site.brokerUrl, clientId: 'doctor-mallory', tls: at.identityOf('mallory').tls });
    const refusals = ['offload/reply/honest', 'host/+/command', 'host/edge-1/reply/+', '#', 'data/#'].map((filter) =>
      bus.subscribe(`outrider/test/${filter}`, () => undefined),
    );
    for (const refusal of await Promise.allSettled(refusals)) {
      expect(refusal).toMatchObject({ status: 'rejected', reason: { code: 'OUT_BUS_REFUSED' } });
    }
    await bus.close();
  }, 30_000);

  test('a stolen token is worth nothing with another’s certificate', async () => {
    const token = await at.stolen();
    expect(await at.tryToken(token, at.identityOf('mallory').tls)).not.toBe('moved');
    expect(await at.tryToken(token, at.identityOf('ada').tls)).not.toBe('moved');
    expect(await at.tryToken(`honest.${randomBytes(32).toString('base64url')}`, at.identityOf('honest').tls)).not.toBe('moved');
    // It was the token, and would have been enough with the right one.
    expect(await at.tryToken(token, at.identityOf('honest').tls)).toBe('moved');
    expect(await at.honest.handle.echo(1)).toBe(1);
  });

  test('another fleet’s rover finds no instance that is not its own, and can end none', async () => {
    const rover = await at.enter('stranger');
    const { instance, epoch } = at.target();
    const endpoint = { hostId: 'edge-1', instanceId: instance, epoch, token: 'none', connect: () => Promise.reject(new Error('not used')) };
    expect(await rover.edge.locate(endpoint)).toBe('unknown');
    await rover.edge.release(endpoint);
    expect(await at.honest.handle.echo(2)).toBe(2);
    expect(at.target().instance).toBe(instance);
  });

  test('a request that is sent again is answered again, and done once; one that is replayed by another is not heard', async () => {
    const { tls, credential } = at.identityOf('mallory');
    const bus = await connectMqttBus({ url: at.site.brokerUrl, clientId: 'doctor-mallory', tls });
    const answers: string[] = [];
    await new MessageChannel(bus, SILENT_LOGGER).on(
      offloadReply,
      { site: 'test', rover: 'mallory' },
      (reply) => void answers.push(JSON.stringify(reply)),
    );
    const { name, version, sharing } = at.bundle.manifest;
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
      module: { name, version, digest: at.bundle.digest, sharing },
      needs: { memoryBytes: at.bundle.manifest.memoryMaxBytes, hostInterfaces: ['map-view'], accelerator: false, maxLatencyMs: null },
    };
    for (let times = 0; times < 3; times += 1)
      await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(asked), { qos: 1 });
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(3);
    expect(JSON.parse(answers[0]!)).toMatchObject({ kind: 'offers', id: 'replayed-1' });
    expect(new Set(answers).size, 'one answer, three times: one reservation').toBe(1);
    // The honest rover's request in mallory's mouth: its own topic, another's name and credential.
    const foreign = { ...asked, id: 'replayed-2', rover: 'honest', credential: at.identityOf('honest').credential };
    await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(foreign), { qos: 1 });
    const wrong = { ...asked, id: 'replayed-3', credential: at.identityOf('honest').credential };
    await bus.publish('outrider/test/offload/request/mallory', JSON.stringify(wrong), { qos: 1 });
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(4);
    expect(JSON.parse(answers[3]!)).toMatchObject({ kind: 'refused', id: 'replayed-3', code: 'OUT_EDGE_UNAUTHORIZED' });
    await bus.close();
  }, 30_000);

  test('a bundle that was changed on its way is refused by its digest', async () => {
    const { tls, credential } = at.identityOf('mallory');
    const bus = await connectMqttBus({ url: at.site.brokerUrl, clientId: 'doctor-mallory', tls });
    const tampered = new Uint8Array(encodeBundle(at.bundle));
    const middle = Math.floor(tampered.length / 2);
    tampered[middle] = (tampered[middle] ?? 0) ^ 1;
    // Another name of the same module, so that the host has not got it: the digest of what was negotiated is that of other bytes.
    const handler = new OffloadHandler({
      ...{ site: 'test', mission: 'drill', rover: 'mallory', session: 'tamper', clock: new SystemClock(), bus, credential },
      dataPlane: new TcpDataPlane({ tls: { client: tls } }),
      bundles: { get: () => ({ digest: 'ab'.repeat(32), bytes: tampered.byteLength, encoded: () => tampered }) },
    });
    await handler.start();
    const result = await handler.prepare(at.bundle.manifest, { reason: 'attack', epoch: 1 });
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(/OUT_MODULE_(TAMPERED|BUNDLE)/) as unknown });
    await handler.close();
    await bus.close();
    expect(await at.honest.handle.echo(3)).toBe(3);
  });

  test('another dialect of the protocol ends its own connection only', async () => {
    const address = new URL(at.target().addresses[0]!);
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
      const socket = connect({ host: '127.0.0.1', port: Number(address.port), ...at.identityOf('mallory').tls });
      socket.on('error', () => undefined);
      socket.once('secureConnect', () => socket.write(said));
      await new Promise<void>((resolve) => socket.resume().once('close', () => resolve()));
    }
    expect(await at.honest.handle.echo(4)).toBe(4);
  }, 30_000);
});
