// A live site with TLS and members of several fleets, for tests that attack it: an honest rover at work, and the credentials of others.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { startEdgeSite } from '../../edge/start-site.ts';
import { instanceKey, issueToken } from '../../edge/tokens.ts';
import { type JoinedSite, joinSite } from '../../robot/join-site.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { enrol } from '../../shared/security/enrol.ts';
import { type Identity, saveIdentity } from '../../shared/security/identity-folder.ts';
import type { MemberRole } from '../../shared/security/member-roles.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { NOWHERE } from '../../bench/support/nowhere.ts';
import { initLoopbackSite } from './loopback-site.ts';

export interface HostileHandle {
  echo(value: number): Promise<number>;
  spin(start: number): Promise<number>;
}

export interface Tls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** For starting and ending a whole site on a busy machine [ms]. */
export const SLOW_MS = 120_000;

export type MembersSite = Awaited<ReturnType<typeof membersSite>>;

/** Rovers `honest` (at work) and `mallory`, `stranger` of another fleet, operator `ada`; `watcher` reads everything on the broker. */
export async function membersSite() {
  const folder = await mkdtemp(join(tmpdir(), 'outrider-members-'));
  const siteDir = join(folder, 'site');
  await initLoopbackSite(siteDir);
  const { bundle } = await buildModule('tests/fixtures/modules/hostile');
  const site = await startEdgeSite(
    defineSite({
      ...{ site: 'test', data: join(folder, 'data'), hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
      host: { callDeadlineMs: 500 },
      security: { folder: siteDir },
    }),
  );
  const ca = await readFile(join(siteDir, 'ca.crt'), 'utf8');
  const identities = new Map<string, Identity>();
  const joined: JoinedSite[] = [];

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

  /** A member's connection to the site, ended with it. */
  const enter = async (id: string): Promise<JoinedSite> => {
    const rover = await joinSite({ identity: join(folder, id), bundles: [bundle], mission: 'drill' });
    joined.push(rover);
    return rover;
  };

  for (const id of ['honest', 'mallory']) await take(id);
  await take('stranger', 'rover', 'other-fleet');
  await take('ada', 'operator');
  const [cert, key] = await Promise.all(['server.crt', 'server.key'].map((name) => readFile(join(siteDir, name), 'utf8')));
  const watcher = await connectMqttBus({ url: site.brokerUrl, clientId: 'watcher', tls: { ca, cert: cert!, key: key! } });
  const honest = await (await enter('honest')).open<HostileHandle>('hostile', { createLocal: async () => NOWHERE });
  expect(await honest.offload({ reason: 'honest work' })).toMatchObject({ outcome: 'moved' });
  return {
    ...{ siteDir, site, bundle, ca, watcher, honest },
    ...{ identityOf, ask, rest, target, stolen, tryToken, enter },
    close: async (): Promise<void> => {
      for (const rover of joined) await rover.close();
      await watcher.close();
      await site.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
