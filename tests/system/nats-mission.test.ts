// A mission on a three-node NATS cluster that carries MQTT, checkpoints and bundles: the leader node dies, then the machine that runs the
// shared module and the acting manager does, with all its processes at once.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isInstalled } from '../../bench/support/broker-process.ts';
import { NatsCheckpointStore } from '../../edge/control/nats-checkpoint-store.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { type RunningCommand, startOutrider } from '../support/cli-running.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';
import { natsCluster, type NatsCluster } from '../support/edge-nats-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

interface Machine {
  readonly edge: RunningCommand;
  /** Of the site's process and of its host. */
  readonly pids: readonly number[];
}

describe.skipIf(!isInstalled('nats-server') || !existsSync('dist/edge/host/process.js'))('a mission on a NATS cluster', () => {
  let cluster: NatsCluster;
  let broker: TcpProxy;
  let folder = '';
  const machines: Machine[] = [];
  const rovers: LiveRover<TallyHandle>[] = [];

  beforeAll(async () => {
    cluster = await natsCluster();
    broker = await startTcpProxy(() => cluster.alive());
    const bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
    folder = await mkdtemp(join(tmpdir(), 'outrider-nats-mission-'));
    // Two machines: nothing is shared between them but the cluster and the site's key. The first one's manager acts, the other's stands by.
    for (const hostPrefix of ['here', 'there']) {
      const data = join(folder, hostPrefix);
      await mkdir(data);
      await writeFile(join(data, 'site.key'), Buffer.alloc(32, 7), { mode: 0o600 });
      const common = { site: 'test', broker: `mqtt://127.0.0.1:${broker.port}`, checkpoints: cluster.urls.join(','), logLevel: 'info' };
      await writeFile(join(data, 'site.yaml'), JSON.stringify({ ...common, gatewayPort: 0, data, hosts: 1, hostPrefix }));
      const edge = startOutrider(['edge', '--config', join(data, 'site.yaml'), '--json'], folder);
      const [line] = await edge.until(/^\{"site":"test","url".*\}$/m);
      const { hosts } = JSON.parse(line) as { readonly hosts: readonly { readonly pid: number }[] };
      machines.push({ edge, pids: [edge.child.pid as number, ...hosts.map(({ pid }) => pid)] });
    }
    for (const rover of ['rover-1', 'rover-2']) {
      rovers.push(await liveRover<TallyHandle>({ rover, bundle, brokerUrl: `mqtt://127.0.0.1:${broker.port}` }));
    }
  }, 180_000);

  afterAll(async () => {
    for (const rover of rovers) await rover.close();
    for (const { edge } of machines) await edge.stop();
    await broker?.close();
    await cluster?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('loses nothing: the leader dies, then the machine that runs the shared module', async () => {
    const [first, second] = rovers as [LiveRover<TallyHandle>, LiveRover<TallyHandle>];
    await first.module.handle.record('rover-1', 0);
    expect(await first.module.offload({ preferHost: 'here-1' })).toMatchObject({ outcome: 'moved', to: 'here-1' });
    expect(await second.module.offload({})).toMatchObject({ outcome: 'moved', kind: 'redirect' });
    const sent = { 'rover-1': 0, 'rover-2': 0 };
    const failed: string[] = [];
    let answered = 0;
    const timer = setInterval(() => {
      for (const [rover, id] of [
        [first, 'rover-1'],
        [second, 'rover-2'],
      ] as const) {
        rover.module.handle.record(id, (sent[id] += 1)).then(
          () => (answered += 1),
          (error: Error) => failed.push(`${id}: ${error.message}`),
        );
      }
    }, 20);
    await pass(2);
    const store = await NatsCheckpointStore.open({ url: cluster.urls.join(','), site: 'test', logger: SILENT_LOGGER });
    const leader = await store.leader();
    await cluster.kill(Number(leader?.slice(1)));
    await pass(2);
    const recovered: number[] = [];
    first.module.on('recovered', ({ how, replayed }) => {
      if (how === 'relocated') recovered.push(replayed);
    });
    const lostAt = performance.now();
    for (const pid of machines[0]?.pids ?? []) process.kill(pid, 'SIGKILL');
    await expect
      .poll(() => rovers.every(({ module }) => module.placement.kind === 'edge' && module.placement.hostId === 'there-1'), {
        timeout: 60_000,
      })
      .toBe(true);
    const seconds = ((performance.now() - lostAt) / 1000).toFixed(1);
    await pass(1);
    clearInterval(timer);
    await expect.poll(() => answered, { timeout: 30_000 }).toBe(sent['rover-1'] + sent['rover-2']);
    expect(failed).toEqual([]);
    // Recovery point: calls after the last checkpoint are made again by their rovers, so the loss is none.
    process.stderr.write(`the module ran again ${seconds} s after its machine was lost; calls made again: ${recovered.join(', ')}\n`);
    expect(await first.module.handle.of('rover-1')).toEqual(Array.from({ length: sent['rover-1'] + 1 }, (_, number) => number));
    expect(await second.module.handle.of('rover-2')).toEqual(Array.from({ length: sent['rover-2'] }, (_, number) => number + 1));
    await store.close();
  }, 180_000);
});
