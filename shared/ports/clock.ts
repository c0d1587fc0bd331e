// Time as a port: real time on rovers and in live runs, virtual time in headless runs and replays.

/** A repeating or single timer; `stop` is idempotent and takes effect at once. */
export interface Timer {
  stop(): void;
}

/**
 * The only source of time. Times are seconds since the clock's own origin (mission start), monotonic.
 * Under a virtual clock nothing advances while held work (see {@link Clock.hold}) is under way.
 */
export interface Clock {
  /** Seconds since the clock's origin. */
  nowSec(): number;
  /** Resolves `seconds` later; rejects with the signal's reason if aborted first. */
  sleep(seconds: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls `fn` once, `seconds` from now. */
  after(seconds: number, fn: () => void): Timer;
  /** Calls `fn` each `periodSec`, first after one period (plus `offsetSec`); a slow `fn` delays, never doubles, its calls. */
  every(periodSec: number, fn: () => void | Promise<void>, options?: { readonly offsetSec?: number }): Timer;
  /** Marks real asynchronous work (compilation, I/O): a virtual clock stands still until it settles; a real clock just returns it. */
  hold<T>(work: Promise<T>): Promise<T>;
}
