// Real time as a Clock: monotonic, optionally at a multiple of it, so that a live simulation may run at 2×.
import type { Clock, Timer } from '../ports/clock.ts';

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
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        timer.stop();
        reject(signal?.reason as Error);
      };
      const timer = this.after(seconds, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  after(seconds: number, fn: () => void): Timer {
    const dueSec = this.nowSec() + seconds;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = ((dueSec - this.nowSec()) * 1000) / this.#speed;
      if (leftMs > MAX_TIMEOUT_MS) handle = setTimeout(arm, MAX_TIMEOUT_MS);
      else handle = setTimeout(fn, Math.max(0, leftMs));
    };
    arm();
    return { stop: () => clearTimeout(handle) };
  }

  /** Keeps its phase: calls are due at multiples of the period after the first; those that a slow `fn` misses are left out. */
  every(periodSec: number, fn: () => void | Promise<void>, options: { readonly offsetSec?: number } = {}): Timer {
    if (!(periodSec > 0)) throw new RangeError(`a period must be positive, ${periodSec} arrived`);
    let dueSec = this.nowSec() + periodSec + (options.offsetSec ?? 0);
    let stopped = false;
    let timer: Timer;
    const arm = (): void => {
      timer = this.after(dueSec - this.nowSec(), () => void run());
    };
    const run = async (): Promise<void> => {
      try {
        await fn();
      } catch (error) {
        this.#onError(error);
      }
      if (stopped) return;
      const missed = Math.floor((this.nowSec() - dueSec) / periodSec);
      dueSec += periodSec * (1 + Math.max(0, missed));
      arm();
    };
    arm();
    return {
      stop: () => {
        stopped = true;
        timer.stop();
      },
    };
  }

  /** Real time does not stand still. */
  hold<T>(work: Promise<T>): Promise<T> {
    return work;
  }
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
