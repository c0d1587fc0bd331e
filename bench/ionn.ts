// Incremental offloading (IONN, Jeong et al., SoCC 2018): its plans for AlexNet against the published figures, and our own detector over a
// link of 10 Mbit/s: queries while the weights are on their way, against all on board and against upload first.
import { access, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../shared/clock/system-clock.ts';
import { wireBytes } from '../shared/incremental/tensor-codec.ts';
import type { NetworkChain } from '../shared/onnx/chain.ts';
import { measureLayers, toLayerProfile, type LayerTimes } from '../shared/onnx/measure-layers.ts';
import { openChain } from '../shared/onnx/open-chain.ts';
import { ortNetworks } from '../shared/onnx/ort-session.ts';
import type { NamedTensors, TensorSpec } from '../shared/onnx/tensor.ts';
import { bytesPerMs } from '../shared/partition/edge-costs.ts';
import type { LayerProfile } from '../shared/partition/layer-profile.ts';
import { describePlaces, planUploads, type Partitioning } from '../shared/partition/plan-uploads.ts';
import { evaluationFrames } from '../sim/dataset/evaluation-scenes.ts';
import { DEVICE_PROFILES } from '../sim/device/device-profile.ts';
import { atMost, type Bench, type Target } from './bench-result.ts';
import { ALEXNET } from './support/alexnet-profile.ts';
import { runQueries, type RunOutcome } from './support/ionn-run.ts';
import { packingMs, processorSec, SlowRover } from './support/slow-rover.ts';

const MODEL = new URL('../../shared/modules/object-detection/model/hazards.onnx', import.meta.url);
const MBIT_PER_SEC = 10;
const QUERIES = 50;

/** Published: query times [ms] and cumulative uploads [s] of each plan, K = 0.8. */
const GOLDEN: Readonly<Record<number, readonly (readonly [queryMs: number, uploadSec: number])[]>> = {
  80: [
    [610, 0.13],
    [376, 0.89],
    [61, 23.3],
  ],
  10: [
    [669, 7.0],
    [332, 186],
  ],
};

/** What one detection takes on the rover of the missions, a Raspberry Pi 3B (Yadhav et al., CLOSER 2024) [ms]. */
const ROVER_MS = DEVICE_PROFILES['raspberry-pi-3b'].tasks['object-detection.detect'].seconds * 1000;

export const bench: Bench = {
  name: 'ionn',
  description: 'incremental offloading: plans for AlexNet, and 50 queries of the detector over 10 Mbit/s while its weights go up',
  run: async ({ log }) => {
    const results: Record<string, unknown> = { alexnet: alexnet() };
    const targets: Record<string, Target> = { alexnet_largest_relative_error: atMost(alexnetError(), 0.01) };
    const file = await modelFile();
    if (file === null) {
      log(`${fileURLToPath(MODEL)} is not there: the detector is not measured`);
      targets['time_over_all_on_board'] = atMost(null, 0.99);
      return { results, targets };
    }
    const open = ortNetworks();
    const chain = await openChain(await readFile(file), open);
    const frames = cameraFrames(chain);
    const measured = await measure(chain, frames);
    const slowdown = ROVER_MS / measured.times.wholeMs;
    const layers = profile(chain, measured, slowdown);
    const partitioning = planUploads(layers, { bandwidthMbps: MBIT_PER_SEC });
    log(`${partitioning.plans.length} plans; the rover is modelled ${slowdown.toFixed(0)} × as slow as this machine`);
    const rover = new SlowRover(open, new SystemClock(), slowdown);
    const common = { chain, frames, mbitPerSec: MBIT_PER_SEC, rover };
    const { plans } = partitioning;
    const runs: Record<string, RunOutcome> = {};
    const run = async (name: string, options: Partial<Parameters<typeof runQueries>[0]>): Promise<RunOutcome> => {
      const outcome = await runQueries({ ...common, plans, ...options });
      log(`${name}: ${outcome.totalSec.toFixed(2)} s for ${QUERIES} queries, the first after ${outcome.firstAnswerSec.toFixed(2)} s`);
      runs[name] = outcome;
      return outcome;
    };
    const onBoard = await run('all_on_board', { plans: [] });
    const incremental = await run('incremental', {});
    const uploadFirst = await run('upload_first', { plans: plans.slice(-1), uploadFirst: true });
    // IONN's own base line: on board until everything is there.
    await run('on_board_until_uploaded', { plans: plans.slice(-1) });
    results['detector'] = {
      link_mbit_per_s: MBIT_PER_SEC,
      times: `rover modelled: ${ROVER_MS} ms on board, ${slowdown.toFixed(0)} × the processor time here; host and link real`,
      whole_network_here_ms: measured.times.wholeMs,
      pays_from_rover_ms: paysFromMs(chain, measured),
      plans: describePlans(partitioning, layers),
      runs: Object.fromEntries(Object.entries(runs).map(([name, outcome]) => [name, describeRun(outcome)])),
    };
    return {
      results,
      targets: {
        ...targets,
        time_over_all_on_board: atMost(incremental.totalSec / onBoard.totalSec, 0.99),
        time_over_upload_first: atMost(incremental.totalSec / uploadFirst.totalSec, 0.99),
        first_answer_over_upload_first: atMost(incremental.firstAnswerSec / uploadFirst.firstAnswerSec, 0.5),
        largest_difference_to_whole: atMost(incremental.largestDifference, 1e-4),
      },
    };
  },
};

async function modelFile(): Promise<URL | null> {
  return access(MODEL).then(
    () => MODEL,
    () => null,
  );
}

/** Frames that the rovers' cameras would see, as the network takes them: 0…1, channels first. */
function cameraFrames(chain: NetworkChain): NamedTensors[] {
  const [spec] = chain.model.inputs.map(({ name }) => chain.specs.get(name) as TensorSpec);
  const [, , height = 0, width = 0] = spec?.dims ?? [];
  const frames: NamedTensors[] = [];
  for (const { data } of evaluationFrames({ frames: QUERIES, width, height })) {
    const values = new Float32Array(3 * width * height);
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) values[channel * width * height + pixel] = (data[3 * pixel + channel] ?? 0) / 255;
    }
    frames.push(new Map([[spec?.name ?? '', { type: 'float32', dims: spec?.dims ?? [], data: new Uint8Array(values.buffer) }]]));
  }
  return frames;
}

interface Measured {
  readonly times: LayerTimes;
  /** Packing an input for the link here [ms], and the input's size [bytes]. */
  readonly packMs: number;
  readonly inputBytes: number;
}

async function measure(chain: NetworkChain, frames: readonly NamedTensors[]): Promise<Measured> {
  const inputs = frames[0] as NamedTensors;
  const options = { clock: { nowSec: processorSec }, open: ortNetworks(), inputs, sizeOf: wireBytes, runs: 9 };
  const times = await measureLayers(chain, options);
  const inputBytes = [...inputs.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  return { times, packMs: await packingMs(inputs, new Map()), inputBytes };
}

/** Times as of a rover that is so much slower, and of this host; what crosses as it travels, packing it included. */
function profile(chain: NetworkChain, { times, packMs, inputBytes }: Measured, slowdown: number): readonly LayerProfile[] {
  return toLayerProfile(chain, times, { client: slowdown, server: 1 }).map((layer, index) => {
    // Packing goes by the bytes in memory; it delays like so many bytes more.
    const share = (chain.segments[index]?.inputBytes ?? 0) / inputBytes;
    return { ...layer, inputBytes: layer.inputBytes + packMs * slowdown * share * bytesPerMs(MBIT_PER_SEC) };
  });
}

/** The quickest rover that gains by offloading over this link, by its time for a query on board [ms], to 5 %. */
function paysFromMs(chain: NetworkChain, measured: Measured): number | string {
  for (let roverMs = 20; roverMs < 20_000; roverMs *= 1.05) {
    const layers = profile(chain, measured, roverMs / measured.times.wholeMs);
    if (planUploads(layers, { bandwidthMbps: MBIT_PER_SEC }).plans.length > 0) return roverMs;
  }
  return 'none up to 20 s';
}

function alexnet(): Record<string, unknown> {
  const entries = Object.keys(GOLDEN).map((mbps) => {
    const partitioning = planUploads(ALEXNET, { bandwidthMbps: Number(mbps), k: 0.8 });
    return [`at_${mbps}_mbit_per_s`, describePlans(partitioning, ALEXNET)];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function alexnetError(): number {
  let largest = 0;
  for (const [mbps, golden] of Object.entries(GOLDEN)) {
    const { plans } = planUploads(ALEXNET, { bandwidthMbps: Number(mbps), k: 0.8 });
    if (plans.length !== golden.length) return Number.POSITIVE_INFINITY;
    for (const [index, [queryMs, uploadSec]] of golden.entries()) {
      const plan = plans[index];
      largest = Math.max(
        largest,
        Math.abs((plan?.queryMs ?? 0) / queryMs - 1),
        // Published with two digits.
        Math.abs(Number((plan?.cumulativeUploadSec ?? 0).toPrecision(uploadSec < 10 ? 2 : 3)) / uploadSec - 1),
      );
    }
  }
  return largest;
}

function describePlans({ plans, onboard }: Partitioning, layers: readonly LayerProfile[]): Record<string, unknown> {
  const rows = plans.map((plan, index) => [
    `plan_${index + 1}`,
    {
      at_server: describePlaces(plan.serverLayers, layers),
      cumulative_upload_s: plan.cumulativeUploadSec,
      query_ms: plan.queryMs,
      query_j: plan.queryJ,
    },
  ]);
  return { all_on_board_ms: onboard.queryMs, ...Object.fromEntries(rows) };
}

function describeRun(outcome: RunOutcome): Record<string, unknown> {
  return {
    total_s: outcome.totalSec,
    first_answer_s: outcome.firstAnswerSec,
    uploaded_s: outcome.uploadedSec ?? 'not within the run',
    queries: outcome.queriesByPlan,
    largest_difference: outcome.largestDifference,
  };
}
