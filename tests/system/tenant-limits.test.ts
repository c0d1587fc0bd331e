// A fleet with a host process of its own, under limits of the operating system: when that process goes beyond its memory it dies alone.
// Its rover falls back on board, the process is started again and takes the module once more; the other fleet never notices.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { joinSite, type JoinedSite } from '../../robot/join-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { limitMeans } from '../../shared/process-limits/limit-means.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { outrider } from './cli-process.ts';

interface HoardHandle {
  echo(value: number): Promise<number>;
  hoard(mib: number): Promise<number>;
}

const MIB = 2 ** 20;
const HAS_GROUP = 'folder' in limitMeans().cgroup;
const SLOW_MS = 120_000;
/** Rovers of fleet a that come one after the other, and one of fleet b. */
const GREEDY = Array.from({ length: 24 }, (_, index) => `a-${index + 1}`);
const secretOf = (rover: string): string => `secret of ${rover}`;

describe.skipIf(process.platform !== 'linux' || !existsSync('dist/bin/cli.js'))('limits of a fleet’s process', () => {
  let data = '';
  let site: LiveSite;
  let bundle: ModuleBundle;
  const said: string[] = [];
  const note = (_fields: object, text: string): void => void said.push(text);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  const joined: JoinedSite[] = [];
  /** A rover whose module runs at the edge, if there is a place. */
  const arrive = async (rover: string) => {
    const credential = secretOf(rover);
    const bus = { reconnectSec: 0.2, username: rover, password: credential };
    const member = await joinSite({ broker: site.brokerUrl, site: 'test', mission: 'drill', rover, credential, bundles: [bundle], bus });
    joined.push(member);
    const module = await member.open<HoardHandle>('hoard');
    return { module, moved: await module.offload({ reason: 'test' }) };
  };
  const hostOf = (tenant: string) => site.hosts.find(({ host }) => host === `edge-fleet-${tenant}-1`);

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-limits-'));
    ({ bundle } = await buildModule('tests/fixtures/modules/hoard'));
    site = await startEdgeSite(
      defineSite({
        ...{ site: 'test', data, hosts: 0, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' },
        rovers: [...GREEDY, 'b-1'].map((rover) => ({
          rover,
          tenant: `fleet-${rover.charAt(0)}`,
          credentialSha256: createHash('sha256').update(secretOf(rover)).digest('hex'),
        })),
        tenantHosts: { 'fleet-a': { limits: { memoryBytes: 512 * MIB, niceness: 3, required: true } }, 'fleet-b': {} },
      }),
      { logger },
    );
  }, SLOW_MS);

  afterAll(async () => {
    for (const member of joined) await member.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  test(
    'each fleet’s modules go to its own process; the greedy one dies alone and comes back',
    async () => {
      await expect.poll(() => site.manager.resources.hosts().length, { timeout: 20_000 }).toBe(2);
      const { module: greedy, moved } = await arrive('a-1');
      expect(moved).toMatchObject({ outcome: 'moved', to: 'edge-fleet-a-1' });
      const calm = await arrive('b-1');
      expect(calm.moved).toMatchObject({ outcome: 'moved', to: 'edge-fleet-b-1' });
      const limited = hostOf('a');
      const pid = limited?.pid as number;
      const other = hostOf('b')?.pid;
      expect(limited?.limits).toMatchObject([
        { resource: 'memoryBytes', value: 512 * MIB },
        { resource: 'niceness', value: 3 },
      ]);
      if (!HAS_GROUP) expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max data size\s+536870912\s+536870912/);
      const metrics = await (await fetch(`${site.url}/metrics`)).text();
      expect(metrics).toMatch(
        /outrider_host_process_limit\{host="edge-fleet-a-1",resource="memoryBytes",mechanism="(rlimit|cgroup)",site="test"\} 536870912/,
      );
      expect(metrics).toMatch(/outrider_host_process_memory_bytes\{host="edge-fleet-a-1",site="test"\} \d{8}/);

      // More rovers come than its process can hold, each within what its manifest says: the process pays, not the machine.
      let answered = 0;
      let over = false;
      const neighbours = (async () => {
        for (; !over; answered += 1) expect(await calm.module.handle.echo(answered)).toBe(answered);
      })();
      for (const rover of GREEDY.slice(1)) {
        if (limited?.deaths !== 0) break;
        const { module } = await arrive(rover);
        await module.handle.hoard(32).catch(() => undefined);
      }
      expect(limited?.deaths).toBe(1);
      expect(said).toContain('edge host process went beyond its memory; starting it again');
      // On board again: it answers while its process is away.
      await expect.poll(() => greedy.placement.kind, { timeout: 20_000 }).toBe('onboard');
      expect(await greedy.handle.echo(7)).toBe(7);
      await expect.poll(() => limited?.pid, { timeout: 30_000 }).toSatisfy((now) => typeof now === 'number' && now !== pid);
      await expect.poll(() => site.manager.resources.hosts().length, { timeout: 20_000 }).toBe(2);
      over = true;
      await neighbours;
      expect(answered).toBeGreaterThan(10);
      expect(hostOf('b')?.pid).toBe(other);
      expect(hostOf('b')?.deaths).toBe(0);
      expect(await greedy.offload({ reason: 'again' })).toMatchObject({ outcome: 'moved', to: 'edge-fleet-a-1' });
      expect(await greedy.handle.echo(8)).toBe(8);
    },
    SLOW_MS,
  );

  test.skipIf(HAS_GROUP)(
    'a limit that is required and that this machine cannot enforce ends the site, with the processes that had started',
    async () => {
      const file = join(data, 'strict.yaml');
      const limits = { cores: 1000, required: true };
      await writeFile(file, JSON.stringify({ hosts: 1, gatewayPort: 0, mqttPort: 0, data, tenantHosts: { 'fleet-c': { limits } } }));
      const { exitCode, stderr } = await outrider('edge', '--config', file);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('OUT_EDGE_NO_LIMITS: edge-fleet-c-1: cores: ');
      expect(stderr).toContain('outrider doctor');
    },
    60_000,
  );
});
