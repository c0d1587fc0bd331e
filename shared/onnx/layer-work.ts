// About how much work each layer of a chain is, from its weights and shapes alone: for devices that are modelled. Machines are measured.
import { bytesAt, type NetworkChain } from './chain.ts';
import type { LayerTimes } from './measure-layers.ts';
import { declaredBytes } from './weights.ts';

/** What moving one byte in or out costs, in multiply-adds: layers without weights are not free. */
const MOVE_COST = 4;

/** The share of each layer; together 1. A weight works once for each place of the picture that it meets. */
export function layerWork(chain: NetworkChain): readonly number[] {
  const work = chain.segments.map(({ part, inputBytes, outputBytes }, index) => {
    const weights = part.weights.reduce((sum, name) => {
      const tensor = chain.model.initializers.get(name);
      return sum + (tensor === undefined ? 0 : declaredBytes(tensor) / 4);
    }, 0);
    return weights * placesOf(chain, index) + MOVE_COST * (inputBytes + outputBytes);
  });
  const total = work.reduce((sum, value) => sum + value, 0);
  return work.map((value) => (total > 0 ? value / total : 1 / work.length));
}

/** The times of the layers of a network that takes so long on a modelled device [ms]. */
export function modelledLayerTimes(chain: NetworkChain, wholeMs: number): LayerTimes {
  return {
    wholeMs,
    queryMs: layerWork(chain).map((share) => share * wholeMs),
    loadMs: chain.segments.map(() => 0),
    // What is asked is a picture of 8 bits, which is packed for the link (shared/incremental/tensor-packing.ts).
    cutBytes: chain.cuts.map((cut, index) => bytesAt(cut, chain.specs) / (index === 0 ? 4 : 1)),
  };
}

/** Height × width of what a layer makes; of what it takes, where that is no picture. */
function placesOf(chain: NetworkChain, index: number): number {
  const taken = chain.cuts[index]?.tensors ?? [];
  const made = (chain.cuts[index + 1]?.tensors ?? []).filter((name) => !taken.includes(name));
  const places = (names: readonly string[]): readonly number[] =>
    names.flatMap((name) => {
      const dims = chain.specs.get(name)?.dims ?? [];
      return dims.length === 4 ? [(dims[2] ?? 0) * (dims[3] ?? 0)] : [];
    });
  const known = places(made);
  return Math.max(
    1,
    ...(known.length > 0
      ? known
      : places(taken)
          .toSorted((a, b) => a - b)
          .slice(0, 1)),
  );
}
