// The way a rover has come, thinned, in bounded memory.

/** Points closer than this to the last one are not kept [m]. */
const SPACING_M = 0.12;
const MAX_POINTS = 3000;

export class Trail {
  #points: [number, number][] = [];

  /** Map frame [m], oldest first. */
  get points(): readonly (readonly [number, number])[] {
    return this.#points;
  }

  push(x: number, y: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && Math.hypot(x - last[0], y - last[1]) < SPACING_M) return;
    this.#points.push([x, y]);
    // The older half is halved: recent motion stays exact, the far past stays visible.
    if (this.#points.length > MAX_POINTS) {
      const half = MAX_POINTS / 2;
      this.#points = [...this.#points.slice(0, half).filter((_, index) => index % 2 === 0), ...this.#points.slice(half)];
    }
  }

  clear(): void {
    this.#points = [];
  }
}
