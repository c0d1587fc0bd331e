// A short history of one figure for a sparkline, in mission time.

const SPACING_SEC = 1;
const MAX_SAMPLES = 120;

export interface Sample {
  readonly stampSec: number;
  readonly value: number;
}

export class Series {
  #samples: Sample[] = [];

  /** Oldest first, at most 120, a second or more apart. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Takes a sample; within a second of the last kept one it is skipped. */
  push(stampSec: number, value: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && stampSec - last.stampSec < SPACING_SEC) return;
    this.#samples.push({ stampSec, value });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  clear(): void {
    this.#samples = [];
  }
}
