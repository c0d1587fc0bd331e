// Certificates that end while a rover and a joined host work: both renew them in time by themselves, and go on after the old ones have
// ended, on connections that are made anew. Who has no valid certificate any more, or was put out, gets none.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { FileCheckpointStore } from '../../edge/control/file-checkpoint-store.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { initSite, openSite, renewServer } from '../../edge/security/site-folder.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { type JoinedSite, joinSite } from '../../robot/join-site.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import type { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { askSite } from '../../shared/security/ask-site.ts';
import { certificateLife, certificateNames } from '../../shared/security/certificate-life.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import type { MemberRole } from '../../shared/security/member-roles.ts';
import { loadIdentity } from '../../shared/security/identity-folder.ts';
import { KEY_ALGORITHM, newKeyPair, Pkcs10CertificateRequestGenerator } from '../../shared/security/x509.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { lastJson, outrider } from './cli-process.ts';
import { initLoopbackSite } from '../support/loopback-site.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

/** Renewed with a third of it left. */
const LIFE_SEC = 45;
const SLOW_MS = 180_000;

describe.skipIf(!existsSync('dist/bin/cli.js'))('certificates that end', () => {
  let folder = '';
  let siteDir = '';
  let site: LiveSite;
  let host: RunningCommand;
  let rover: JoinedSite;
  let module: ElasticModule<TallyHandle>;

  const token = async (id: string, role: MemberRole): Promise<string> => {
    const pending = { role, id, tenant: 'default', addresses: role === 'host' ? ['127.0.0.1'] : [] };
    return (await inviteMember(siteDir, pending, { validSec: 60, siteUrl: site.url, now: () => new Date() })).token;
  };
  const serialOf = async (id: string): Promise<string> =>
    new X509Certificate(await readFile(join(folder, id, 'member.crt'), 'utf8')).serialNumber;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-renewal-'));
    siteDir = join(folder, 'site');
    await initLoopbackSite(siteDir);
    site = await startEdgeSite(
      defineSite({
        ...{ site: 'test', data: join(folder, 'data'), hosts: 0, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
        security: { folder: siteDir, memberDays: LIFE_SEC / 86_400 },
      }),
    );
  }, SLOW_MS);

  afterAll(async () => {
    await rover?.close();
    await host?.stop();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test(
    'a rover and a joined host renew theirs and go on after the old ones have ended',
    async () => {
      const join_ = ['edge', '--join', '--enroll', await token('barn-1', 'host'), '--identity', join(folder, 'barn-1')];
      host = startOutrider([...join_, '--listen', '127.0.0.1', '--data', join(folder, 'barn-data'), '--json'], folder);
      const [said] = await host.until(/^\{"site":"test","host":"barn-1".*\}$/m);
      await enrolInto(join(folder, 'rover-1'), { token: await token('rover-1', 'rover') });
      await cp(join(folder, 'rover-1'), join(folder, 'left-behind'), { recursive: true });
      const first = { rover: await loadIdentity(join(folder, 'rover-1')), host: await loadIdentity(join(folder, 'barn-1')) };
      const bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
      rover = await joinSite({ identity: join(folder, 'rover-1'), bundles: [bundle], mission: 'drill', bus: { reconnectSec: 0.2 } });
      module = await rover.open<TallyHandle>('tally');
      await expect.poll(() => site.manager.resources.hosts().map((one) => one.host), { timeout: 20_000 }).toEqual(['barn-1']);
      expect(await module.offload({ reason: 'drill' })).toMatchObject({ outcome: 'moved', to: 'barn-1' });
      await module.handle.record('rover-1', 0);
      const old = new X509Certificate(first.rover.tls.cert).serialNumber;
      const oldHost = new X509Certificate(first.host.tls.cert).serialNumber;
      await expect.poll(() => serialOf('rover-1'), { timeout: 60_000 }).not.toBe(old);
      await expect.poll(() => serialOf('barn-1'), { timeout: 60_000 }).not.toBe(oldHost);
      const endsMs = Math.max(...[first.rover, first.host].map(({ tls }) => certificateLife(tls.cert).until.getTime()));
      await expect.poll(() => Date.now() > endsMs + 1000, { timeout: 60_000 }).toBe(true);

      // Everything connects anew: broker, and data plane to an instance that ran before the certificate was renewed, and to one after.
      await site.stopBroker();
      await site.startBroker();
      await expect.poll(() => rover.bus.connected, { timeout: 20_000 }).toBe(true);
      expect(await module.handle.record('rover-1', 1)).toBe(2);
      await rover.close();
      rover = await joinSite({ identity: join(folder, 'rover-1'), bundles: [bundle], mission: 'drill' });
      const second = await rover.open<TallyHandle>('tally');
      await expect.poll(() => site.manager.resources.hosts().map((one) => one.host), { timeout: 20_000 }).toEqual(['barn-1']);
      expect(await second.offload({ reason: 'again' })).toMatchObject({ outcome: 'moved', kind: 'redirect', to: 'barn-1' });
      expect(await second.handle.record('rover-1', 2)).toBe(3);
      await rover.close();
      rover = await joinSite({ identity: join(folder, 'rover-1'), bundles: [bundle], mission: 'another' });
      const third = await rover.open<TallyHandle>('tally');
      expect(await third.offload({ reason: 'fresh' })).toMatchObject({ outcome: 'moved', kind: 'offload', to: 'barn-1' });
      expect(await third.handle.record('rover-1', 3)).toBe(1);

      // The host's process dies: the next one begins with the new certificate, and with what was stored of the instance.
      const store = new FileCheckpointStore(join(folder, 'barn-data', 'checkpoints'));
      const stored = async (): Promise<object | null> => {
        const record = site.manager.book.shared('another', 'tally', 'default');
        return record === null ? null : store.latest(record.instance);
      };
      await expect.poll(stored, { timeout: 20_000 }).not.toBeNull();
      process.kill((JSON.parse(said) as { readonly pid: number }).pid, 'SIGKILL');
      await host.until(/edge host process died; starting it again/);
      await expect.poll(() => third.placement.kind, { timeout: 20_000 }).not.toBe('edge');
      await expect.poll(() => third.placement, { timeout: 40_000 }).toMatchObject({ kind: 'edge', hostId: 'barn-1' });
      expect(await third.handle.of('rover-1')).toEqual([3]);
      const { brokerUrl, tls } = first.rover;
      await expect(connectMqttBus({ url: brokerUrl, clientId: 'rover-rover-1', tls })).rejects.toMatchObject({ code: 'OUT_BUS_REFUSED' });
    },
    SLOW_MS,
  );

  test(
    'by command: an operator’s; none for another key, for one that was put out, and for one that has ended',
    async () => {
      const ada = join(folder, 'ada');
      await enrolInto(ada, { token: await token('ada', 'operator') });
      const before = await serialOf('ada');
      const { until } = lastJson<{ until: string }>(await outrider('site', 'renew', '--identity', ada, '--json'));
      expect(Date.parse(until)).toBeGreaterThan(Date.now());
      expect(await serialOf('ada')).not.toBe(before);
      const { id, gatewayUrl, tls } = await loadIdentity(ada);
      const { keys } = await newKeyPair();
      const name = [{ CN: [id] }, { OU: ['operator'] }];
      const csr = (await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: KEY_ALGORITHM })).toString('pem');
      const ask = { method: 'POST' as const, body: { csr, nowSec: Date.now() / 1000 } };
      await expect(askSite(new URL('/api/renew', gatewayUrl), { ...ask, tls })).rejects.toMatchObject({ code: 'OUT_SITE_TOKEN_OTHER' });
      await expect(askSite(new URL('/api/renew', gatewayUrl), { ...ask, tls: { ca: tls.ca } })).rejects.toMatchObject({
        code: 'OUT_SITE_LOGIN',
      });
      await expect(askSite(new URL('/api/renew', gatewayUrl), { ...ask, body: {}, tls })).rejects.toThrow();

      await (await openSite(siteDir)).registry.revoke('operator', 'ada');
      const putOut = await outrider('site', 'renew', '--identity', ada);
      expect(putOut.exitCode).toBe(1);
      expect(putOut.stderr).toContain('OUT_SITE_LOGIN: ');

      const ended = await outrider('site', 'renew', '--identity', join(folder, 'left-behind'));
      expect(ended.exitCode).toBe(1);
      expect(ended.stderr).toMatch(/OUT_SITE_(LOGIN|CLOCK): /);
      expect((await outrider('site', 'renew')).stderr).toContain('OUT_CLI_USAGE: ');
    },
    SLOW_MS,
  );

  test('the site’s own is renewed for the same key and names when a third of its time is left, or when it is asked for', async () => {
    const old = join(folder, 'old-site');
    const dayMs = 86_400_000;
    const made = new Date(Date.now() - 560 * dayMs);
    const place = { listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 };
    await initSite(old, { name: 'old', hosts: ['barn.local'], now: made, ...place });
    const before = (await openSite(old)).tls.cert;
    expect(await renewServer(old, new Date(made.getTime() + 540 * dayMs))).toBe(false);
    expect(await renewServer(old, new Date())).toBe(true);
    const after = (await openSite(old)).tls.cert;
    expect(certificateNames(after)).toEqual(certificateNames(before));
    expect(certificateNames(after)).toContain('barn.local');
    expect(new X509Certificate(after).publicKey.equals(new X509Certificate(before).publicKey)).toBe(true);
    expect(new X509Certificate(after).subject).toBe(new X509Certificate(before).subject);
    expect(certificateLife(after).until.getTime()).toBeGreaterThan(certificateLife(before).until.getTime() + 500 * dayMs);
    expect(await renewServer(old, new Date())).toBe(false);
    const { exitCode, stdout } = await outrider('site', 'renew', '--dir', old);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('certificate until') as string });
  });
});
