// Smooth motion between telemetry messages: the drawn pose glides from where it is to the newest pose within one message interval.
import { normalizeAngle } from '../../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../../shared/geometry/pose2.ts';

/** Beyond this a pose is a correction, not a motion: no gliding through walls [m]. */
const JUMP_M = 2;
const SHORTEST_MS = 16;
const LONGEST_MS = 1200;

/** Continuous in time and never ahead of what the rover said; page time in ms. */
export class PoseTrack {
  #from: Pose2 | null = null;
  #to: Pose2 | null = null;
  #startMs = 0;
  #intervalMs = 250;

  /** The newest pose as reported; null before the first. */
  get latest(): Pose2 | null {
    return this.#to;
  }

  push(pose: Pose2, nowMs: number): void {
    const drawn = this.at(nowMs);
    const jump = drawn === null || Math.hypot(pose.x - drawn.x, pose.y - drawn.y) > JUMP_M;
    if (this.#to !== null) {
      const interval = Math.min(Math.max(nowMs - this.#startMs, SHORTEST_MS), LONGEST_MS);
      this.#intervalMs += 0.25 * (interval - this.#intervalMs);
    }
    this.#from = jump ? pose : drawn;
    this.#to = pose;
    this.#startMs = nowMs;
  }

  /** The pose to draw, or null before the first push. */
  at(nowMs: number): Pose2 | null {
    const from = this.#from;
    const to = this.#to;
    if (from === null || to === null) return null;
    // A little longer than the interval, so that a late message does not show as a stop.
    const share = Math.min(Math.max((nowMs - this.#startMs) / (this.#intervalMs * 1.15), 0), 1);
    return {
      x: from.x + share * (to.x - from.x),
      y: from.y + share * (to.y - from.y),
      theta: normalizeAngle(from.theta + share * normalizeAngle(to.theta - from.theta)),
    };
  }

  /** True while the drawn pose still changes. */
  moving(nowMs: number): boolean {
    return this.#to !== null && nowMs - this.#startMs < this.#intervalMs * 1.15;
  }
}
