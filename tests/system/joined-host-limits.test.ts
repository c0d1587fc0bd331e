// A host that joined from a machine of its own obeys the limits of its configuration: they hold for the process that runs modules, which
// dies alone when it goes beyond them and is started again; SIGTERM lets what runs in it leave; nothing is left of it afterwards.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { inviteMember } from '../../edge/security/invite.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { joinSite, type JoinedSite } from '../../robot/join-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { limitMeans } from '../../shared/process-limits/limit-means.ts';
import type { ProcessLimits } from '../../shared/process-limits/process-limits.ts';
import { enrolInto } from '../../shared/security/enrol-into.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { outrider } from './cli-process.ts';
import { initLoopbackSite } from '../support/loopback-site.ts';

interface HoardHandle {
  echo(value: number): Promise<number>;
  hoard(mib: number): Promise<number>;
}

const MIB = 2 ** 20;
const HAS_GROUP = 'folder' in limitMeans().cgroup;
const SLOW_MS = 150_000;
const LIMITS = { memoryBytes: 512 * MIB, openFiles: 2000, niceness: 3, required: true };

/** Of a process that may have gone: parent, niceness (proc(5), after the name in brackets). */
async function statOf(pid: number): Promise<{ readonly parent: number; readonly niceness: number } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? null : { parent: Number(fields[1]), niceness: Number(fields[16]) };
}

/** Processes that this one has started. */
async function childrenOf(pid: number): Promise<number[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map(async (one) => (await statOf(one))?.parent));
  return all.filter((_, index) => parents[index] === pid);
}

describe.skipIf(process.platform !== 'linux' || !existsSync('dist/bin/cli.js'))('limits of a host that joined', () => {
  let folder = '';
  let siteDir = '';
  let site: LiveSite;
  let bundle: ModuleBundle;
  let host: RunningCommand;
  let pid = 0;
  const joined: JoinedSite[] = [];

  const token = async (role: 'host' | 'rover', id: string): Promise<string> => {
    const pending = { role, id, tenant: 'default', addresses: role === 'host' ? ['127.0.0.1'] : [] };
    return (await inviteMember(siteDir, pending, { validSec: 60, siteUrl: site.url, now: () => new Date() })).token;
  };
  /** The command line of a host whose configuration has these limits. */
  const joinCommand = async (id: string, limits: Partial<ProcessLimits>): Promise<string[]> => {
    const identity = join(folder, id);
    await enrolInto(identity, { token: await token('host', id) });
    const file = join(folder, `${id}.yaml`);
    await writeFile(file, JSON.stringify({ data: join(folder, `${id}-data`), host: { limits } }));
    return ['edge', '--join', '--identity', identity, '--config', file, '--listen', '127.0.0.1', '--json'];
  };
  /** A rover whose module runs at the edge, if there is a place. */
  const arrive = async (rover: string) => {
    const identity = join(folder, rover);
    await enrolInto(identity, { token: await token('rover', rover) });
    const member = await joinSite({ identity, bundles: [bundle], mission: 'drill', bus: { reconnectSec: 0.2 } });
    joined.push(member);
    const module = await member.open<HoardHandle>('hoard');
    return { module, moved: await module.offload({ reason: 'test' }) };
  };
  const hostIds = (): string[] => site.manager.resources.hosts().map((one) => one.host);
  const expectLimited = async (of: number): Promise<void> => {
    const limits = await readFile(`/proc/${of}/limits`, 'utf8');
    expect(limits).toMatch(/Max open files\s+2000\s+2000/);
    if (!HAS_GROUP) expect(limits).toMatch(/Max data size\s+536870912\s+536870912/);
    expect((await statOf(of))?.niceness).toBe(((await statOf(process.pid))?.niceness ?? 0) + 3);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrider-joined-'));
    siteDir = join(folder, 'site');
    await initLoopbackSite(siteDir);
    ({ bundle } = await buildModule('tests/fixtures/modules/hoard'));
    site = await startEdgeSite(
      defineSite({
        ...{ site: 'test', data: join(folder, 'data'), hosts: 0, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
        security: { folder: siteDir },
      }),
    );
    host = startOutrider(await joinCommand('barn-1', LIMITS), folder);
    const [line] = await host.until(/^\{"site":"test","host":"barn-1".*\}$/m);
    const up = JSON.parse(line) as { readonly pid: number; readonly limits: readonly object[] };
    ({ pid } = up);
    expect(up.limits).toMatchObject([{ resource: 'memoryBytes', value: 512 * MIB }, { resource: 'openFiles' }, { resource: 'niceness' }]);
  }, SLOW_MS);

  afterAll(async () => {
    for (const member of joined) await member.close();
    await host?.stop();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  test(
    'they hold for the process that runs modules; beyond its memory it dies alone, and is started again under the same',
    async () => {
      await expect.poll(hostIds, { timeout: 20_000 }).toEqual(['barn-1']);
      expect(await childrenOf(host.child.pid as number)).toEqual([pid]);
      await expectLimited(pid);
      const first = await arrive('rover-0');
      expect(first.moved).toMatchObject({ outcome: 'moved', to: 'barn-1' });
      for (let number = 1; number <= 24 && !host.output().includes('beyond its memory'); number += 1) {
        const { module } = await arrive(`rover-${number}`);
        await module.handle.hoard(32).catch(() => undefined);
      }
      await host.until(/went beyond its memory; starting it again/);
      await expect.poll(() => first.module.placement.kind, { timeout: 20_000 }).toBe('onboard');
      expect(await first.module.handle.echo(7)).toBe(7);
      for (const member of joined.splice(1)) await member.close();

      await expect.poll(() => childrenOf(host.child.pid as number), { timeout: 30_000 }).toHaveLength(1);
      await expect.poll(hostIds, { timeout: 30_000 }).toEqual(['barn-1']);
      const [next] = await childrenOf(host.child.pid as number);
      expect(next).not.toBe(pid);
      await expectLimited(next as number);
      expect(await first.module.offload({ reason: 'again' })).toMatchObject({ outcome: 'moved', to: 'barn-1' });
      expect(await first.module.handle.echo(8)).toBe(8);
    },
    SLOW_MS,
  );

  test(
    'SIGTERM is passed on: what runs there leaves for another host, then both processes end, and well',
    async () => {
      const other = startOutrider(await joinCommand('barn-2', {}), folder);
      try {
        await expect.poll(hostIds, { timeout: 30_000 }).toEqual(['barn-1', 'barn-2']);
        const { module, moved } = await arrive('rover-last');
        if (moved.outcome !== 'moved') throw new Error(JSON.stringify(moved));
        const [leaving, staying] = moved.to === 'barn-1' ? [host, other] : [other, host];
        const stayingId = moved.to === 'barn-1' ? 'barn-2' : 'barn-1';
        const [worker] = await childrenOf(leaving.child.pid as number);
        leaving.child.kill('SIGTERM');
        await expect.poll(() => leaving.child.exitCode, { timeout: 40_000 }).toBe(0);
        expect(await statOf(worker as number)).toBeNull();
        await expect.poll(hostIds, { timeout: 20_000 }).toEqual([stayingId]);
        await expect.poll(() => module.placement, { timeout: 20_000 }).toMatchObject({ kind: 'edge', hostId: stayingId });
        expect(await module.handle.echo(9)).toBe(9);
        expect(staying.child.exitCode).toBeNull();
      } finally {
        await other.stop();
      }
    },
    SLOW_MS,
  );

  test(
    'SIGINT while a host that died starts again ends it at once, and leaves nothing behind',
    async () => {
      const command = startOutrider(await joinCommand('barn-3', { niceness: 1 }), folder);
      await command.until(/^\{"site":"test".*\}$/m);
      const parent = command.child.pid as number;
      const [worker] = await childrenOf(parent);
      process.kill(worker as number, 'SIGKILL');
      await command.until(/edge host process died; starting it again/);
      await expect.poll(() => childrenOf(parent), { timeout: 20_000, interval: 10 }).toHaveLength(1);
      const [next] = await childrenOf(parent);
      await command.stop();
      expect(command.child.exitCode).toBe(0);
      await expect.poll(() => statOf(next as number)).toBeNull();
    },
    SLOW_MS,
  );

  test.skipIf(HAS_GROUP)(
    'a required limit that this machine cannot enforce: no start, with the way out',
    async () => {
      const refused = await outrider(...(await joinCommand('barn-4', { cores: 1000, required: true })));
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toContain('OUT_EDGE_NO_LIMITS: barn-4: cores: ');
      expect(refused.stderr).toContain('outrider doctor');
    },
    60_000,
  );

  test('what keeps the host from coming up is said by its own code, and ends the command', async () => {
    const command = await joinCommand('barn-5', { niceness: 1 });
    const refused = await outrider(...command, '--broker', 'mqtts://127.0.0.1:9');
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/OUT_BUS_\w+: barn-5: /);
  }, 60_000);
});
