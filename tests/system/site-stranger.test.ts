// A stranger's path, in processes of its own as a reader of docs/site.md would type it: make a site, run it, bring a rover in with a token,
// watch it work over TLS, and be told what is wrong at every wrong step.
import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { type HostPresent, hostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import { roverPresence, roverState, type RoverState } from '../../shared/protocol/rover.ts';
import { enrol } from '../../shared/security/enrol.ts';
import { decodeToken, encodeToken, hashSecret } from '../../shared/security/enrolment-token.ts';
import { loadIdentity, saveIdentity } from '../../shared/security/identity-folder.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { lastJson, outrider, REPOSITORY } from './cli-process.ts';

interface Invited {
  readonly token: string;
  readonly expiresAt: string;
}

const SLOW_MS = 120_000;

describe.skipIf(!existsSync('dist/bin/cli.js'))('a stranger’s path', () => {
  let folder = '';
  let siteDir = '';
  let edge: RunningCommand;
  let robot: RunningCommand | null = null;
  let watcher: MessageBus;
  let channel: MessageChannel;
  let url = '';
  let broker = '';
  const states: RoverState[] = [];
  const present = new Map<string, HostPresent>();
  const gone: string[] = [];

  const token = async (id: string, ...more: readonly string[]): Promise<string> =>
    lastJson<Invited>(await outrider('site', 'enroll', id, '--dir', siteDir, '--site-url', url, '--json', ...more)).token;
  /** Runs a command that must fail with `code` and a way out; gives what it said. */
  const refused = async (code: ErrorCode, ...args: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await outrider(...args);
    expect(stderr).toContain(`${code}: `);
    expect(stderr).not.toMatch(/^\s+at .+[:)]/m);
    expect(exitCode).toBe(code === 'OUT_CLI_USAGE' ? 2 : 1);
    return stderr;
  };
  const join_ = (name: string, ...args: readonly string[]): readonly string[] => [
    'robot',
    '--sim',
    '--identity',
    join(folder, name),
    ...args,
  ];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-stranger-'));
    siteDir = join(folder, 'site');
    const local = ['--listen', '127.0.0.1', '--advertise', '127.0.0.1', '--port', '0', '--mqtt-port', '0'];
    expect((await outrider('site', 'init', siteDir, '--name', 'test', ...local)).exitCode).toBe(0);
    edge = startOutrider(['edge', '--config', join(siteDir, 'site.yaml'), '--json'], folder);
    const [line] = await edge.until(/^\{.*\}$/m);
    ({ url, broker } = JSON.parse(line) as { url: string; broker: string });
    const [ca, cert, key] = await Promise.all(['ca.crt', 'server.crt', 'server.key'].map((name) => readFile(join(siteDir, name), 'utf8')));
    watcher = await connectMqttBus({ url: broker, clientId: 'watcher', tls: { ca: ca!, cert: cert!, key: key! } });
    channel = new MessageChannel(watcher, SILENT_LOGGER);
    await channel.on(roverState, { site: 'test' }, (state) => void states.push(state));
    await channel.on(roverPresence, { site: 'test' }, ({ rover, status }) => status !== 'online' && gone.push(rover));
    await channel.on(hostStatus, { site: 'test' }, (status) => void (isHostPresent(status) && present.set(status.host, status)));
  }, SLOW_MS);

  afterAll(async () => {
    await robot?.stop();
    await watcher?.close();
    await edge?.stop();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test('keys and the registry are the owner’s alone, and a second init overwrites nothing', async () => {
    for (const name of ['ca.key', 'server.key', 'module-signing.key']) expect((await stat(join(siteDir, name))).mode & 0o077, name).toBe(0);
    expect(url).toMatch(/^https:/);
    expect(broker).toMatch(/^mqtts:/);
    expect(await refused('OUT_SITE_EXISTS', 'site', 'init', siteDir)).toContain(siteDir);
  });

  test(
    'a rover joins with its token, its telemetry flows, and its modules move over TLS',
    async () => {
      const given = await token('rover-1');
      robot = startOutrider(join_('rover-1', '--enroll', given), folder);
      await robot.until(/enrolled as rover rover-1 of site test/);
      await expect.poll(() => states.filter(({ rover }) => rover === 'rover-1').length, { timeout: 60_000 }).toBeGreaterThan(5);
      const shared = () =>
        [...present.values()]
          .flatMap(({ instances }) => instances)
          .find(({ module, state, connected }) => module.sharing === 'shared' && state === 'running' && connected > 0);
      await expect.poll(() => shared()?.addresses[0], { timeout: 60_000 }).toMatch(/^tls:\/\/127\.0\.0\.1:\d+$/);
      await expect
        .poll(() => states.at(-1)?.modules.some(({ placement, calls }) => placement.startsWith('edge-') && calls > 0), { timeout: 60_000 })
        .toBe(true);
      expect((await stat(join(folder, 'rover-1', 'member.key'))).mode & 0o077).toBe(0);

      // The token is used up, for a thief and for the rover itself.
      const again = await refused('OUT_SITE_TOKEN_USED', ...join_('thief', '--enroll', given));
      expect(again).toMatch(/used at .*\n.*--identity/);
      expect(await refused('OUT_SITE_EXISTS', ...join_('rover-1', '--enroll', given))).toContain('without --enroll');
    },
    SLOW_MS,
  );

  test(
    'a rover whose Map Server stays on board is not cut off for what its module shows',
    async () => {
      const mission = join(folder, 'onboard.yaml');
      const usual = await readFile(`${REPOSITORY}missions/search-and-rescue.yaml`, 'utf8');
      const own = usual.replace('mapServer: { placement: edge }', 'mapServer: { placement: onboard }');
      expect(own).not.toBe(usual);
      await writeFile(mission, own);
      const given = await token('rover-20');
      const other = startOutrider(['robot', '--sim', mission, '--identity', join(folder, 'rover-20'), '--enroll', given], folder);
      try {
        const mapped = ({ rover, modules }: RoverState): boolean =>
          rover === 'rover-20' &&
          modules.some(({ module, placement, calls }) => module === 'map-server' && placement === 'onboard' && calls > 3);
        await expect.poll(() => states.some(mapped), { timeout: 60_000 }).toBe(true);
        expect(gone).not.toContain('rover-20');
      } finally {
        await other.stop();
      }
    },
    SLOW_MS,
  );

  test(
    'an operator watches from a terminal with an identity of its own; without one, or with a rover’s, nobody does',
    async () => {
      const ada = join(folder, 'ada');
      expect((await outrider('site', 'join', await token('ada', '--role', 'operator'), '--identity', ada)).exitCode).toBe(0);
      const { exitCode, stdout } = await outrider('top', '--identity', ada, '--once');
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`Outrider · site test · ${broker} · manager active`);
      expect(stdout).toMatch(/^rover-1 +\w+ /m);
      expect(stdout).toMatch(/^edge-1 +online/m);
      await refused('OUT_SITE_WRONG_CA', 'top', '--broker', broker, '--site', 'test', '--once');
      expect(await refused('OUT_SITE_TOKEN_OTHER', 'top', '--identity', join(folder, 'rover-1'), '--once')).toContain('not an operator');
    },
    SLOW_MS,
  );

  test(
    'an operator drains a host; without an identity, or with a rover’s, nobody does',
    async () => {
      const ada = join(folder, 'ada');
      const drained = lastJson<{ host: string; draining: boolean }>(
        await outrider('edge', 'drain', 'edge-1', '--identity', ada, '--timeout', '1', '--json'),
      );
      expect(drained).toMatchObject({ host: 'edge-1', draining: true });
      await expect.poll(() => present.get('edge-1')?.status, { timeout: 10_000 }).toBe('draining');
      expect((await outrider('edge', 'drain', 'edge-1', '--identity', ada, '--undo')).stdout).toBe('edge-1 takes modules again\n');
      await expect.poll(() => present.get('edge-1')?.status, { timeout: 10_000 }).toBe('online');
      expect(await refused('OUT_EDGE_UNKNOWN', 'edge', 'drain', 'edge-9', '--identity', ada)).toContain('edge-1');
      expect(await refused('OUT_SITE_TOKEN_OTHER', 'edge', 'drain', 'edge-1', '--identity', join(folder, 'rover-1'))).toContain('operator');
      await refused('OUT_SITE_WRONG_CA', 'edge', 'drain', 'edge-1', '--gateway', url);
      await refused('OUT_SITE_UNREACHABLE', 'edge', 'drain', 'edge-1', '--gateway', 'http://127.0.0.1:1');
      await refused('OUT_SITE_UNREACHABLE', 'edge', 'drain', 'edge-1', '--gateway', url.replace('https:', 'http:'));
      await refused('OUT_CLI_USAGE', 'edge', 'drain', 'edge-1', '--gateway', 'somewhere');
    },
    SLOW_MS,
  );

  test(
    'a rover that is revoked is cut off, and does not come back',
    async () => {
      expect((await outrider('site', 'revoke', 'rover-1', '--dir', siteDir)).exitCode).toBe(0);
      await expect.poll(() => gone, { timeout: 20_000 }).toContain('rover-1');
      await expect
        .poll(() => [...present.values()].flatMap(({ instances }) => instances).filter(({ connected }) => connected > 0), {
          timeout: 20_000,
        })
        .toEqual([]);
      await robot?.stop();
      robot = null;
      expect(await refused('OUT_BUS_REFUSED', ...join_('rover-1'))).toMatch(/revoked/);
    },
    SLOW_MS,
  );

  describe('every wrong step has a way out', () => {
    test('a token that expired', async () => {
      const given = await token('rover-2', '--expires', '30m');
      const file = join(siteDir, 'registry', 'tokens', `${hashSecret(decodeToken(given).secret)}.json`);
      await writeFile(file, (await readFile(file, 'utf8')).replace(/"expiresAt":"[^"]+"/, '"expiresAt":"2026-01-01T00:00:00.000Z"'));
      expect(await refused('OUT_SITE_TOKEN_EXPIRED', ...join_('late', '--enroll', given))).toContain('--expires');
    });

    test('a token that was cut, changed, or is none', async () => {
      const given = await token('rover-4');
      for (const wrong of [given.slice(0, -3), `${given}x`, given.replace('outrider1', 'outrider2'), 'hello', given.replace(/\../, '.f')]) {
        expect(await refused('OUT_SITE_TOKEN', ...join_('cut', '--enroll', wrong))).toContain('outrider site enroll');
      }
    });

    test('a token whose secret is not known, and one for another rover', async () => {
      const given = decodeToken(await token('rover-5'));
      const forged = encodeToken({ ...given, secret: 'A'.repeat(43) });
      await refused('OUT_SITE_TOKEN_UNKNOWN', ...join_('forged', '--enroll', forged));
      expect(await refused('OUT_SITE_TOKEN_OTHER', ...join_('other', '--enroll', encodeToken(given), '--id', 'rover-6'))).toContain(
        'rover-5',
      );
      // Changing the name in the token does not help: the site knows whom its secret is for. And the token still works for the right one.
      await refused('OUT_SITE_TOKEN_OTHER', ...join_('other', '--enroll', encodeToken({ ...given, id: 'rover-6' })));
      expect((await enrol({ token: encodeToken(given) })).id).toBe('rover-5');
    });

    test('a server of another site, or no server', async () => {
      const given = await token('rover-7');
      const elsewhere = encodeToken({ ...decodeToken(given), ca: 'ab'.repeat(32) });
      expect(await refused('OUT_SITE_WRONG_CA', ...join_('wrong', '--enroll', elsewhere))).toContain('--site-url');
      expect(await refused('OUT_SITE_UNREACHABLE', ...join_('nobody', '--enroll', given, '--site-url', 'https://127.0.0.1:1'))).toContain(
        'ECONNREFUSED',
      );
      await refused('OUT_CLI_USAGE', ...join_('plain', '--enroll', given, '--site-url', 'http://127.0.0.1:8080'));
    });

    test('a server that is called by a name that its certificate does not hold for', async () => {
      const given = await token('rover-8');
      const error = await enrol({ token: given, siteUrl: url.replace('127.0.0.1', '127.0.0.2') }).catch((thrown: Error) => thrown);
      // Where the whole of 127/8 is loopback the server listens on 127.0.0.1 alone: nobody there is as good an answer.
      expect(error).toMatchObject({ code: expect.stringMatching(/^OUT_SITE_(NAME|UNREACHABLE)$/) as unknown });
    });

    test('a clock that is wrong, before the token is used up', async () => {
      const given = await token('rover-9');
      const slow = enrol({ token: given, now: () => new Date(Date.now() - 3600_000) });
      await expect(slow).rejects.toMatchObject({ code: 'OUT_SITE_CLOCK', message: expect.stringMatching(/36\d\d s behind/) as unknown });
      expect((await enrol({ token: given })).id).toBe('rover-9');
    });

    test('a member of a reserved name, one that is in already, and a site folder that is none', async () => {
      await refused('OUT_CLI_USAGE', 'site', 'enroll', 'manager-test', '--dir', siteDir);
      await refused('OUT_SITE_EXISTS', 'site', 'enroll', 'rover-9', '--dir', siteDir, '--site-url', url);
      expect(await refused('OUT_SITE_FOLDER', 'site', 'enroll', 'rover-1', '--dir', join(folder, 'nowhere'))).toContain(
        'outrider site init',
      );
      await refused('OUT_EDGE_UNKNOWN', 'site', 'revoke', 'nobody', '--dir', siteDir);
    });

    test('an identity that is missing, broken, readable by others, or another one’s', async () => {
      await refused('OUT_SITE_FOLDER', ...join_('absent'));
      await saveIdentity(join(folder, 'rover-10'), await enrol({ token: await token('rover-10') }));
      expect(await refused('OUT_SITE_TOKEN_OTHER', ...join_('rover-10', '--id', 'rover-11'))).toContain('rover-10');
      await chmod(join(folder, 'rover-10', 'member.key'), 0o644);
      expect(await refused('OUT_SITE_KEY_PERMISSIONS', ...join_('rover-10'))).toMatch(/mode 644[^]*chmod 600/);
      await chmod(join(folder, 'rover-10', 'member.key'), 0o600);
      await writeFile(join(folder, 'rover-10', 'membership.json'), '{');
      expect(await refused('OUT_SITE_FOLDER', ...join_('rover-10'))).toContain('membership.json');
    });

    test('a site whose files are missing or open to others', async () => {
      const copy = join(folder, 'copy');
      await cp(siteDir, copy, { recursive: true });
      await chmod(join(copy, 'server.key'), 0o640);
      await refused('OUT_SITE_KEY_PERMISSIONS', 'edge', '--config', join(copy, 'site.yaml'));
      await rm(join(copy, 'server.crt'));
      expect(await refused('OUT_SITE_FOLDER', 'edge', '--config', join(copy, 'site.yaml'))).toContain('server.crt');
    });

    test('listening or connecting outside loopback without TLS', async () => {
      expect(await refused('OUT_SITE_INSECURE', 'edge', '--listen', '0.0.0.0')).toMatch(/outrider site init[^]*--insecure/);
      await refused('OUT_SITE_INSECURE', 'edge', '--broker', 'mqtt://192.0.2.1:1883');
      await refused('OUT_SITE_INSECURE', 'robot', '--sim', '--broker', 'mqtt://192.0.2.1:1883');
    });

    test('an identity of another site', async () => {
      const { tls, ...mine } = await loadIdentity(join(folder, 'rover-1'));
      const foreign = join(folder, 'foreign-site');
      expect((await outrider('site', 'init', foreign)).exitCode).toBe(0);
      const ca = await readFile(join(foreign, 'ca.crt'), 'utf8');
      await saveIdentity(join(folder, 'stray'), { ...mine, tls: { ...tls, ca } });
      await refused('OUT_SITE_WRONG_CA', ...join_('stray'));
    });
  });
});
