// The times of a chain's layers, measured by running each by itself on this machine.
import type { LayerProfile } from '../partition/layer-profile.ts';
import type { Clock } from '../ports/clock.ts';
import { rangeOf, type NetworkChain } from './chain.ts';
import { plainInputs } from './measure-tensors.ts';
import type { OpenNetwork } from './ort-session.ts';
import type { NamedTensors, TensorSpec } from './tensor.ts';

export interface LayerTimes {
  /** One query through each layer [ms]; together they are {@link wholeMs}. */
  readonly queryMs: readonly number[];
  /** One query through the whole network [ms]. */
  readonly wholeMs: number;
  /** Making each layer's session [ms], once. */
  readonly loadMs: readonly number[];
  /** What is alive at each cut, both ends included, as it would travel [bytes]; one more than layers. */
  readonly cutBytes: readonly number[];
}

export interface LayerTimesOptions {
  readonly clock: Pick<Clock, 'nowSec'>;
  readonly open: OpenNetwork;
  /** Measured runs of each layer, after one that is not counted. Default 5. */
  readonly runs?: number;
  /** The query to measure with: what travels may depend on it. Default: a ramp. */
  readonly inputs?: NamedTensors;
  /** Size of tensors on the link [bytes]. Default: as they are in memory. */
  readonly sizeOf?: (tensors: NamedTensors) => number;
}

/**
 * Runs each segment on the results of the one before. Layers by themselves take longer than within a network (what the runtime fuses, and
 * how it lays tensors out, ends at their borders), so their times are scaled to the whole's. Rejects as {@link OpenNetwork} and the runs do.
 */
export async function measureLayers(chain: NetworkChain, options: LayerTimesOptions): Promise<LayerTimes> {
  const { clock, open, runs = 5, sizeOf = plainBytes } = options;
  const given = options.inputs ?? plainInputs(chain.model.inputs.map(({ name }) => chain.specs.get(name) as TensorSpec));
  const alive = new Map(given);
  const sizeAt = (cut: number): number => sizeOf(new Map([...alive].filter(([name]) => chain.cuts[cut]?.tensors.includes(name))));
  const cutBytes = [sizeAt(0)];
  const queryMs: number[] = [];
  const loadMs: number[] = [];
  for (const index of chain.segments.keys()) {
    const part = rangeOf(chain, index, index + 1);
    const file = part.toFile(chain.specs);
    const openedSec = clock.nowSec();
    const session = await open(file);
    loadMs.push((clock.nowSec() - openedSec) * 1000);
    const inputs: NamedTensors = new Map([...alive].filter(([name]) => part.inputs.includes(name)));
    try {
      for (const [name, tensor] of await session.run(inputs)) alive.set(name, tensor);
      queryMs.push(await medianMs(() => session.run(inputs), clock, runs));
    } finally {
      await session.close();
    }
    cutBytes.push(sizeAt(index + 1));
  }
  const whole = await open(rangeOf(chain, 0, chain.segments.length).toFile(chain.specs));
  try {
    await whole.run(given);
    const wholeMs = await medianMs(() => whole.run(given), clock, runs);
    const scale = wholeMs / queryMs.reduce((sum, ms) => sum + ms, 0);
    return { queryMs: queryMs.map((ms) => (Number.isFinite(scale) ? ms * scale : ms)), wholeMs, loadMs, cutBytes };
  } finally {
    await whole.close();
  }
}

async function medianMs(work: () => Promise<unknown>, clock: Pick<Clock, 'nowSec'>, runs: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const startedSec = clock.nowSec();
    await work();
    times.push((clock.nowSec() - startedSec) * 1000);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function plainBytes(tensors: NamedTensors): number {
  let bytes = 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  return bytes;
}

/** Client and server as multiples of the measured machine: 20 is one that takes twenty times as long. */
export interface MachineFactors {
  readonly client: number;
  readonly server: number;
}

/** What the partitioner takes. */
export function toLayerProfile(chain: NetworkChain, times: LayerTimes, factors: MachineFactors): readonly LayerProfile[] {
  return chain.segments.map(({ name, weightBytes }, index) => ({
    name,
    inputBytes: times.cutBytes[index] ?? 0,
    outputBytes: times.cutBytes[index + 1] ?? 0,
    weightBytes,
    clientMs: (times.queryMs[index] ?? 0) * factors.client,
    serverMs: (times.queryMs[index] ?? 0) * factors.server,
    loadMs: (times.loadMs[index] ?? 0) * factors.server,
  }));
}
