// How long each step of an offload took, for reports.
import type { Clock } from '../../shared/ports/clock.ts';

export class StepTimes {
  readonly #clock: Clock;
  readonly #steps: Record<string, number> = {};
  #lastSec: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastSec = clock.nowSec();
  }

  /** The time since the last mark went into `step`. */
  mark(step: string): void {
    const now = this.#clock.nowSec();
    this.add(step, now - this.#lastSec);
    this.#lastSec = now;
  }

  /** Books seconds that were measured elsewhere. */
  add(step: string, seconds: number): void {
    this.#steps[step] = (this.#steps[step] ?? 0) + seconds * 1000;
  }

  /** Steps in order [ms]. */
  all(): Readonly<Record<string, number>> {
    return { ...this.#steps };
  }
}
