// The certificate of a running site ends: it is renewed in time, new connections are shown the new one, those that stand go on.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { Authority } from '../../edge/security/authority.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { openSite, renewServer, SITE_FILES } from '../../edge/security/site-folder.ts';
import { keepServerCertificate } from '../../edge/security/server-certificate.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { type JoinedSite, joinSite } from '../../robot/join-site.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { certificateLife, certificateNames } from '../../shared/security/certificate-life.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { loadIdentity } from '../../shared/security/identity-folder.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { initLoopbackSite } from '../support/loopback-site.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
}

/** Renewed with a third of it left. */
const LIFE_SEC = 60;
const DAY_SEC = 86_400;
const SLOW_MS = 180_000;

/** Gives the server of a site folder a certificate of `lifeSec`. */
async function shortLived(siteDir: string, lifeSec: number, now: Date): Promise<void> {
  const at = (name: string): string => join(siteDir, name);
  const authority = await Authority.load(await readFile(at(SITE_FILES.caCert), 'utf8'), await readFile(at(SITE_FILES.caKey), 'utf8'));
  const cert = await readFile(at(SITE_FILES.serverCert), 'utf8');
  const leaf = { role: 'site' as const, name: 'test', addresses: certificateNames(cert), days: lifeSec / DAY_SEC };
  await writeFile(at(SITE_FILES.serverCert), await authority.renewLeaf(cert, leaf, now));
}

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a site whose certificate ends while it runs', () => {
  let folder = '';
  let siteDir = '';
  let site: LiveSite;
  let rover: JoinedSite;
  const sockets: TLSSocket[] = [];

  /** A TLS connection that stays open; whose certificate it was shown. */
  const open = async (port: number): Promise<{ readonly socket: TLSSocket; readonly serial: string }> => {
    const { tls } = await loadIdentity(join(folder, 'rover-1'));
    const socket = connect({ host: '127.0.0.1', port, ...tls });
    sockets.push(socket);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return { socket, serial: socket.getPeerCertificate().serialNumber };
  };
  const portOf = (url: string | null | undefined): number => Number(new URL(url ?? '').port);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-server-'));
    siteDir = join(folder, 'site');
    await initLoopbackSite(siteDir);
    await shortLived(siteDir, LIFE_SEC, new Date());
    site = await startEdgeSite(
      defineSite({
        ...{ site: 'test', data: join(folder, 'data'), hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
        security: { folder: siteDir },
      }),
    );
  }, SLOW_MS);

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await rover?.close();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test(
    'broker, gateway, data plane and REST show the new one; what is connected goes on, over its end and a restart of the broker',
    async () => {
      const first = new X509Certificate(await readFile(join(siteDir, SITE_FILES.serverCert)));
      const pending = { role: 'rover' as const, id: 'rover-1', tenant: 'default', addresses: [] };
      const { token } = await inviteMember(siteDir, pending, { validSec: 60, siteUrl: site.url, now: () => new Date() });
      await enrolInto(join(folder, 'rover-1'), { token });
      const { bundle } = await buildModule('tests/fixtures/modules/tally');
      rover = await joinSite({ identity: join(folder, 'rover-1'), bundles: [bundle], mission: 'drill', bus: { reconnectSec: 0.2 } });
      const module = await rover.open<TallyHandle>('tally');
      await expect.poll(() => site.manager.resources.hosts().length, { timeout: 20_000 }).toBe(1);
      expect(await module.offload({ reason: 'test' })).toMatchObject({ outcome: 'moved', to: 'edge-1' });
      await module.handle.record('rover-1', 0);
      const instanceAddress = site.manager.resources.hosts()[0]?.instances[0]?.addresses.find((one) => one.startsWith('tls:'));
      const ports = {
        broker: portOf(site.brokerUrl),
        gateway: portOf(site.url),
        rest: portOf(site.hosts[0]?.rest),
        data: Number(/:(\d+)$/.exec(instanceAddress ?? '')?.[1]),
      };
      const before = await Promise.all(Object.values(ports).map(open));
      expect(before.map(({ serial }) => serial)).toEqual(before.map(() => first.serialNumber));
      let broken = 0;
      rover.bus.onConnectionChange((connected) => (broken += connected ? 0 : 1));

      for (const [name, port] of Object.entries(ports))
        await expect
          .poll(async () => (await open(port)).serial, { timeout: 90_000, interval: 500, message: name })
          .not.toBe(first.serialNumber);
      const now = new X509Certificate(await readFile(join(siteDir, SITE_FILES.serverCert)));
      for (const port of Object.values(ports)) expect((await open(port)).serial).toBe(now.serialNumber);
      expect(now.publicKey.equals(first.publicKey)).toBe(true);

      // The old one ends; the rover's connection to the broker is still the same, and calls go on.
      const endsMs = certificateLife(first.toString()).until.getTime();
      await expect.poll(() => Date.now() > endsMs, { timeout: 90_000 }).toBe(true);
      expect(await module.handle.record('rover-1', 1)).toBe(2);
      expect(broken).toBe(0);

      // Everything of the site connects anew by the new certificate: manager, host and rover.
      await site.stopBroker();
      await site.startBroker();
      expect((await open(ports.broker)).serial).toBe(now.serialNumber);
      await expect.poll(() => rover.bus.connected && site.manager.resources.hosts().length, { timeout: 30_000 }).toBe(1);
      expect(await module.handle.record('rover-1', 2)).toBe(3);
    },
    SLOW_MS,
  );
});

describe('the keeper of the site’s certificate', () => {
  test('takes what was renewed by hand, complains once an hour where the CA is kept elsewhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrider-keeper-'));
    const siteDir = join(folder, 'site');
    const madeMs = Date.parse('2026-01-01');
    await initLoopbackSite(siteDir, new Date(madeMs));
    await shortLived(siteDir, DAY_SEC, new Date(madeMs));
    const key = join(siteDir, SITE_FILES.caKey);
    await rename(key, `${key}.away`);
    const security = await openSite(siteDir);
    let atSec = 0;
    let look = async (): Promise<void> => undefined;
    let stopped = false;
    const clock = {
      nowSec: () => atSec,
      every: (_periodSec: number, fn: () => Promise<void>) => {
        look = fn;
        return { stop: () => void (stopped = true) };
      },
    } as unknown as Clock;
    const lookAt = (hours: number): Promise<void> => {
      atSec = hours * 3600;
      return look();
    };
    const warned: string[] = [];
    const ignore = (): void => undefined;
    const logger: Logger = {
      debug: ignore,
      info: ignore,
      warn: (_fields, text) => void warned.push(text),
      error: ignore,
      child: () => logger,
    };
    let renewals = 0;
    const old = security.tls.cert;
    const now = (): Date => new Date(madeMs + 0.5 * DAY_SEC * 1000 + atSec * 1000);
    const stop = keepServerCertificate({ security, clock, logger, renewed: () => (renewals += 1), now });

    await lookAt(3);
    expect({ renewals, warned: warned.length }).toEqual({ renewals: 0, warned: 0 });
    // With a third of it left it is due.
    await lookAt(4.5);
    await lookAt(5.4);
    expect(warned).toHaveLength(1);
    await lookAt(5.6);
    expect(warned).toHaveLength(2);
    await rename(`${key}.away`, key);
    await renewServer(siteDir, now(), true);
    await rename(key, `${key}.away`);
    await lookAt(5.7);
    await lookAt(5.8);
    expect(renewals).toBe(1);
    expect(security.tls.cert).not.toBe(old);
    stop();
    expect(stopped).toBe(true);
    await rm(folder, { recursive: true, force: true });
  });
});
