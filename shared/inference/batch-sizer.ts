// Learns how many requests to compute at once: what a run of each size costs per request is measured as it happens.

/** Runs of a size before it is judged; the first one also pays for memory that later ones find allocated. */
const TRIALS = 4;
/** Weight of the newest measurement. */
const LEARNING_RATE = 0.2;
/**
 * A batch must be cheaper than single runs by this share: all but its last request wait longer in it, and those who asked together ask
 * together again, while the engine idles.
 */
const LEAST_GAIN = 0.05;
/** Sizes that were found too dear are tried again after so many runs: load and clocks change. */
const RETRY_RUNS = 500;

interface Cost {
  runs: number;
  perRequestMs: number;
  /** Number of the run that measured it last. */
  at: number;
}

export class BatchSizer {
  readonly #sizes: readonly number[];
  readonly #leastGain: number;
  readonly #costs = new Map<number, Cost>();
  #run = 0;

  /** Sizes are powers of two up to `max`: engines plan memory per shape. */
  constructor(max: number, leastGain = LEAST_GAIN) {
    this.#leastGain = leastGain;
    const sizes: number[] = [];
    for (let size = 1; size <= Math.max(1, max); size *= 2) sizes.push(size);
    this.#sizes = sizes;
  }

  /** How many of `waiting` (at least 1) requests to take. */
  choose(waiting: number): number {
    const possible = this.#sizes.filter((size) => size <= waiting);
    const untried = possible.findLast(
      (size) => (this.#costs.get(size)?.runs ?? 0) < TRIALS || this.#run - (this.#costs.get(size)?.at ?? 0) > RETRY_RUNS,
    );
    if (untried !== undefined) return untried;
    const single = this.#costs.get(1)?.perRequestMs ?? Infinity;
    let best = 1;
    let bestMs = single * (1 - this.#leastGain);
    for (const size of possible.slice(1)) {
      const { perRequestMs } = this.#costs.get(size) as Cost;
      if (perRequestMs < bestMs) [best, bestMs] = [size, perRequestMs];
    }
    return best;
  }

  note(size: number, elapsedMs: number): void {
    this.#run += 1;
    const perRequestMs = elapsedMs / size;
    const cost = this.#costs.get(size);
    if (cost === undefined) this.#costs.set(size, { runs: 1, perRequestMs: Infinity, at: this.#run });
    else {
      cost.perRequestMs = cost.runs === 1 ? perRequestMs : cost.perRequestMs + LEARNING_RATE * (perRequestMs - cost.perRequestMs);
      cost.runs += 1;
      cost.at = this.#run;
    }
  }
}
