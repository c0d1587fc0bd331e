// Virtual time for headless runs: a discrete event queue that jumps from event to event as fast as the machine goes,
// in one order for one program (time, then order of scheduling), and stands still while held work is under way.
import { OutriderError } from '../../shared/errors.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import { sleepOn } from '../../shared/clock/clock-timers.ts';
import { EventQueue, type ScheduledEvent } from './event-queue.ts';

export interface RunOptions {
  /** Stop at this time [s]; the clock then shows exactly it. */
  readonly untilSec?: number;
  /** Stop as soon as this is true; looked at after every event. */
  readonly until?: () => boolean;
}

export class VirtualClock implements Clock {
  readonly #queue = new EventQueue();
  #nowSec = 0;
  #held = 0;
  #released: (() => void) | null = null;
  #failure: { readonly error: unknown } | null = null;
  #running = false;
  #events = 0;

  nowSec(): number {
    return this.#nowSec;
  }

  /** Events run so far. */
  get events(): number {
    return this.#events;
  }

  sleep(seconds: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return sleepOn(this, seconds, options);
  }

  after(seconds: number, fn: () => void): Timer {
    checkDelay(seconds);
    const event = this.#queue.push(this.#nowSec + Math.max(0, seconds), fn);
    return { stop: () => (event.cancelled = true) };
  }

  every(periodSec: number, fn: () => void | Promise<void>, options: { readonly offsetSec?: number } = {}): Timer {
    checkDelay(periodSec);
    if (periodSec <= 0) throw new RangeError(`a period must be positive, got ${periodSec}`);
    const startSec = this.#nowSec + (options.offsetSec ?? 0);
    let stopped = false;
    let count = 1;
    let event: ScheduledEvent | null = null;
    const schedule = (): void => {
      if (stopped) return;
      // Ticks lie on a fixed grid (no accumulated rounding); a tick that a slow `fn` missed is skipped, not made up for.
      while (startSec + count * periodSec < this.#nowSec - 1e-9) count += 1;
      event = this.#queue.push(Math.max(this.#nowSec, startSec + count * periodSec), tick);
    };
    const tick = (): void => {
      count += 1;
      const result = fn();
      if (result === undefined) schedule();
      else result.then(schedule, (error: unknown) => this.#fail(error));
    };
    schedule();
    return {
      stop: () => {
        stopped = true;
        if (event !== null) event.cancelled = true;
      },
    };
  }

  hold<T>(work: Promise<T>): Promise<T> {
    this.#held += 1;
    const release = (): void => {
      this.#held -= 1;
      if (this.#held === 0) this.#released?.();
    };
    return work.then(
      (value) => {
        release();
        return value;
      },
      (error: unknown) => {
        release();
        throw error;
      },
    );
  }

  /**
   * Runs events until a condition holds. Rejects with what an event threw, and with OUT_SIM_STALLED when nothing is
   * left to happen although the condition does not hold.
   */
  async run(options: RunOptions): Promise<void> {
    if (this.#running) throw new OutriderError('OUT_INTERNAL', 'the virtual clock is already running');
    const untilSec = options.untilSec ?? Number.POSITIVE_INFINITY;
    this.#running = true;
    try {
      for (;;) {
        await this.#settle();
        if (options.until?.() === true) return;
        const next = this.#queue.peek();
        if (next === null || next.atSec > untilSec) {
          if (untilSec === Number.POSITIVE_INFINITY) {
            throw new OutriderError('OUT_SIM_STALLED', `at ${this.#nowSec.toFixed(3)} s: no event is left and the run is not over`);
          }
          this.#nowSec = Math.max(this.#nowSec, untilSec);
          return;
        }
        this.#queue.pop();
        this.#nowSec = Math.max(this.#nowSec, next.atSec);
        this.#events += 1;
        next.run();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Runs events until `work` settles, and returns its outcome. */
  async runUntilSettled<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    work.then(mark, mark);
    await this.run({ until: () => settled });
    return work;
  }

  /** Lets every continuation run that needs no time: microtasks, one turn of the event loop, held work. */
  async #settle(): Promise<void> {
    do {
      if (this.#held > 0) await new Promise<void>((resolve) => (this.#released = resolve));
      this.#released = null;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#failure !== null) {
        const { error } = this.#failure;
        this.#failure = null;
        throw error;
      }
    } while (this.#held > 0);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }
}

function checkDelay(seconds: number): void {
  if (!Number.isFinite(seconds)) throw new RangeError(`a time must be finite, got ${seconds}`);
}
