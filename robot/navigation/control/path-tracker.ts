// A path in metres and how far along it the rover is.
import type { Point2, Pose2 } from '../../../shared/geometry/pose2.ts';

/** How far ahead of the last progress the nearest point is sought [m]: keeps self-crossing paths in order. */
const SEARCH_AHEAD_M = 1.5;

export class PathTracker {
  readonly #points: Float64Array;
  readonly #along: Float64Array;
  #progressM = 0;

  /** `points`: x, y pairs in the map frame [m], at least one. */
  constructor(points: Float64Array) {
    this.#points = points;
    this.#along = new Float64Array(points.length / 2);
    for (let i = 1; i < this.#along.length; i += 1) {
      this.#along[i] =
        (this.#along[i - 1] as number) +
        Math.hypot(
          (points[2 * i] as number) - (points[2 * i - 2] as number),
          (points[2 * i + 1] as number) - (points[2 * i - 1] as number),
        );
    }
  }

  get lengthM(): number {
    return this.#along.at(-1) ?? 0;
  }

  get progressM(): number {
    return this.#progressM;
  }

  get remainingM(): number {
    return this.lengthM - this.#progressM;
  }

  get end(): Point2 {
    const n = this.#points.length;
    return { x: this.#points[n - 2] ?? 0, y: this.#points[n - 1] ?? 0 };
  }

  /** Moves the progress to the nearest point ahead; returns the distance from the path [m]. */
  update(pose: Pose2): number {
    const points = this.#points;
    let best = Infinity;
    let at = this.#progressM;
    if (this.#along.length < 2) return Math.hypot(pose.x - this.end.x, pose.y - this.end.y);
    for (let i = 1; i < this.#along.length; i += 1) {
      const from = this.#along[i - 1] as number;
      const to = this.#along[i] as number;
      if (to < this.#progressM) continue;
      if (from > this.#progressM + SEARCH_AHEAD_M) break;
      const ax = points[2 * i - 2] as number;
      const ay = points[2 * i - 1] as number;
      const bx = (points[2 * i] as number) - ax;
      const by = (points[2 * i + 1] as number) - ay;
      const length2 = bx * bx + by * by;
      const lowest = to > from ? Math.max(0, (this.#progressM - from) / (to - from)) : 0;
      const t = length2 === 0 ? 0 : Math.min(1, Math.max(lowest, ((pose.x - ax) * bx + (pose.y - ay) * by) / length2));
      const distance = Math.hypot(pose.x - ax - t * bx, pose.y - ay - t * by);
      if (distance < best) {
        best = distance;
        at = from + t * (to - from);
      }
    }
    this.#progressM = Math.max(this.#progressM, at);
    return best;
  }

  /** The point `aheadM` beyond the progress, at most the end. */
  pointAhead(aheadM: number): Point2 {
    return this.pointAt(this.#progressM + aheadM);
  }

  /** The point `alongM` from the start. */
  pointAt(alongM: number): Point2 {
    const points = this.#points;
    for (let i = 1; i < this.#along.length; i += 1) {
      const to = this.#along[i] as number;
      if (to < alongM) continue;
      const from = this.#along[i - 1] as number;
      const t = to > from ? Math.max(0, (alongM - from) / (to - from)) : 0;
      return {
        x: (points[2 * i - 2] as number) + t * ((points[2 * i] as number) - (points[2 * i - 2] as number)),
        y: (points[2 * i - 1] as number) + t * ((points[2 * i + 1] as number) - (points[2 * i - 1] as number)),
      };
    }
    return this.end;
  }

  /** The way ahead from the progress on, thinned to at most `max` points. */
  ahead(max: number): (readonly [number, number])[] {
    const result: (readonly [number, number])[] = [];
    const here = this.pointAt(this.#progressM);
    result.push([here.x, here.y]);
    for (let i = 0; i < this.#along.length; i += 1) {
      if ((this.#along[i] as number) > this.#progressM) result.push([this.#points[2 * i] as number, this.#points[2 * i + 1] as number]);
    }
    if (result.length <= max) return result;
    return Array.from({ length: max }, (_, k) => result[Math.round((k * (result.length - 1)) / (max - 1))] as readonly [number, number]);
  }
}
