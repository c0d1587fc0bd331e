// The last echoes around the rover as a scan that the collision monitor understands: where nothing was measured lately, it is blind, and says so.
import { angleDifference } from '../../../shared/geometry/angle.ts';
import { between, type Pose2, transformPoint } from '../../../shared/geometry/pose2.ts';
import type { LidarScan } from '../../../shared/ports/lidar-io.ts';
import type { RangeInputs } from '../../../shared/ports/range-io.ts';

/** Rays of the scan, one every 5°. */
const RAYS = 72;
const STEP_RAD = (2 * Math.PI) / RAYS;
/** All echoes of this time count, even where a newer ping was silent: smooth surfaces answer from one direction only [s]. */
const TOGETHER_SEC = 1.4;
/** Older ones count where nothing newer was measured [s]. */
const MEMORY_SEC = 4;

interface Echo {
  readonly ping: RangeInputs;
  readonly at: Pose2;
}

export class SonarView {
  #echoes: Echo[] = [];
  #sequence = 0;

  /** Takes in a ping measured where odometry has the base at `at`. */
  add(ping: RangeInputs, at: Pose2): void {
    if (Number.isNaN(ping.rangeM)) return;
    this.#echoes = this.#echoes.filter((echo) => ping.stampSec - echo.ping.stampSec <= MEMORY_SEC);
    this.#echoes.push({ ping, at });
  }

  /**
   * A scan over all directions of the base frame at `now` (odometry frame): the range of the nearest echo; +Infinity where pings met nothing;
   * NaN where none were sent. Its stamp is the newest ping's. Null before the first.
   */
  scan(now: Pose2): LidarScan | null {
    const newest = this.#echoes.at(-1)?.ping;
    if (newest === undefined) return null;
    const rangesM = new Float32Array(RAYS).fill(Number.NaN);
    const hits = new Float32Array(RAYS).fill(Number.POSITIVE_INFINITY);
    for (let k = this.#echoes.length - 1; k >= 0; k -= 1) {
      const { ping, at } = this.#echoes[k] as Echo;
      const recent = newest.stampSec - ping.stampSec <= TOGETHER_SEC;
      const moved = between(now, at);
      const axis = moved.theta + ping.bearingRad;
      for (let ray = 0; ray < RAYS; ray += 1) {
        const angle = -Math.PI + ray * STEP_RAD;
        if (Math.abs(angleDifference(angle, axis)) > ping.fieldOfViewRad / 2) continue;
        const isKnown = !Number.isNaN(rangesM[ray]);
        if (isKnown && !recent) continue;
        rangesM[ray] = Number.POSITIVE_INFINITY;
        if (ping.rangeM < ping.rangeMaxM) markHit(hits, moved, angle - moved.theta, ping.rangeM);
      }
    }
    for (let ray = 0; ray < RAYS; ray += 1) if ((hits[ray] as number) < Number.POSITIVE_INFINITY) rangesM[ray] = hits[ray] as number;
    this.#sequence += 1;
    return {
      stampSec: newest.stampSec,
      sequence: this.#sequence,
      angleMinRad: -Math.PI,
      angleIncrementRad: STEP_RAD,
      rangeMinM: newest.rangeMinM,
      rangeMaxM: newest.rangeMaxM,
      rangesM,
    };
  }
}

/** Notes a point on an echo's arc, seen from where the rover is now. */
function markHit(hits: Float32Array, moved: Pose2, angle: number, rangeM: number): void {
  const { x, y } = transformPoint(moved, { x: rangeM * Math.cos(angle), y: rangeM * Math.sin(angle) });
  const ray = Math.round((Math.atan2(y, x) + Math.PI) / STEP_RAD) % RAYS;
  hits[ray] = Math.min(hits[ray] as number, Math.hypot(x, y));
}
