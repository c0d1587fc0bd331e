// `outrider doctor --identity` at a live site: whole identities of each role, and everything that can be wrong with one.
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { Authority } from '../../edge/security/authority.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { initSite, openSite, SITE_FILES } from '../../edge/security/site-folder.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import type { Finding } from '../../hardware/doctor/check.ts';
import { isHealthy } from '../../hardware/doctor/doctor.ts';
import { examineIdentity } from '../../hardware/doctor/identity-checks.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { loadIdentity } from '../../shared/security/identity-folder.ts';
import { MEMBER_ROLES, type MemberRole } from '../../shared/security/member-roles.ts';
import { lastJson, outrider } from './cli-process.ts';
import { initLoopbackSite } from '../support/loopback-site.ts';

const DAY_MS = 86_400_000;
const SLOW_MS = 120_000;

describe('the identity of a member', () => {
  let folder = '';
  let siteDir = '';
  let site: LiveSite;

  const at = (name: string): string => join(folder, name);
  const take = async (id: string, role: MemberRole): Promise<string> => {
    const pending = { role, id, tenant: 'default', addresses: role === 'host' ? ['127.0.0.1'] : [] };
    const { token } = await inviteMember(siteDir, pending, {
      validSec: 60,
      siteUrl: site.url.replace('0.0.0.0', '127.0.0.1'),
      now: () => new Date(),
    });
    await enrolInto(at(id), { token });
    return at(id);
  };
  /** The rover's identity with one thing changed. */
  const changed = async (name: string, change: (copy: string) => Promise<void>): Promise<Finding[]> => {
    await cp(at('rover-1'), at(name), { recursive: true });
    await change(at(name));
    return examineIdentity(at(name));
  };
  /** Shows another certificate for the rover's own key. */
  const certified = async (copy: string, madeMs: number, names: object = {}): Promise<void> => {
    const authority = await Authority.load(
      await readFile(join(siteDir, SITE_FILES.caCert), 'utf8'),
      await readFile(join(siteDir, SITE_FILES.caKey), 'utf8'),
    );
    const { cert } = (await loadIdentity(at('rover-1'))).tls;
    const leaf = { role: 'rover' as const, name: 'rover-1', addresses: [], ...names };
    await writeFile(join(copy, 'member.crt'), await authority.renewLeaf(cert, leaf, new Date(madeMs)));
  };
  const of = (findings: readonly Finding[], name: string): Finding | undefined => findings.find((one) => one.name === `identity:${name}`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-doctor-'));
    siteDir = at('site');
    // Old enough for certificates of the past.
    const made = new Date(Date.now() - 900 * DAY_MS);
    await initSite(siteDir, { name: 'test', hosts: [], now: made, listen: '127.0.0.1', advertise: '127.0.0.1', port: 0, mqttPort: 0 });
    site = await startEdgeSite(
      defineSite({
        ...{
          site: 'test',
          data: at('data'),
          hosts: 0,
          listen: '0.0.0.0',
          advertise: '127.0.0.1',
          gatewayPort: 0,
          mqttPort: 0,
          logLevel: 'silent',
        },
        security: { folder: siteDir },
      }),
    );
    await take('rover-1', 'rover');
  }, SLOW_MS);

  afterAll(async () => {
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('is in order for every role, and a rover that runs is not disturbed', async () => {
    const running = await connectMqttBus({ url: site.brokerUrl, clientId: 'rover-rover-1', tls: (await loadIdentity(at('rover-1'))).tls });
    let cut = false;
    running.onConnectionChange((connected) => (cut ||= !connected));
    for (const role of MEMBER_ROLES) {
      const findings = await examineIdentity(role === 'rover' ? at('rover-1') : await take(`one-${role}`, role));
      expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
      expect(findings.map(({ name }) => name.replace('identity:', ''))).toEqual([
        ...['folder', 'key', 'issuer', 'name', 'validity', 'gateway', 'broker', 'topics'],
      ]);
    }
    expect(cut).toBe(false);
    await running.close();
  });

  test('that has ended, does not hold yet or is due for renewal says so by the clock', async () => {
    const ended = await changed('ended', (copy) => certified(copy, Date.now() - 830 * DAY_MS));
    expect(of(ended, 'validity')).toMatchObject({
      state: 'missing',
      needed: true,
      code: 'OUT_SITE_CLOCK',
      remedy: expect.stringContaining('enroll') as string,
    });
    expect(of(ended, 'broker')?.state).toBe('not-applicable');
    const early = await changed('early', (copy) => certified(copy, Date.now() + DAY_MS));
    expect(of(early, 'validity')).toMatchObject({
      code: 'OUT_SITE_CLOCK',
      detail: expect.stringMatching(/^valid from .* clock says/) as string,
    });
    expect(of(early, 'validity')?.remedy).toContain('set-ntp');
    const due = await changed('due', (copy) => certified(copy, Date.now() - 600 * DAY_MS));
    expect(of(due, 'validity')).toMatchObject({
      state: 'missing',
      needed: false,
      remedy: expect.stringContaining(`--identity ${at('due')}`) as string,
    });
    // Of the same member, but not the certificate that the site knows: it was not the site that gave it.
    expect(of(due, 'gateway')).toMatchObject({ state: 'missing', code: 'OUT_SITE_LOGIN' });
    expect(of(due, 'broker')).toMatchObject({ state: 'missing', code: 'OUT_BUS_REFUSED' });
    expect(isHealthy(due)).toBe(false);
  });

  test('whose files do not belong together is told from the folder alone', async () => {
    const operator = await take('ada', 'operator');
    const key = await changed('key', (copy) => cp(join(operator, 'member.key'), join(copy, 'member.key')));
    expect(of(key, 'key')).toMatchObject({ state: 'missing', code: 'OUT_SITE_FOLDER' });
    const name = await changed('name', async (copy) => {
      for (const file of ['member.key', 'member.crt']) await cp(join(operator, file), join(copy, file));
    });
    expect(of(name, 'name')).toMatchObject({ code: 'OUT_SITE_FOLDER', detail: expect.stringContaining('that of operator ada') as string });
    await initLoopbackSite(at('other'));
    const ca = await changed('ca', (copy) => cp(join(at('other'), SITE_FILES.caCert), join(copy, 'ca.crt')));
    expect(of(ca, 'issuer')).toMatchObject({ state: 'missing', code: 'OUT_SITE_WRONG_CA' });
    const garbage = await changed('garbage', (copy) => writeFile(join(copy, 'member.crt'), 'no certificate'));
    expect(of(garbage, 'certificate')).toMatchObject({ state: 'missing', code: 'OUT_SITE_FOLDER' });
    expect(await examineIdentity(at('nowhere'))).toMatchObject([{ name: 'identity:folder', code: 'OUT_SITE_FOLDER' }]);
  });

  test('of a member that was put out, or of a site that is called by another name or away, is refused with a way out', async () => {
    const mallory = await take('mallory', 'rover');
    await (await openSite(siteDir)).registry.revoke('rover', 'mallory');
    const revoked = await examineIdentity(mallory);
    expect(of(revoked, 'gateway')).toMatchObject({ state: 'missing', code: 'OUT_SITE_LOGIN' });
    expect(of(revoked, 'broker')).toMatchObject({
      state: 'missing',
      code: 'OUT_BUS_REFUSED',
      remedy: expect.stringContaining('revoked') as string,
    });
    const moved = (from: string, to: string) => async (copy: string) => {
      const file = join(copy, 'membership.json');
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to));
    };
    const named = await changed('named', moved('127.0.0.1', '127.0.0.2'));
    expect([of(named, 'gateway')?.code, of(named, 'broker')?.code]).toEqual(['OUT_SITE_NAME', 'OUT_SITE_NAME']);
    const away = await changed('away', moved(`:${new URL(site.brokerUrl).port}"`, ':1"'));
    expect(of(away, 'gateway')?.state).toBe('ok');
    expect(of(away, 'broker')).toMatchObject({ state: 'missing', code: 'OUT_BUS_UNREACHABLE' });
    expect(of(away, 'topics')?.state).toBe('not-applicable');
  });

  test.skipIf(!existsSync('dist/bin/cli.js'))('by command: exit code and lines for people, JSON for machines', async () => {
    const whole = await outrider('doctor', '--identity', at('rover-1'));
    expect(whole).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ok +identity:broker /m) as string });
    const broken = await outrider('doctor', '--identity', at('nowhere'), '--json');
    expect(broken.exitCode).toBe(1);
    const { healthy, findings } = lastJson<{ healthy: boolean; findings: Finding[] }>(broken);
    expect(healthy).toBe(false);
    expect(findings).toMatchObject([{ code: 'OUT_SITE_FOLDER', needed: true }]);
  });
});
