// Learns how many requests to compute at once. Not what a run costs decides, but how fast requests get done while batches are held to a
// size: whoever is served together asks again together, and the engine idles or takes the cores that prepare the next frames. So each
// bound on the size is kept for a while, and the one under which requests took least time is kept for good (compare Clipper, Crankshaw
// et al., NSDI 2017, whose batches grow by measured latency).

/** Requests for which a bound is kept before it is judged. */
const EPOCH_REQUESTS = 24;
/** Epochs before a bound is trusted; the first one also pays for memory that later ones find allocated. */
const TRIALS = 2;
/** Weight of the newest epoch. */
const LEARNING_RATE = 0.4;
/** Batches must be better than single runs by this share, which is about how much epochs scatter: all but the last in a batch wait longer. */
const LEAST_GAIN = 0.05;
/** A bound that lost is tried again after so many epochs, and each time it loses again, after twice as many: load and clocks change. */
const RETRY_EPOCHS = 16;
const MAX_RETRY_EPOCHS = 512;

interface Bound {
  readonly size: number;
  epochs: number;
  perRequestMs: number;
  /** Number of the epoch from which it may be tried again. */
  retryAt: number;
  retryAfter: number;
}

export class BatchSizer {
  readonly #bounds: readonly Bound[];
  #bound: Bound;
  #epoch = 0;
  #requests = 0;
  #elapsedMs = 0;

  /** Sizes are powers of two up to `max`: engines plan memory per shape. */
  constructor(max: number) {
    const bound = (size: number): Bound => ({ size, epochs: 0, perRequestMs: Infinity, retryAt: 0, retryAfter: RETRY_EPOCHS });
    this.#bound = bound(1);
    const bounds = [this.#bound];
    for (let size = 2; size <= max; size *= 2) bounds.push((this.#bound = bound(size)));
    this.#bounds = bounds;
  }

  /** The largest batch allowed at present. */
  get bound(): number {
    return this.#bound.size;
  }

  /** How many of `waiting` (at least 1) requests to take. */
  choose(waiting: number): number {
    const most = Math.min(waiting, this.#bound.size);
    return this.#bounds.findLast(({ size }) => size <= most)?.size ?? 1;
  }

  /** `requests` were done in a time [ms] in which others waited: from the start of their run to that of the next. */
  note(requests: number, elapsedMs: number): void {
    this.#requests += requests;
    this.#elapsedMs += elapsedMs;
    if (this.#requests < EPOCH_REQUESTS) return;
    const bound = this.#bound;
    const perRequestMs = this.#elapsedMs / this.#requests;
    // What was measured while memory was allocated is replaced, not averaged.
    bound.perRequestMs = bound.epochs < TRIALS ? perRequestMs : bound.perRequestMs + LEARNING_RATE * (perRequestMs - bound.perRequestMs);
    bound.epochs += 1;
    this.#epoch += 1;
    this.#requests = 0;
    this.#elapsedMs = 0;
    this.#bound = this.#next(bound);
  }

  #next(last: Bound): Bound {
    if (last.epochs < TRIALS) return last;
    const best = this.#best();
    if (last !== best) {
      last.retryAt = this.#epoch + last.retryAfter;
      last.retryAfter = Math.min(MAX_RETRY_EPOCHS, 2 * last.retryAfter);
    }
    const open = this.#bounds.findLast((bound) => bound !== best && (bound.epochs < TRIALS || bound.retryAt <= this.#epoch));
    return open ?? best;
  }

  #best(): Bound {
    const [single, ...larger] = this.#bounds as [Bound, ...Bound[]];
    let best = single;
    let bestMs = single.perRequestMs * (1 - LEAST_GAIN);
    for (const bound of larger) if (bound.perRequestMs < bestMs) [best, bestMs] = [bound, bound.perRequestMs];
    return best;
  }
}
