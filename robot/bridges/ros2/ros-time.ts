// ROS stamps and the rover's clock: ROS counts from 1970 (or from the start of a simulation), the rover from its own start.
import type { RosTime } from './messages.ts';

const NANOSECONDS = 1_000_000_000;

/** Seconds of a ROS stamp; exact to about 0.2 µs for today's dates (a double has 53 bits). */
export function toSeconds({ sec, nanosec }: RosTime): number {
  return sec + nanosec / NANOSECONDS;
}

/** A ROS stamp: `nanosec` lies in [0, 10⁹), also for times before the origin (builtin_interfaces/Time). */
export function toRosTime(seconds: number): RosTime {
  let sec = Math.floor(seconds);
  let nanosec = Math.round((seconds - sec) * NANOSECONDS);
  if (nanosec === NANOSECONDS) {
    sec += 1;
    nanosec = 0;
  }
  return { sec, nanosec };
}

/**
 * Converts between the two clocks by one known instant. Without simulated time that instant is taken once, at the start; with
 * `use_sim_time` each message on `/clock` brings a newer one. Until the first there is no ROS time, and nothing is converted.
 */
export class RosTimeBase {
  /** ROS time minus the rover's time [s]. */
  #offsetSec: number | null = null;

  /** At `clockSec` of the rover's clock it was `rosSec` in ROS. */
  synchronise(rosSec: number, clockSec: number): void {
    this.#offsetSec = rosSec - clockSec;
  }

  get known(): boolean {
    return this.#offsetSec !== null;
  }

  /** The rover's time of a ROS stamp [s]; null before the first synchronisation. */
  toClockSec(stamp: RosTime): number | null {
    return this.#offsetSec === null ? null : toSeconds(stamp) - this.#offsetSec;
  }

  /** The ROS stamp of a time of the rover's clock; null before the first synchronisation. */
  toRos(clockSec: number): RosTime | null {
    return this.#offsetSec === null ? null : toRosTime(clockSec + this.#offsetSec);
  }
}
