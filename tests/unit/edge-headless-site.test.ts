// A whole site with real Wasm on a virtual clock: what headless missions run. Same manager, hosts and handlers as live.
import { beforeAll, describe, expect, test } from 'vitest';
import { hostFunctionRegistry } from '../../edge/host/host-functions/registry.ts';
import { bundleLoader } from '../../edge/host/sandbox/bundle-loader.ts';
import { InlineSandbox } from '../../edge/host/sandbox/inline-sandbox.ts';
import { createEdgeSite } from '../../edge/site.ts';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../../shared/elastic/instantiate.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';
import { InProcessBroker } from '../../sim/network/in-process-broker.ts';
import { InProcessDataPlane } from '../../sim/network/in-process-data-plane.ts';
import { SimulatedNetwork } from '../../sim/network/simulated-network.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { buildModule } from '../../toolchain/build/build-module.ts';

interface TallyHandle {
  record(rover: string, number: number): Promise<number>;
  of(rover: string): Promise<number[]>;
}

let bundle: ModuleBundle;
beforeAll(async () => {
  bundle = (await buildModule('tests/fixtures/modules/tally')).bundle;
}, 120_000);

/** Two rovers record for 20 s; the host of the shared module crashes at 8 s. Returns everything that could be seen. */
async function mission(seed: number) {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, new SeededRandom(seed));
  const broker = new InProcessBroker(network);
  const plane = new InProcessDataPlane(network);
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntilSettled(work);
  const hosts = ['edge-1', 'edge-2'].map((host) => ({
    host,
    dataPlane: plane.at(host),
    sandbox: new InlineSandbox({
      ...{ site: 'site', clock, dataPlane: plane.at(host), loader: bundleLoader(), registry: hostFunctionRegistry() },
      holdBackSec: () => 0.002,
    }),
    resources: { cores: 8, memoryTotalBytes: 2 ** 30, instancesMax: 16, accelerator: null, loadFraction: () => 0 },
    grants: ['map-view'],
  }));
  const site = await run(
    createEdgeSite({
      ...{ site: 'site', clock, hosts, siteKey: Buffer.alloc(32, 2), session: 's' },
      connectBus: async (clientId, { node, will }) => broker.connect(clientId, will === undefined ? { node } : { node, will }),
    }),
  );
  const encoded = encodeBundle(bundle);
  const log: string[] = [];
  const rovers: { readonly rover: string; readonly module: ElasticModule<TallyHandle> }[] = [];
  for (const rover of ['rover-1', 'rover-2']) {
    const handler = new OffloadHandler({
      ...{ site: 'site', mission: 'm', rover, session: 'r', clock },
      bus: broker.connect(`rover-${rover}`, { node: rover }),
      dataPlane: plane.at(rover),
      bundles: { get: () => ({ digest: bundle.digest, bytes: encoded.byteLength, encoded: () => encoded }) },
    });
    await run(handler.start());
    const createLocal = () => clock.hold(instantiateOnboard(bundle, {}));
    const module = new ElasticModule<TallyHandle>({
      manifest: bundle.manifest,
      channelId: `${rover}-tally`,
      clock,
      site: handler,
      createLocal,
    });
    await run(module.start());
    module.on('placement', ({ kind, hostId, epoch }) => log.push(`${clock.nowSec().toFixed(6)} ${rover} ${kind} ${hostId} ${epoch}`));
    module.on('recovered', ({ how, hostId }) => log.push(`${clock.nowSec().toFixed(6)} ${rover} ${how} ${hostId}`));
    rovers.push({ rover, module });
  }
  const sent: Promise<number>[] = [];
  const moves = rovers.map(({ module }) => module.offload({ reason: 'start' }));
  for (const [index, { rover, module }] of rovers.entries()) {
    for (let number = 0; number < 400; number += 1) {
      clock.after(0.5 + number * 0.05 + index * 0.01, () => void sent.push(module.handle.record(rover, number)));
    }
  }
  clock.after(8, () => {
    const victim = rovers[0]?.module.placement.hostId ?? 'edge-1';
    network.crash(victim);
    void site.crashHost(victim);
  });
  const reports = await run(Promise.all(moves));
  await run(clock.sleep(30));
  const order = await run(Promise.all(sent));
  const kept = await run(Promise.all(rovers.map(({ rover, module }) => module.handle.of(rover))));
  const failovers = site.manager.failover.completed;
  await run(site.close());
  return { kinds: reports.map((report) => report.kind), order, kept, log, failovers };
}

describe('headless site', () => {
  test('offload, redirect and fail-over with real Wasm lose nothing', async () => {
    const { kinds, kept, log, failovers, order } = await mission(7);
    expect(kinds.toSorted()).toEqual(['offload', 'redirect']);
    const all = Array.from({ length: 400 }, (_, number) => number);
    expect(kept).toEqual([all, all]);
    expect(order).toHaveLength(800);
    expect(failovers).toBe(1);
    expect(log.filter((line) => line.includes('relocated'))).toHaveLength(2);
  });

  test('equal seeds give equal runs, to the microsecond', async () => {
    const [one, other] = [await mission(11), await mission(11)];
    expect(other).toEqual(one);
  });
});
