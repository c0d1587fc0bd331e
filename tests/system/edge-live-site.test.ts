// A live site with real processes, sockets, workers and Wasm: what an operator would see on a bad day.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import { missionEvent, type MissionEvent } from '../../shared/protocol/mission.ts';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Records numbers without waiting for each other, as a rover streams its maps; returns those that were acknowledged. */
function stream(rover: LiveRover<TallyHandle>, id: string, periodMs: number) {
  const acknowledged: number[] = [];
  const failed: string[] = [];
  let next = 0;
  const timer = setInterval(() => {
    const number = ++next;
    rover.module.handle.record(id, number).then(
      () => acknowledged.push(number),
      (error: Error) => failed.push(`${number}: ${error.message}`),
    );
  }, periodMs);
  return { acknowledged, failed, sent: () => next, stop: () => clearInterval(timer) };
}

describe.skipIf(!existsSync('dist/edge/host/process.js'))('a live site', () => {
  let data: string;
  let site: LiveSite;
  let bundle: ModuleBundle;
  const rovers: LiveRover<TallyHandle>[] = [];
  const events: MissionEvent[] = [];

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-site-'));
    bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
    site = await startEdgeSite(defineSite({ site: 'test', data, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    for (const rover of ['rover-1', 'rover-2']) rovers.push(await liveRover<TallyHandle>({ rover, bundle, brokerUrl: site.brokerUrl }));
    await new MessageChannel(rovers[0]?.bus as never, SILENT_LOGGER).on(missionEvent, { site: 'test' }, (event) => void events.push(event));
  }, 120_000);

  afterAll(async () => {
    for (const rover of rovers) await rover.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  const [first, second] = [() => rovers[0] as LiveRover<TallyHandle>, () => rovers[1] as LiveRover<TallyHandle>];

  test('the first rover brings the shared module as Wasm, the second is redirected to it', async () => {
    await first().module.handle.record('rover-1', 0);
    const brought = await first().module.offload({ reason: 'test' });
    expect(brought).toMatchObject({ outcome: 'moved', kind: 'offload', error: null });
    const redirected = await second().module.offload({ reason: 'test' });
    expect(redirected).toMatchObject({ outcome: 'moved', kind: 'redirect', to: brought.to });
    expect(await second().module.handle.record('rover-2', 0)).toBeGreaterThanOrEqual(2);
    expect(await second().module.handle.of('rover-1')).toEqual([0]);
    const page = (await (await fetch(`${site.url}/api/site`)).json()) as { hosts: unknown[]; placements: { status: string }[] };
    expect(page.hosts).toHaveLength(2);
    expect(page.placements).toMatchObject([{ status: 'running', epoch: brought.epoch }]);
    expect((await fetch(`${site.url}/health`)).status).toBe(200);
    expect(await (await fetch(`${site.url}/docs`)).text()).toContain('/api/site');
  });

  test('a host that is killed takes nothing with it: restarted elsewhere, replayed, nothing lost, nothing twice', async () => {
    const streams = [stream(first(), 'rover-1', 4), stream(second(), 'rover-2', 4)];
    await pass(1.5);
    const hostId = first().module.placement.hostId;
    const victim = site.hosts.find(({ host }) => host === hostId);
    const killedMs = performance.now();
    process.kill(victim?.pid as number, 'SIGKILL');
    await expect.poll(() => first().module.placement.hostId !== hostId && first().module.placement.kind === 'edge').toBe(true);
    const wholeAgainSec = (performance.now() - killedMs) / 1000;
    await pass(1);
    for (const one of streams) one.stop();
    await expect.poll(() => streams.every((one) => one.acknowledged.length === one.sent())).toBe(true);
    for (const [index, one] of streams.entries()) {
      expect(one.failed).toEqual([]);
      const kept = await first().module.handle.of(`rover-${index + 1}`);
      expect(kept).toEqual([0, ...Array.from({ length: one.sent() }, (_, number) => number + 1)]);
    }
    expect(wholeAgainSec).toBeLessThan(5);
    expect(events.map((event) => event.kind)).toContain('failover');
  });

  test('while the broker is away calls go on, and everything is there again after it', async () => {
    const before = (await first().module.handle.of('rover-1')).length;
    const one = stream(first(), 'rover-1', 10);
    await site.stopBroker();
    await pass(0.5);
    const acknowledgedThen = one.acknowledged.length;
    await pass(3);
    expect(one.acknowledged.length).toBeGreaterThan(acknowledgedThen + 100);
    await site.startBroker();
    await expect.poll(() => first().bus.connected && site.manager.resources.hosts().length > 0).toBe(true);
    one.stop();
    await expect.poll(() => one.acknowledged.length === one.sent()).toBe(true);
    expect(one.failed).toEqual([]);
    expect((await first().module.handle.of('rover-1')).length).toBe(before + one.sent());
    // A newcomer learns from the broker's retained messages what runs where: they were said again.
    const third = await liveRover<TallyHandle>({ rover: 'rover-3', bundle, brokerUrl: site.brokerUrl });
    rovers.push(third);
    expect(await third.module.offload({ reason: 'test' })).toMatchObject({ kind: 'redirect', outcome: 'moved' });
  });

  test('malformed messages are counted and dropped, nothing stops', async () => {
    const { bus } = first();
    const before = site.manager.malformed;
    for (const payload of ['', '{', '[]', '{"kind":"negotiate"}', 'x'.repeat(70_000)]) {
      await bus.publish('outrider/test/offload/request/rover-1', payload, { qos: 1 });
      await bus.publish('outrider/test/host/edge-1/command', payload, { qos: 1 });
    }
    await expect.poll(() => site.manager.malformed).toBe(before + 4);
    expect(await first().module.handle.record('rover-1', 1_000_000)).toBeGreaterThan(0);
    expect((await fetch(`${site.url}/health`)).status).toBe(200);
  });
});
