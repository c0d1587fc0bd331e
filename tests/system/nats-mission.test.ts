// A mission on a three-node NATS cluster that carries MQTT, checkpoints and bundles: the leader node dies, then a whole machine does.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineSite } from '../../edge/config.ts';
import { NatsCheckpointStore } from '../../edge/control/nats-checkpoint-store.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';
import { isInstalled } from '../support/edge-broker-process.ts';
import { liveRover, type LiveRover } from '../support/edge-live-rover.ts';
import { natsCluster, type NatsCluster } from '../support/edge-nats-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../support/edge-tcp-proxy.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// After the loss of the leader's node, the fail-over of a host that dies right after it stalls in about half of the runs: a known defect, open.
// OUTRIDER_NATS_MISSION=1 runs it.
const asked = process.env['OUTRIDER_NATS_MISSION'] === '1';
if (!asked) console.log('skipped: a mission on a NATS cluster stalls in about half of its runs (set OUTRIDER_NATS_MISSION=1 to run it)');

describe.skipIf(!asked || !isInstalled('nats-server') || !existsSync('dist/edge/host/process.js'))('a mission on a NATS cluster', () => {
  let cluster: NatsCluster;
  let broker: TcpProxy;
  const sites: LiveSite[] = [];
  const folders: string[] = [];
  const rovers: LiveRover<TallyHandle>[] = [];

  beforeAll(async () => {
    cluster = await natsCluster();
    broker = await startTcpProxy(() => cluster.alive());
    const bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
    // Two machines: nothing is shared between them but the cluster. The manager is on the first.
    for (const [hostPrefix, manager] of [
      ['here', true],
      ['there', false],
    ] as const) {
      const data = await mkdtemp(join(tmpdir(), `outrider-${hostPrefix}-`));
      folders.push(data);
      const common = { site: 'test', broker: `mqtt://127.0.0.1:${broker.port}`, gatewayPort: 0, logLevel: 'silent' as const };
      sites.push(await startEdgeSite(defineSite({ ...common, checkpoints: cluster.urls.join(','), data, hosts: 1, hostPrefix, manager })));
    }
    for (const rover of ['rover-1', 'rover-2']) {
      rovers.push(await liveRover<TallyHandle>({ rover, bundle, brokerUrl: `mqtt://127.0.0.1:${broker.port}` }));
    }
  }, 180_000);

  afterAll(async () => {
    for (const rover of rovers) await rover.close();
    for (const site of sites.toReversed()) await site.close();
    await broker?.close();
    await cluster?.close();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('loses nothing: the leader dies, then the machine that runs the shared module', async () => {
    const [first, second] = rovers as [LiveRover<TallyHandle>, LiveRover<TallyHandle>];
    await expect.poll(() => sites[0]?.manager.resources.hosts().length, { timeout: 20_000 }).toBe(2);
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
    process.kill(sites[0]?.hosts[0]?.pid as number, 'SIGKILL');
    await expect
      .poll(() => rovers.every(({ module }) => module.placement.kind === 'edge' && module.placement.hostId === 'there-1'), {
        timeout: 60_000,
      })
      .toBe(true);
    await pass(1);
    clearInterval(timer);
    await expect.poll(() => answered, { timeout: 30_000 }).toBe(sent['rover-1'] + sent['rover-2']);
    expect(failed).toEqual([]);
    // Recovery point: calls after the last checkpoint are made again by their rovers, so the loss is none.
    process.stderr.write(`calls made again after the machine was lost: ${recovered.join(', ')}\n`);
    expect(await first.module.handle.of('rover-1')).toEqual(Array.from({ length: sent['rover-1'] + 1 }, (_, number) => number));
    expect(await second.module.handle.of('rover-2')).toEqual(Array.from({ length: sent['rover-2'] }, (_, number) => number + 1));
    await store.close();
  }, 180_000);
});
