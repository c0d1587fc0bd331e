// One run of queries over a link of limited rate: a slow rover (modelled), a host, real TCP between them.
import { serveNetwork } from '../../edge/host/incremental/serve-network.ts';
import { WeightStore } from '../../edge/host/incremental/weight-store.ts';
import { SharedNetwork } from '../../robot/offload/incremental/shared-network.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { rangeOf, type NetworkChain } from '../../shared/onnx/chain.ts';
import { ortNetworks } from '../../shared/onnx/ort-session.ts';
import type { NamedTensors, Tensor } from '../../shared/onnx/tensor.ts';
import { contiguousRanges, type UploadPlan } from '../../shared/partition/plan-uploads.ts';
import { startShapedLink } from './shaped-link.ts';
import { packingMs, type SlowRover } from './slow-rover.ts';

export interface RunOptions {
  readonly chain: NetworkChain;
  readonly plans: readonly UploadPlan[];
  readonly frames: readonly NamedTensors[];
  readonly mbitPerSec: number;
  /** Shared by runs that are compared: it measures each part once. */
  readonly rover: SlowRover;
  /** Wait for the last plan before the first query. */
  readonly uploadFirst?: boolean;
}

export interface RunOutcome {
  readonly totalSec: number;
  /** From the start of the upload to the first answer. */
  readonly firstAnswerSec: number;
  readonly queriesByPlan: Readonly<Record<string, number>>;
  /** When the last plan was ready; null: not within the run. */
  readonly uploadedSec: number | null;
  readonly largestDifference: number;
}

/** Runs one query for each frame, one after the other. */
export async function runQueries(options: RunOptions): Promise<RunOutcome> {
  const { chain, plans, frames, mbitPerSec, rover, uploadFirst = false } = options;
  const clock = new SystemClock();
  const open = ortNetworks();
  const plane = new TcpDataPlane();
  const wanted = await wholeResults(chain, frames);
  const packing = await learnParts(rover, options);

  const store = new WeightStore();
  const listener = await plane.listen('host', (transport) => serveNetwork(transport, { clock, open, store }));
  const link = await startShapedLink({ targetPort: Number(new URL(listener.address).port), mbitPerSec });
  let startedSec = 0;
  let uploadedSec: number | null = null;
  let uploaded: () => void = () => undefined;
  const whenUploaded = new Promise<void>((resolve) => (uploaded = resolve));
  const network = new SharedNetwork({
    chain,
    clock,
    open: rover.open,
    onEvent: (event) => {
      if (event.kind === 'lost') throw event.error;
      if (event.kind !== 'plan' || event.plan !== plans.length - 1) return;
      uploadedSec = clock.nowSec() - startedSec;
      uploaded();
    },
  });
  try {
    const starting = network.start();
    // The network is on board already when the rover meets a host: the clock starts with the upload.
    await starting;
    startedSec = clock.nowSec();
    if (plans.length > 0) network.attach(await plane.connect(`tcp://127.0.0.1:${link.port}`), () => plans);
    if (uploadFirst) await whenUploaded;
    const queriesByPlan: Record<string, number> = {};
    let firstAnswerSec = 0;
    let largestDifference = 0;
    for (const [index, frame] of frames.entries()) {
      const { outputs, plan } = await network.infer(frame);
      if (plan !== null) await rover.compute(packing[plan] ?? 0);
      if (index === 0) firstAnswerSec = clock.nowSec() - startedSec;
      const key = plan === null ? 'on_board' : `plan_${plan + 1}`;
      queriesByPlan[key] = (queriesByPlan[key] ?? 0) + 1;
      largestDifference = Math.max(largestDifference, difference(wanted[index] ?? new Map(), outputs));
    }
    return { totalSec: clock.nowSec() - startedSec, firstAnswerSec, queriesByPlan, uploadedSec, largestDifference };
  } finally {
    await network.close();
    await link.close();
    await listener.close();
  }
}

async function wholeResults(chain: NetworkChain, frames: readonly NamedTensors[]): Promise<NamedTensors[]> {
  const session = await ortNetworks()(rangeOf(chain, 0, chain.segments.length).toFile(chain.specs));
  const results: NamedTensors[] = [];
  for (const frame of frames) results.push(await session.run(frame));
  await session.close();
  return results;
}

/** Measures every part that the rover may run, and returns what packing costs it in each plan [ms here]. */
async function learnParts(rover: SlowRover, { chain, plans, frames }: RunOptions): Promise<number[]> {
  const frame = frames[0] ?? new Map<string, Tensor>();
  const end = chain.segments.length;
  const learn = async (first: number, last: number, alive: Map<string, Tensor>): Promise<readonly [NamedTensors, NamedTensors]> => {
    const part = rangeOf(chain, first, last);
    const inputs = new Map([...alive].filter(([name]) => part.inputs.includes(name)));
    const results = await rover.learn(part.toFile(chain.specs), inputs);
    for (const [name, tensor] of results) alive.set(name, tensor);
    return [inputs, results];
  };
  await learn(0, end, new Map(frame));
  const packing: number[] = [];
  for (const { serverLayers } of plans) {
    const alive = new Map(frame);
    let at = 0;
    let costMs = 0;
    for (const [first, last] of contiguousRanges(serverLayers)) {
      if (first > at) await learn(at, first, alive);
      const [sent, received] = await learn(first, last, alive);
      costMs += await packingMs(sent, received);
      at = last;
    }
    if (at < end) await learn(at, end, alive);
    packing.push(costMs);
  }
  return packing;
}

function difference(a: NamedTensors, b: NamedTensors): number {
  let largest = 0;
  for (const [name, tensor] of a) {
    if (tensor.type !== 'float32') continue;
    const other = b.get(name)?.data ?? new Uint8Array();
    const left = new Float32Array(new Uint8Array(tensor.data).buffer);
    const right = new Float32Array(new Uint8Array(other).buffer);
    for (const [at, value] of left.entries()) largest = Math.max(largest, Math.abs(value - (right[at] ?? Number.POSITIVE_INFINITY)));
  }
  return largest;
}
