// The rover's clock when ROS time is simulated (`use_sim_time`): it advances with the messages on /clock and only then.
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import { repeatOn, sleepOn } from '../../../shared/clock/clock-timers.ts';
import { TimerQueue } from '../../../shared/clock/timer-queue.ts';

/** Stamps of today are exact to 0.2 µs as a double: a timer is not missed for less. */
const ROUNDING_SEC = 1e-6;

export class SimTimeClock implements Clock {
  readonly #timers = new TimerQueue();
  readonly #onError: (error: unknown) => void;
  #nowSec = 0;
  #lastRosSec: number | null = null;
  #running = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  nowSec(): number {
    return this.#nowSec;
  }

  /**
   * ROS time has come to `rosSec`. The first message is the origin. A step back (the simulator was reset, the bag began anew) does not turn
   * this clock back: it goes on from where it is, and the caller has to relate the two anew; true then and for the first message.
   */
  advance(rosSec: number): boolean {
    const last = this.#lastRosSec;
    this.#lastRosSec = rosSec;
    if (last === null || rosSec < last) return true;
    const untilSec = this.#nowSec + rosSec - last;
    if (this.#running) this.#nowSec = untilSec;
    else this.#runUntil(untilSec);
    return false;
  }

  sleep(seconds: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return sleepOn(this, seconds, options);
  }

  after(seconds: number, fn: () => void): Timer {
    const timer = this.#timers.push(this.#nowSec + Math.max(0, seconds), fn);
    return { stop: () => (timer.stopped = true) };
  }

  /** Keeps its phase; calls that a leap of time skips are left out. */
  every(periodSec: number, fn: () => void | Promise<void>, options: { readonly offsetSec?: number } = {}): Timer {
    return repeatOn(this, fn, { ...options, periodSec, onError: this.#onError });
  }

  /** Simulated time does not wait for this process. */
  hold<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  #runUntil(untilSec: number): void {
    this.#running = true;
    try {
      const take = (): ReturnType<TimerQueue['takeDue']> => this.#timers.takeDue(untilSec + ROUNDING_SEC);
      for (let timer = take(); timer !== null; timer = take()) {
        this.#nowSec = Math.max(this.#nowSec, timer.dueSec);
        timer.fn();
      }
      this.#nowSec = Math.max(this.#nowSec, untilSec);
    } finally {
      this.#running = false;
    }
  }
}
