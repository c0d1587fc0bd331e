// Real time as a Clock: monotonic, optionally at a multiple of it, so that a live simulation may run at 2×.
import type { Clock, Timer } from '../ports/clock.ts';
import { repeatOn, sleepOn } from './clock-timers.ts';
import { TimerQueue } from './timer-queue.ts';

/** setTimeout takes at most a signed 32-bit number of milliseconds. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export interface SystemClockOptions {
  /** Seconds of this clock per real second. Default 1. */
  readonly speed?: number;
  /** Real instant of the origin, as of `performance.now()` [ms]. Default: now. Threads share an origin by `performance.timeOrigin`. */
  readonly originMs?: number;
  /** What an asynchronous `every` function rejected with. Default: thrown, which ends the process. */
  readonly onError?: (error: unknown) => void;
}

export class SystemClock implements Clock {
  readonly #speed: number;
  readonly #originMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #timers = new TimerQueue();
  #handle: NodeJS.Timeout | null = null;
  #armedSec: number | null = null;

  constructor(options: SystemClockOptions = {}) {
    const { speed = 1, originMs = performance.now(), onError = rethrow } = options;
    if (!(speed > 0 && Number.isFinite(speed))) throw new RangeError(`speed must be a positive number, ${speed} arrived`);
    this.#speed = speed;
    this.#originMs = originMs;
    this.#onError = onError;
  }

  nowSec(): number {
    return ((performance.now() - this.#originMs) / 1000) * this.#speed;
  }

  sleep(seconds: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return sleepOn(this, seconds, options);
  }

  /** Timers run in order of their due times, then of their scheduling: Node's own do not, within a millisecond. */
  after(seconds: number, fn: () => void): Timer {
    const timer = this.#timers.push(this.nowSec() + Math.max(0, seconds), fn);
    this.#arm();
    return {
      stop: () => {
        timer.stopped = true;
        this.#arm();
      },
    };
  }

  /** Keeps its phase: calls are due at multiples of the period after the first; those that a slow `fn` misses are left out. */
  every(periodSec: number, fn: () => void | Promise<void>, options: { readonly offsetSec?: number } = {}): Timer {
    return repeatOn(this, fn, { ...options, periodSec, onError: this.#onError });
  }

  /** Real time does not stand still. */
  hold<T>(work: Promise<T>): Promise<T> {
    return work;
  }

  /** One Node timer, for the earliest due time. A clock without timers keeps no process alive. */
  #arm(): void {
    const dueSec = this.#timers.peek()?.dueSec ?? null;
    if (dueSec === this.#armedSec) return;
    if (this.#handle !== null) clearTimeout(this.#handle);
    this.#handle = null;
    this.#armedSec = dueSec;
    if (dueSec === null) return;
    const leftMs = Math.ceil(((dueSec - this.nowSec()) * 1000) / this.#speed);
    this.#handle = setTimeout(() => this.#run(), Math.min(MAX_TIMEOUT_MS, Math.max(0, leftMs)));
  }

  #run(): void {
    this.#handle = null;
    this.#armedSec = null;
    const nowSec = this.nowSec();
    try {
      // One at a time, so that a timer that stops another stops it.
      for (let timer = this.#timers.takeDue(nowSec); timer !== null; timer = this.#timers.takeDue(nowSec)) timer.fn();
    } finally {
      this.#arm();
    }
  }
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
