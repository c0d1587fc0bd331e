// A host is drained under load, by command and by SIGTERM: its modules hand off, no call fails, none is lost, none takes effect twice.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { drainHost } from '../../edge/drain-command.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { makeBundle } from '../../shared/elastic/bundle.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Calls without waiting for each other, as a rover does; remembers the slowest answer. */
function stream(rover: LiveRover<TallyHandle>, id: string, periodMs: number) {
  const failed: string[] = [];
  let [next, answered, slowestMs] = [0, 0, 0];
  const timer = setInterval(() => {
    const number = ++next;
    const sentMs = performance.now();
    rover.module.handle.record(id, number).then(
      () => {
        answered += 1;
        slowestMs = Math.max(slowestMs, performance.now() - sentMs);
      },
      (error: Error) => failed.push(`${number}: ${error.message}`),
    );
  }, periodMs);
  return {
    ...{ id, rover, failed },
    sent: () => next,
    done: () => answered === next,
    takeSlowestMs: () => {
      const slowest = slowestMs;
      slowestMs = 0;
      return slowest;
    },
    stop: () => clearInterval(timer),
  };
}

describe.skipIf(!existsSync('dist/edge/host/process.js'))('draining a live host under load', () => {
  let data: string;
  let site: LiveSite;
  let streams: ReturnType<typeof stream>[] = [];
  const rovers: LiveRover<TallyHandle>[] = [];

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-drain-'));
    const shared = (await buildModule('tests/fixtures/modules/tally')).bundle;
    const own = makeBundle({ ...shared.manifest, sharing: 'per-rover' }, shared.files, null);
    site = await startEdgeSite(defineSite({ site: 'test', data, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    for (const [rover, bundle] of [
      ['rover-1', shared],
      ['rover-2', shared],
      ['rover-3', own],
    ] as const) {
      const one = await liveRover<TallyHandle>({ rover, bundle, brokerUrl: site.brokerUrl });
      rovers.push(one);
      await one.module.handle.record(rover, 0);
      const preferHost = rovers[0]?.module.placement.hostId ?? undefined;
      expect(await one.module.offload(preferHost === undefined ? {} : { preferHost })).toMatchObject({ outcome: 'moved' });
    }
    streams = rovers.map((rover, index) => stream(rover, `rover-${index + 1}`, 10));
    await pass(1);
  }, 120_000);

  afterAll(async () => {
    for (const one of streams) one.stop();
    for (const rover of rovers) await rover.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  const hostIds = (): (string | null)[] => rovers.map((rover) => rover.module.placement.hostId);
  const everyoneAwayFrom = (host: string): boolean =>
    rovers.every(({ module }) => module.placement.kind === 'edge' && module.placement.hostId !== host);

  test('by command: shared and own instances are elsewhere, callers saw a slower answer at most', async () => {
    const host = hostIds()[0] as string;
    expect(new Set(hostIds())).toEqual(new Set([host]));
    for (const one of streams) one.takeSlowestMs();
    expect(await drainHost(host, { gateway: site.url, timeout: 20, json: true })).toBe(true);
    await expect.poll(() => everyoneAwayFrom(host)).toBe(true);
    await pass(0.5);
    const slowest = streams.map((one) => Math.round(one.takeSlowestMs()));
    process.stderr.write(`slowest call during a drain [ms]: ${slowest.join(', ')}\n`);
    expect(Math.max(...slowest)).toBeLessThan(5000);
    expect(streams.flatMap((one) => one.failed)).toEqual([]);
    expect(await drainHost(host, { gateway: site.url, undo: true, timeout: 5, json: true })).toBe(true);
  });

  test('by SIGTERM: the process ends only when nothing runs in it, and is not started again', async () => {
    const host = hostIds()[0] as string;
    const victim = site.hosts.find((candidate) => candidate.host === host);
    for (const one of streams) one.takeSlowestMs();
    process.kill(victim?.pid as number, 'SIGTERM');
    await expect.poll(() => victim?.pid).toBeNull();
    await expect.poll(() => everyoneAwayFrom(host)).toBe(true);
    await pass(2);
    expect(victim?.pid).toBeNull();
    const slowest = streams.map((one) => Math.round(one.takeSlowestMs()));
    process.stderr.write(`slowest call during a shutdown [ms]: ${slowest.join(', ')}\n`);
    expect(Math.max(...slowest)).toBeLessThan(5000);
  });

  test('after all of it every call has been answered and has taken effect once, in order', async () => {
    for (const one of streams) one.stop();
    await expect.poll(() => streams.every((one) => one.done())).toBe(true);
    for (const one of streams) {
      expect(one.failed).toEqual([]);
      expect(await one.rover.module.handle.of(one.id)).toEqual(Array.from({ length: one.sent() + 1 }, (_, number) => number));
    }
    expect(site.manager.failover.completed).toBe(2);
  });

  test('a host that is not there is a coded error with the way out', async () => {
    await expect(drainHost('edge-9', { gateway: site.url, timeout: 1 })).rejects.toMatchObject({
      code: 'OUT_EDGE_UNKNOWN',
      message: expect.stringContaining('the site has no host edge-9; it has') as string,
    });
    await expect(drainHost('edge-1', { gateway: 'http://127.0.0.1:9', timeout: 1 })).rejects.toMatchObject({
      code: 'OUT_SITE_UNREACHABLE',
    });
  });
});
