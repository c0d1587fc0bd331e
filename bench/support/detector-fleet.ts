// Frames of several rovers through the inference of one live edge host: how many, and how late the latest are.
import { encodeJpeg } from '../../robot/perception/jpeg-encoder.ts';
import { PICTURE_LEVELS, type PictureLevel } from '../../robot/perception/jpeg-policy.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { NeuralDetectorHandle, NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import type { LabelledFrame } from '../../sim/dataset/scene-shots.ts';
import { quantile } from '../bench-result.ts';
import { benchRover, benchSite } from './edge-bench-site.ts';
import { childProcesses, processTimes } from './process-times.ts';

export interface FleetRun {
  readonly frames_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Processor time of the host per frame: what other work on the machine changes least [ms]. */
  readonly host_cpu_ms: number;
}

export interface BenchFleet {
  /** Lets each rover send its next frame when the last one is answered, for so long. */
  run(seconds: number): Promise<FleetRun>;
  close(): Promise<void>;
}

/** A site of one host, and rovers whose detectors run there. */
export async function openFleet(options: {
  readonly bundle: ModuleBundle;
  readonly frame: LabelledFrame;
  readonly rovers: number;
  readonly maxBatch: number;
}): Promise<BenchFleet> {
  const { bundle, rovers, maxBatch } = options;
  const before = new Set(await childProcesses());
  const site = await benchSite({ hosts: 1, spareWorkers: 2, inference: { maxBatch } });
  const host = (await childProcesses()).find((pid) => !before.has(pid));
  if (host === undefined) throw new Error('the host is no process of its own');
  const { data, ...size } = await encodeJpeg(options.frame, PICTURE_LEVELS[0] as PictureLevel);
  const frame: NeuralFrame = { model: 'hazards', encoding: 'jpeg', ...size, data };
  const fleet = await Promise.all(
    Array.from({ length: rovers }, (_, index) => benchRover<NeuralDetectorHandle>(site, `r${index + 1}`, bundle)),
  );
  const close = async (): Promise<void> => {
    for (const rover of fleet) await rover.close();
    await site.close();
  };
  const run = async (seconds: number): Promise<FleetRun> => {
    const taken: number[] = [];
    const cpuSec = (await processTimes(host)).cpuSec;
    const startedMs = performance.now();
    await Promise.all(
      fleet.map(async ({ module }) => {
        while (performance.now() < startedMs + seconds * 1000) {
          const sentMs = performance.now();
          await module.handle.detect(frame);
          taken.push(performance.now() - sentMs);
        }
      }),
    );
    const elapsedSec = (performance.now() - startedMs) / 1000;
    const host_cpu_ms = (1000 * ((await processTimes(host)).cpuSec - cpuSec)) / taken.length;
    return { frames_per_s: taken.length / elapsedSec, p50_ms: quantile(taken, 0.5), p99_ms: quantile(taken, 0.99), host_cpu_ms };
  };
  try {
    for (const { module } of fleet) {
      const report = await module.offload({ reason: 'bench' });
      if (report.outcome !== 'moved') throw report.error ?? new Error(`${report.outcome}: ${report.reason}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { run, close };
}

export interface FleetComparison {
  readonly single: FleetRun;
  readonly batched: FleetRun;
  /** Of the rounds: batched by single, so that more is better. */
  readonly throughput_gains: readonly number[];
  readonly batching_throughput_gain: number;
  /** Single by batched, so that more is better. */
  readonly batching_p99_gain: number;
  /** Processor time of the host per frame, single by batched. */
  readonly batching_cpu_gain: number;
}

/** The same fleet without and with batching, in turns, so that a busy machine disturbs both alike; medians over the rounds. */
export async function compareBatching(options: {
  readonly bundle: ModuleBundle;
  readonly frame: LabelledFrame;
  readonly rovers: number;
  readonly rounds: number;
  readonly roundSec: number;
  readonly learnSec: number;
}): Promise<FleetComparison> {
  const { rounds, roundSec, learnSec } = options;
  const fleets: BenchFleet[] = [];
  try {
    for (const maxBatch of [1, 8]) fleets.push(await openFleet({ ...options, maxBatch }));
    const [single, batched] = fleets as [BenchFleet, BenchFleet];
    // Sizes are learnt meanwhile, as they would be on a site that runs.
    for (const fleet of fleets) await fleet.run(learnSec);
    const runs: { readonly single: FleetRun; readonly batched: FleetRun }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // Whoever comes second meets a warmer machine: the order changes.
      const first = await (round % 2 === 0 ? single : batched).run(roundSec);
      const second = await (round % 2 === 0 ? batched : single).run(roundSec);
      runs.push(round % 2 === 0 ? { single: first, batched: second } : { single: second, batched: first });
    }
    const gains = runs.map((run) => run.batched.frames_per_s / run.single.frames_per_s);
    return {
      single: medianRun(runs.map((run) => run.single)),
      batched: medianRun(runs.map((run) => run.batched)),
      throughput_gains: gains,
      batching_throughput_gain: quantile(gains, 0.5),
      batching_p99_gain: quantile(
        runs.map((run) => run.single.p99_ms / run.batched.p99_ms),
        0.5,
      ),
      batching_cpu_gain: quantile(
        runs.map((run) => run.single.host_cpu_ms / run.batched.host_cpu_ms),
        0.5,
      ),
    };
  } finally {
    for (const fleet of fleets) await fleet.close();
  }
}

function medianRun(runs: readonly FleetRun[]): FleetRun {
  const median = (pick: (run: FleetRun) => number): number => quantile(runs.map(pick), 0.5);
  return {
    frames_per_s: median((run) => run.frames_per_s),
    p50_ms: median((run) => run.p50_ms),
    p99_ms: median((run) => run.p99_ms),
    host_cpu_ms: median((run) => run.host_cpu_ms),
  };
}
