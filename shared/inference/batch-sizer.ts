// Learns how many requests to compute at once. Not what a run costs decides, but how fast requests get done while batches are held to a
// size: whoever is served together asks again together, and the engine idles or takes the cores that prepare the next frames. Single runs
// are what is left only for good reason: the next larger bound is tried in turns with the present one, so that a busy machine disturbs both
// alike, and has to win every turn; one lost turn is enough to go back (compare Clipper, Crankshaw et al., NSDI 2017, whose batches grow by
// measured latency).

/** Requests for which a bound is kept before it is judged. */
const EPOCH_REQUESTS = 24;
/** Turns that a larger bound has to win, one after the other. Epochs of equal bounds scatter by a quarter on a machine with other work. */
const TURNS = 4;
/** It wins a turn by taking less time for each request by this share: all but the last in a batch wait longer. */
const LEAST_GAIN = 0.1;
/** A bound above single runs has to be better than those by this share, each time it is looked at. */
const LEAST_LEAD = 0.05;
/** Epochs before the first trial, in which the machine warms up. */
const FIRST_EPOCHS = 2;
/** A larger bound that lost is tried again after so many epochs, and each time it loses again, after twice as many: load and clocks change. */
const RETRY_EPOCHS = 32;
const MAX_RETRY_EPOCHS = 1024;
/** So often single runs are compared with a larger bound that is in force; while that stays better, less and less often. */
const REVIEW_EPOCHS = 16;
const MAX_REVIEW_EPOCHS = 256;

interface Bound {
  readonly size: number;
  /** The first run of a size pays for memory that later ones find allocated: it does not count. */
  warm: boolean;
  /** Of its last epoch. */
  perRequestMs: number;
  /** Number of the epoch from which it may be tried again. */
  retryAt: number;
  retryAfter: number;
}

export class BatchSizer {
  readonly #bounds: readonly Bound[];
  /** In force. */
  #champion: Bound;
  /** Takes turns with it; null: nothing is tried. */
  #challenger: Bound | null = null;
  #bound: Bound;
  #turnsWon = 0;
  #epoch = 0;
  #reviewAt = 0;
  #reviewAfter = REVIEW_EPOCHS;
  #requests = 0;
  #elapsedMs = 0;

  /** Sizes are powers of two up to `max`: engines plan memory per shape. */
  constructor(max: number) {
    const bounds: Bound[] = [];
    for (let size = 1; size === 1 || size <= max; size *= 2) {
      bounds.push({ size, warm: false, perRequestMs: Infinity, retryAt: FIRST_EPOCHS, retryAfter: RETRY_EPOCHS });
    }
    this.#bounds = bounds;
    this.#champion = this.#single;
    this.#bound = this.#champion;
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
    const bound = this.#bound;
    if (!bound.warm) {
      bound.warm = true;
      return;
    }
    this.#requests += requests;
    this.#elapsedMs += elapsedMs;
    if (this.#requests < EPOCH_REQUESTS) return;
    bound.perRequestMs = this.#elapsedMs / this.#requests;
    this.#epoch += 1;
    this.#requests = 0;
    this.#elapsedMs = 0;
    if (bound === this.#champion) this.#challenger ??= this.#due();
    else this.#judge(bound);
    this.#bound = bound === this.#champion ? (this.#challenger ?? bound) : this.#champion;
  }

  get #single(): Bound {
    return this.#bounds[0] as Bound;
  }

  /** What is to be tried now, against the bound in force. */
  #due(): Bound | null {
    const champion = this.#champion;
    const larger = this.#bounds[this.#bounds.indexOf(champion) + 1];
    if (larger !== undefined && larger.retryAt <= this.#epoch) return larger;
    if (champion === this.#single) return null;
    // What is no better than single runs were is looked at without delay.
    const pays = champion.perRequestMs <= this.#single.perRequestMs * (1 - LEAST_LEAD);
    return this.#epoch >= this.#reviewAt || !pays ? this.#single : null;
  }

  /** After the challenger's turn: the champion had its own just before. */
  #judge(challenger: Bound): void {
    const champion = this.#champion;
    if (challenger === this.#single) {
      const leads = champion.perRequestMs <= challenger.perRequestMs * (1 - LEAST_LEAD);
      this.#reviewAfter = leads ? Math.min(MAX_REVIEW_EPOCHS, 2 * this.#reviewAfter) : REVIEW_EPOCHS;
      this.#reviewAt = this.#epoch + this.#reviewAfter;
      this.#settle(leads ? champion : challenger);
      if (!leads) this.#putOff(this.#bounds[1] as Bound);
      return;
    }
    if (challenger.perRequestMs > champion.perRequestMs * (1 - LEAST_GAIN)) {
      this.#putOff(challenger);
      this.#settle(champion);
      return;
    }
    this.#turnsWon += 1;
    if (this.#turnsWon < TURNS) return;
    challenger.retryAfter = RETRY_EPOCHS;
    this.#reviewAt = this.#epoch + this.#reviewAfter;
    this.#settle(challenger);
  }

  #putOff(bound: Bound): void {
    bound.retryAt = this.#epoch + bound.retryAfter;
    bound.retryAfter = Math.min(MAX_RETRY_EPOCHS, 2 * bound.retryAfter);
  }

  #settle(champion: Bound): void {
    this.#champion = champion;
    this.#challenger = null;
    this.#turnsWon = 0;
  }
}
