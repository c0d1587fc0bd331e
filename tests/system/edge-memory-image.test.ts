// A C component without any code for moving goes from host to host under load: real processes, workers and sockets carry its memory image.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { compileWasm } from '../../shared/elastic/instantiate.ts';
import type { MoveReport } from '../../shared/elastic/module-events.ts';
import { buildCounter, hasClang } from '../support/c-component.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';

interface CounterHandle {
  add(values: number[]): Promise<number>;
  fill(seed: number): Promise<void>;
  digest(): Promise<bigint>;
}

const STATE_BYTES = 16 * 2 ** 20;
const clang = await hasClang();
if (!clang) console.log('skipped: clang and wasm-ld are not installed, so the C component cannot be built');

const travelled = ({ bytesAhead, bytesInPause }: MoveReport): number => bytesAhead + bytesInPause;

describe.skipIf(!clang || !existsSync('dist/edge/host/process.js'))('a C component at a live site', { timeout: 120_000 }, () => {
  let data: string;
  let site: LiveSite;
  let rover: LiveRover<CounterHandle>;
  let reference: Awaited<ReturnType<Awaited<ReturnType<typeof compileWasm>>['instantiate']>>;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'outrider-image-'));
    const bundle = await buildCounter();
    reference = await (await compileWasm(bundle)).instantiate({});
    site = await startEdgeSite(defineSite({ site: 'test', data, hosts: 3, gatewayPort: 0, mqttPort: 0, logLevel: 'silent' }));
    rover = await liveRover<CounterHandle>({ rover: 'rover-1', bundle, brokerUrl: site.brokerUrl });
  }, 120_000);

  afterAll(async () => {
    await rover?.close();
    await site?.close();
    await rm(data, { recursive: true, force: true });
  });

  test('moves host→host→host while calls go on, and keeps every one of them; a return sends only what changed', async () => {
    const { module } = rover;
    await module.handle.fill(7);
    reference.call('fill', [7]);
    let sent = 0;
    const answers: number[] = [];
    const failures: unknown[] = [];
    const pending: Promise<void>[] = [];
    const load = setInterval(() => {
      sent += 1;
      pending.push(
        module.handle.add([sent]).then(
          (count) => void answers.push(count),
          (error: unknown) => void failures.push(error),
        ),
      );
    }, 5);
    const offload = await module.offload({ reason: 'test' });
    const moves: MoveReport[] = [];
    const hosts = [offload.to];
    const other = site.hosts.map(({ host }) => host).filter((host) => host !== offload.to) as [string, string];
    for (const preferHost of [other[0], other[1], other[0], other[1]]) {
      const move = await module.offload({ preferHost, reason: 'test' });
      moves.push(move);
      hosts.push(move.to);
    }
    clearInterval(load);
    await Promise.all(pending);
    expect(moves.map(({ outcome, kind }) => ({ outcome, kind }))).toEqual(moves.map(() => ({ outcome: 'moved', kind: 'handoff' })));
    expect(hosts.slice(1)).toEqual([other[0], other[1], other[0], other[1]]);
    expect(failures).toEqual([]);
    expect(answers).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
    for (let number = 1; number <= sent; number += 1) reference.call('add', [[number]]);
    expect(await module.handle.digest()).toBe(reference.call('digest', []));
    // A host that never saw it needs all of it; the two it returns to need what the calls changed in between.
    expect(moves.slice(0, 2).map((move) => travelled(move) > STATE_BYTES)).toEqual([true, true]);
    for (const back of moves.slice(2)) expect(travelled(back)).toBeLessThan(0.02 * STATE_BYTES);
  });

  test('a second move of the unchanged state sends less than 1 % of it', async () => {
    const { module } = rover;
    const [here, there] = [module.placement.hostId, site.hosts.map(({ host }) => host).find((host) => host !== module.placement.hostId)];
    await module.offload({ preferHost: there as string, reason: 'test' });
    const back = await module.offload({ preferHost: here as string, reason: 'test' });
    expect(back).toMatchObject({ outcome: 'moved', kind: 'handoff', to: here });
    expect(travelled(back)).toBeLessThan(0.01 * STATE_BYTES);
    expect(await module.handle.digest()).toBe(reference.call('digest', []));
  });

  test('comes back on board with its state', async () => {
    const left = rover.module.placement.hostId as string;
    expect(await rover.module.recall({ reason: 'test' })).toMatchObject({ outcome: 'moved', kind: 'recall' });
    expect(rover.module.placement.kind).toBe('onboard');
    expect(await rover.module.handle.digest()).toBe(reference.call('digest', []));
    const again = await rover.module.offload({ preferHost: left, reason: 'test' });
    expect(again).toMatchObject({ outcome: 'moved', to: left });
    expect(travelled(again)).toBeLessThan(0.01 * STATE_BYTES);
  });
});
