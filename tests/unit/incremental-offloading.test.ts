// A network shared between rover and host while its weights are on their way, over real TCP.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startShapedLink, type ShapedLink } from '../../bench/support/shaped-link.ts';
import { SharedNetwork, type SharedNetworkEvent, type SharedNetworkOptions } from '../../robot/offload/incremental/shared-network.ts';
import type { NetworkChain } from '../../shared/onnx/chain.ts';
import type { NamedTensors } from '../../shared/onnx/tensor.ts';
import type { UploadPlan } from '../../shared/partition/plan-uploads.ts';
import type { Transport } from '../../shared/ports/transport.ts';
import {
  clock,
  incrementalSite,
  largestDifference,
  networkChain,
  openOrt,
  plane,
  planOf,
  query,
  type IncrementalSite,
} from '../support/incremental-site.ts';
import { pyramid } from '../support/onnx-graphs.ts';

let chain: NetworkChain;
let whole: (inputs: NamedTensors) => Promise<NamedTensors>;
let site: IncrementalSite;
const networks: SharedNetwork[] = [];
const links: ShapedLink[] = [];

beforeAll(async () => {
  chain = await networkChain(pyramid());
  const session = await openOrt(pyramid());
  whole = (inputs) => session.run(inputs);
});

beforeEach(async () => {
  site = await incrementalSite();
});

afterEach(async () => {
  for (const network of networks.splice(0)) await network.close();
  for (const link of links.splice(0)) await link.close();
  await site.close();
});

interface Started {
  readonly network: SharedNetwork;
  /** Connects to the host, and begins to upload. */
  attach(): Promise<void>;
  /** Resolves at the next event that fits; those before the call do not count. */
  next(fits: (event: SharedNetworkEvent) => boolean): Promise<SharedNetworkEvent>;
}

interface StartOptions extends Partial<SharedNetworkOptions> {
  readonly plans?: readonly UploadPlan[];
  readonly connect?: () => Promise<Transport>;
}

async function start({ plans, connect, ...over }: StartOptions = {}): Promise<Started> {
  const waiting: { fits: (event: SharedNetworkEvent) => boolean; resolve: (event: SharedNetworkEvent) => void }[] = [];
  const last = chain.segments.length;
  const network = new SharedNetwork({
    chain,
    clock,
    open: openOrt,
    onEvent: (event) => {
      for (const entry of waiting.splice(0)) {
        if (entry.fits(event)) entry.resolve(event);
        else waiting.push(entry);
      }
    },
    ...over,
  });
  networks.push(network);
  const wanted = plans ?? [planOf([2, 3]), planOf([1, 2, 3, last - 1]), planOf([...chain.segments.keys()])];
  const attach = async (): Promise<void> => network.attach(await (connect?.() ?? plane.connect(site.address)), () => wanted);
  await network.start();
  const next: Started['next'] = (fits) => new Promise((resolve) => waiting.push({ fits, resolve }));
  return { network, attach, next };
}

const isPlan = (plan: number) => (event: SharedNetworkEvent) => event.kind === 'plan' && event.plan === plan;
const isLost = (event: SharedNetworkEvent): boolean => event.kind === 'lost';

async function expectRight(network: SharedNetwork, seed: number): Promise<number | null> {
  const inputs = query(chain, seed);
  const { outputs, plan } = await network.infer(inputs);
  expect(largestDifference(await whole(inputs), outputs)).toBeLessThanOrEqual(1e-4);
  return plan;
}

describe('a network whose weights are on their way', () => {
  it('answers from the first query on, then by newer and newer plans, always as the whole network does', async () => {
    const { network, attach, next } = await start();
    const done = next(isPlan(2));
    await attach();
    const used: (number | null)[] = [];
    let finished = false;
    void done.then(() => (finished = true));
    for (let seed = 0; !finished; seed += 1) used.push(await expectRight(network, seed));
    used.push(await expectRight(network, 1000));
    expect(used[0]).toBeNull();
    expect(used.at(-1)).toBe(2);
    const ranks = used.map((plan) => plan ?? -1);
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
  });

  it('runs each of its plans right by itself', async () => {
    for (const serverLayers of [
      [2, 3],
      [1, 2, 3, chain.segments.length - 1],
      [0],
      [chain.segments.length - 1],
      [...chain.segments.keys()],
    ]) {
      const { network, attach, next } = await start({ plans: [planOf(serverLayers)] });
      const ready = next(isPlan(0));
      await attach();
      await ready;
      expect(await expectRight(network, serverLayers.length)).toBe(0);
    }
  });

  it('answers on board while there is no host', async () => {
    const { network } = await start();
    expect(await expectRight(network, 1)).toBeNull();
  });

  it('refuses a query of the wrong shape, and goes on', async () => {
    const { network } = await start();
    const [[name, tensor]] = [...query(chain, 1)] as [[string, { type: 'float32'; dims: number[]; data: Uint8Array }]];
    await expect(network.infer(new Map([[name, { ...tensor, dims: [1, 3, 48, 32] }]]))).rejects.toMatchObject({ code: 'OUT_MODEL_TENSOR' });
    await expect(network.infer(new Map())).rejects.toMatchObject({ code: 'OUT_MODEL_TENSOR' });
    expect(await expectRight(network, 2)).toBeNull();
  });

  it('refuses queries after it was closed', async () => {
    const { network, attach } = await start();
    await attach();
    await network.close();
    await expect(network.infer(query(chain, 1))).rejects.toMatchObject({ code: 'OUT_ELASTIC_CLOSED' });
  });
});

describe('when the link dies', () => {
  const throughLink = async (mbitPerSec: number): Promise<{ link: ShapedLink; options: StartOptions }> => {
    const link = await startShapedLink({ targetPort: site.port, mbitPerSec });
    links.push(link);
    return { link, options: { connect: () => plane.connect(`tcp://127.0.0.1:${link.port}`) } };
  };

  it('answers on board, and goes on by its plans when a host is attached again', async () => {
    const { link, options } = await throughLink(100);
    const { network, attach, next } = await start(options);
    const ready = next(isPlan(2));
    await attach();
    await ready;
    const lost = next(isLost);
    const again = next(isPlan(2));
    link.cut();
    await lost;
    expect(await expectRight(network, 1)).toBeNull();
    await attach();
    await again;
    expect(await expectRight(network, 2)).toBe(2);
  });

  it('uploads nothing twice', async () => {
    const { link, options } = await throughLink(100);
    const { attach, next } = await start(options);
    const ready = next(isPlan(2));
    await attach();
    await ready;
    const uploaded = link.upBytes;
    const lost = next(isLost);
    const again = next(isPlan(2));
    link.cut();
    await lost;
    await attach();
    await again;
    const weightBytes = chain.segments.reduce((sum, segment) => sum + segment.weightBytes, 0);
    expect(uploaded).toBeGreaterThan(weightBytes);
    expect(link.upBytes - uploaded).toBeLessThan(uploaded / 3);
  });

  it('answers on board the query that was under way', async () => {
    // The link goes in the moment the query's first tensor has passed.
    const { link, options } = await throughLink(1);
    const { network, attach, next } = await start({ ...options, plans: [planOf([...chain.segments.keys()])] });
    const ready = next(isPlan(0));
    await attach();
    await ready;
    const before = link.upBytes;
    const answer = expectRight(network, 1);
    while (link.upBytes === before) await new Promise((resolve) => setImmediate(resolve));
    link.cut();
    expect(await answer).toBeNull();
  });

  it('does not wait longer for a silent host than its deadline', async () => {
    const { network, attach, next } = await start({
      deadlineSec: 0.05,
      plans: [planOf([1])],
      // Takes everything, says nothing after READY.
      connect: async () => {
        const transport = await plane.connect(site.address);
        const send = transport.send.bind(transport);
        transport.send = (parts) => (parts[0]?.[0] === 0x04 ? true : send(parts));
        return transport;
      },
    });
    const ready = next(isPlan(0));
    await attach();
    await ready;
    const lost = next(isLost);
    expect(await expectRight(network, 1)).toBeNull();
    expect(await lost).toMatchObject({ error: { code: 'OUT_ELASTIC_DEADLINE' } });
  });
});

it('gives the second rover with the same network what the first has uploaded', async () => {
  const first = await start();
  const ready = first.next(isPlan(2));
  await first.attach();
  await ready;
  const bytes = site.store.bytes;
  const second = await start();
  const warm = second.next(isPlan(2));
  await second.attach();
  await warm;
  expect(site.store.bytes).toBe(bytes);
  expect(await expectRight(second.network, 5)).toBe(2);
  expect(site.errors).toEqual([]);
});
