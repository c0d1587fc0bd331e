// A token bucket: so many events at once, so many per second on average.

export class RateLimit {
  readonly #perSec: number;
  readonly #burst: number;
  #tokens: number;
  #refilledSec: number;

  constructor(perSec: number, burst: number, nowSec: number) {
    this.#perSec = perSec;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledSec = nowSec;
  }

  /** Takes one token; false: too fast. */
  take(nowSec: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowSec - this.#refilledSec) * this.#perSec);
    this.#refilledSec = nowSec;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
