// In which order a network's layers go to the server, so that queries gain before the upload ends: IONN (Jeong et al., SoCC 2018, algorithm 1).
import { OutriderError } from '../errors.ts';
import { bytesPerMs, IONN_CLIENT_POWER, layerCosts, type ClientPower } from './edge-costs.ts';
import type { LayerProfile } from './layer-profile.ts';
import { cheapestPlaces, queryCost } from './shortest-path.ts';

export interface PlanOptions {
  readonly bandwidthMbps: number;
  /** K of the paper, 0 < K < 1: small, and large pieces go up at once; near 1, many small ones. Default 0.8. */
  readonly k?: number;
  /** Layers that never leave the client: with 1 or more, no raw frame does. Default 0. */
  readonly minLayersOnboard?: number;
  /** Least energy of the client in place of least time. */
  readonly energy?: boolean;
  readonly power?: ClientPower;
}

/** One stage: what it adds to the server, and what a query costs from when that has arrived. */
export interface UploadPlan {
  /** Indices of all layers that run at the server. */
  readonly serverLayers: readonly number[];
  /** Of these, the ones to upload now, in this order. */
  readonly newLayers: readonly number[];
  readonly uploadBytes: number;
  /** Time on the link from the start of the first plan's upload until this one has arrived [s]. */
  readonly cumulativeUploadSec: number;
  readonly queryMs: number;
  /** Energy of the client for one query [J]. */
  readonly queryJ: number;
}

export interface Partitioning {
  readonly plans: readonly UploadPlan[];
  /** A query with every layer at the client. */
  readonly onboard: { readonly queryMs: number; readonly queryJ: number };
}

const DEFAULT_K = 0.8;
/** From here on the upload counts as done. */
const UPLOADED = 0.999;
/** The loop runs log(1 − UPLOADED) / log(K) times; this bounds K. */
const MAX_K = 0.9999;

/** The plans in the order of their uploads; none where the link is too slow for any gain. Throws OUT_MODEL_PROFILE for impossible options. */
export function planUploads(layers: readonly LayerProfile[], options: PlanOptions): Partitioning {
  const { bandwidthMbps, k: factor = DEFAULT_K, minLayersOnboard = 0, energy = false, power = IONN_CLIENT_POWER } = options;
  if (!(factor > 0 && factor <= MAX_K)) {
    throw new OutriderError('OUT_MODEL_PROFILE', `K = ${factor} arrived, it must be above 0 and at most ${MAX_K}`);
  }
  if (!(Number.isInteger(minLayersOnboard) && minLayersOnboard >= 0 && minLayersOnboard <= layers.length)) {
    throw new OutriderError('OUT_MODEL_PROFILE', `minLayersOnboard = ${minLayersOnboard} arrived; the network has ${layers.length} layers`);
  }
  const times = layerCosts(layers, bandwidthMbps);
  const energies = layerCosts(layers, bandwidthMbps, power);
  const wanted = energy ? energies : times;
  const speed = bytesPerMs(bandwidthMbps);

  const plans: UploadPlan[] = [];
  const uploaded = new Set<number>();
  let before = '';
  let cumulativeMs = 0;
  for (let n = 0, uploadedShare = 0; uploadedShare < 1; n += 1) {
    const share = 1 - factor ** n;
    uploadedShare = share > UPLOADED ? 1 : share;
    const places = cheapestPlaces(wanted, { uploadedShare, minLayersOnboard });
    const serverLayers = [...places.keys()].filter((index) => places[index] === true);
    if (serverLayers.length === 0 || serverLayers.join() === before) continue;
    before = serverLayers.join();
    const newLayers = serverLayers.filter((index) => !uploaded.has(index));
    const uploadBytes = newLayers.reduce((sum, index) => sum + (layers[index]?.weightBytes ?? 0), 0);
    for (const index of newLayers) uploaded.add(index);
    cumulativeMs += uploadBytes / speed;
    plans.push({
      serverLayers,
      newLayers,
      uploadBytes,
      cumulativeUploadSec: cumulativeMs / 1000,
      queryMs: queryCost(times, places),
      queryJ: queryCost(energies, places) / 1000,
    });
  }
  const onboard = layers.map(() => false);
  return { plans, onboard: { queryMs: queryCost(times, onboard), queryJ: queryCost(energies, onboard) / 1000 } };
}

/** Runs of neighbouring layers: [first, end) of each, ascending. */
export function contiguousRanges(layers: readonly number[]): readonly (readonly [first: number, end: number])[] {
  const ranges: [number, number][] = [];
  for (const layer of layers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === layer) last[1] = layer + 1;
    else ranges.push([layer, layer + 1]);
  }
  return ranges;
}

/** `conv1–pool2, fc6–fc8`: the ranges of a plan by the layers' names. */
export function describePlaces(serverLayers: readonly number[], layers: readonly LayerProfile[]): string {
  const name = (index: number): string => layers[index]?.name ?? String(index);
  return contiguousRanges(serverLayers)
    .map(([first, end]) => (end - first === 1 ? name(first) : `${name(first)}–${name(end - 1)}`))
    .join(', ');
}
