// Escape attempts against a live edge host: each is contained and coded, and the neighbours do not notice.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';
import { NOWHERE } from '../../bench/support/nowhere.ts';

interface HostileHandle {
  echo(value: number): Promise<number>;
  spin(start: number): Promise<number>;
  grow(): Promise<number>;
  recurse(depth: number): Promise<number>;
  huge(bytes: number): Promise<Uint8Array>;
  flood(count: number): Promise<number>;
  escapeTopic(rover: string): Promise<number>;
}

interface Listed {
  readonly instance: string;
  readonly rover: string;
  readonly state: string;
  readonly error: string | null;
  readonly addresses: readonly string[];
  readonly effects: { readonly published: number; readonly dropped: number };
  readonly stats: { readonly memoryBytes: number };
}

const DEADLINE_MS = 1000;

describe.skipIf(!existsSync('dist/edge/host/process.js'))('hostile modules', () => {
  let data: string;
  let site: LiveSite;
  let bundle: ModuleBundle;
  let neighbour: LiveRover<HostileHandle>;
  let count = 0;
  const rovers: LiveRover<HostileHandle>[] = [];

  const enlist = async (rover: string): Promise<LiveRover<HostileHandle>> => {
    const live = await liveRover<HostileHandle>({ rover, bundle, brokerUrl: site.brokerUrl, createLocal: async () => NOWHERE });
    rovers.push(live);
    return live;
  };
  /** A rover whose module runs at the edge. */
  const attacker = async (): Promise<LiveRover<HostileHandle> & { readonly id: string }> => {
    const id = `attacker-${++count}`;
    const live = await enlist(id);
    expect(await live.module.offload({ reason: 'attack' })).toMatchObject({ outcome: 'moved' });
    return { ...live, id };
  };
  const listed = async (rover: string): Promise<Listed | undefined> => {
    const all = (await (await fetch(`${site.hosts[0]?.rest}/instances`)).json()) as Listed[];
    return all.find((instance) => instance.rover === rover);
  };
  /**
   * The neighbour calls while `attack` goes on, and some more; each call is answered rightly. Returns how many were answered during the
   * attack. How long they take is measured by `npm run bench -- isolation`.
   */
  const answeredDuring = async (attack: Promise<unknown>): Promise<number> => {
    let over = false;
    let during = 0;
    const ended = attack.finally(() => (over = true));
    void ended.catch(() => undefined);
    for (let after = 0; after < 50; after += over ? 1 : 0) {
      const value = Math.random();
      expect(await neighbour.module.handle.echo(value)).toBe(value);
      if (!over) during += 1;
    }
    await ended;
    return during;
  };

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-hostile-'));
    bundle = (await buildModule('tests/fixtures/modules/hostile')).bundle;
    const host = { callDeadlineMs: DEADLINE_MS, effectsPerSec: 100 };
    site = await startEdgeSite(defineSite({ site: 'test', data, hosts: 1, gatewayPort: 0, mqttPort: 0, logLevel: 'silent', host }));
    neighbour = await enlist('neighbour');
    expect(await neighbour.module.offload({ reason: 'honest work' })).toMatchObject({ outcome: 'moved' });
  }, 120_000);

  afterAll(async () => {
    for (const rover of rovers) await rover.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  test('an endless loop is ended at its deadline, and the neighbour does not notice', async () => {
    const rover = await attacker();
    const attack = rover.module.handle.spin(1);
    const during = await answeredDuring(expect(attack).rejects.toThrow());
    await expect.poll(async () => (await listed(rover.id))?.state).toBe('failed');
    expect((await listed(rover.id))?.error).toMatch(/ran longer than 1 s/);
    expect(during, 'calls of the neighbour that were answered while the loop ran').toBeGreaterThan(0);
  });

  test('a memory bomb stops at the maximum that its manifest promised', async () => {
    const rover = await attacker();
    await answeredDuring(expect(rover.module.handle.grow()).rejects.toThrow());
    await expect.poll(async () => (await listed(rover.id))?.state).toBe('failed');
    const entry = await listed(rover.id);
    expect(entry?.stats.memoryBytes ?? 0).toBeLessThanOrEqual(bundle.manifest.memoryMaxBytes);
  });

  test('a stack overflow ends the instance, not the host', async () => {
    const rover = await attacker();
    await expect(rover.module.handle.recurse(0)).rejects.toThrow(/nest too deeply/);
    await expect.poll(async () => (await listed(rover.id))?.state).toBe('failed');
    expect(await neighbour.module.handle.echo(1)).toBe(1);
  });

  test('a result beyond the largest frame is an error of that call', async () => {
    const rover = await attacker();
    expect((await rover.module.handle.huge(1_000_000)).byteLength).toBe(1_000_000);
    await expect(rover.module.handle.huge(200_000_000)).rejects.toThrow();
    expect(await neighbour.module.handle.echo(2)).toBe(2);
  });

  test('a flood of messages is cut at the rate that the site allows', async () => {
    const rover = await attacker();
    let seen = 0;
    await neighbour.bus.subscribe('outrider/test/mission/drill/map/#', () => (seen += 1));
    // Where the machine is slow the deadline ends it earlier; contained it is either way.
    await rover.module.handle.flood(5600).catch(() => undefined);
    await expect.poll(async () => (await listed(rover.id))?.effects.published).toBeGreaterThan(0);
    const entry = await listed(rover.id);
    expect(entry?.effects.published).toBeLessThan(5600);
    expect(seen).toBeLessThan(5600);
    expect(await neighbour.module.handle.echo(3)).toBe(3);
  });

  test('what is no message of the common view is not published', async () => {
    const rover = await attacker();
    const topics: string[] = [];
    await neighbour.bus.subscribe('outrider/#', ({ topic, retained }) => retained || topics.push(topic));
    await rover.module.handle.escapeTopic('../../../site/command');
    await expect.poll(async () => (await listed(rover.id))?.effects.dropped).toBe(1);
    expect(topics.filter((topic) => topic.includes('/mission/'))).toEqual([]);
  });

  test('a module that hides what it imports is refused by the host itself', async () => {
    const closed = await startEdgeSite(
      defineSite({
        site: 'test',
        data: join(data, 'closed'),
        hosts: 1,
        gatewayPort: 0,
        mqttPort: 0,
        logLevel: 'silent',
        host: { grants: [] },
      }),
    );
    try {
      const rover = await liveRover<HostileHandle>({
        rover: 'liar',
        bundle,
        brokerUrl: closed.brokerUrl,
        createLocal: async () => NOWHERE,
      });
      const open = await rover.handler.prepare(bundle.manifest, { reason: 'attack', epoch: 1 });
      expect(open.kind === 'refused' && open.reason).toMatch(/does not grant map-view/);
      const lied = await rover.handler.prepare({ ...bundle.manifest, hostInterfaces: [] }, { reason: 'attack', epoch: 1 });
      expect(lied.kind === 'refused' && lied.reason).toMatch(/OUT_MODULE_HOST_FUNCTION/);
      await rover.close();
    } finally {
      await closed.close();
    }
  });

  test('a forged token opens no instance', async () => {
    const target = await listed('neighbour');
    const plane = new TcpDataPlane();
    const forged: RemoteSite = {
      reachable: true,
      prepare: async () => ({
        kind: 'redirect',
        endpoint: {
          ...{
            hostId: 'edge-1',
            instanceId: target?.instance ?? '',
            epoch: 1,
            token: `neighbour.${randomBytes(32).toString('base64url')}`,
          },
          connect: () => plane.connect(target?.addresses[0] ?? ''),
        },
        report: { hostId: 'edge-1', stepsMs: {}, bundleBytesSent: 0, warm: true },
      }),
      locate: async () => null,
      release: async () => undefined,
    };
    const clock = new SystemClock();
    const thief = new ElasticModule<HostileHandle>({
      ...{ manifest: bundle.manifest, channelId: 'neighbour-hostile', clock, site: forged, reconnectSec: 0.2 },
      createLocal: async () => NOWHERE,
    });
    await thief.start();
    expect((await thief.offload({ reason: 'theft' })).outcome).not.toBe('moved');
    await thief.close();
    expect(await neighbour.module.handle.echo(4)).toBe(4);
    expect(neighbour.module.placement.kind).toBe('edge');
  });

  test('junk on every port of the data plane ends only the connection that sent it', async () => {
    const target = await listed('neighbour');
    const hosts = site.manager.resources.hosts();
    const ports = [...(target?.addresses ?? []), ...(hosts[0]?.addresses ?? [])].map((address) => Number(new URL(address).port));
    const { connect } = await import('node:net');
    for (const port of ports) {
      for (const junk of [randomBytes(64), Buffer.alloc(8, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0, 0, 0, 0])]) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume().end(junk);
        await new Promise<void>((resolve) => socket.once('close', () => resolve()));
      }
    }
    expect(await neighbour.module.handle.echo(5)).toBe(5);
  });
});
