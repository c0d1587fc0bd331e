// Where the rover was a moment ago: frames and scans are stamped before they are looked at.
import { angleDifference, normalizeAngle } from '../shared/geometry/angle.ts';
import type { Pose2 } from '../shared/geometry/pose2.ts';

interface Entry {
  readonly stampSec: number;
  readonly pose: Pose2;
}

/** Keeps the poses of the last few seconds and interpolates between them. */
export class PoseHistory {
  readonly #keepSec: number;
  readonly #entries: Entry[] = [];

  constructor(keepSec = 4) {
    this.#keepSec = keepSec;
  }

  /** Adds a pose; stamps must not run backwards. */
  add(stampSec: number, pose: Pose2): void {
    this.#entries.push({ stampSec, pose });
    while ((this.#entries[0]?.stampSec ?? stampSec) < stampSec - this.#keepSec) this.#entries.shift();
  }

  /** The pose at `stampSec`, or null when that is before what is kept. After the last entry it is the last pose. */
  at(stampSec: number): Pose2 | null {
    const after = this.#entries.findIndex((entry) => entry.stampSec >= stampSec);
    if (after < 0) return this.#entries.at(-1)?.pose ?? null;
    const next = this.#entries[after];
    const previous = this.#entries[after - 1];
    if (next === undefined || next.stampSec === stampSec) return next?.pose ?? null;
    if (previous === undefined) return null;
    const t = (stampSec - previous.stampSec) / (next.stampSec - previous.stampSec);
    return {
      x: previous.pose.x + t * (next.pose.x - previous.pose.x),
      y: previous.pose.y + t * (next.pose.y - previous.pose.y),
      theta: normalizeAngle(previous.pose.theta + t * angleDifference(next.pose.theta, previous.pose.theta)),
    };
  }
}
