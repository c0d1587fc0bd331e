// What every clock does with its one-off timer in the same way: sleeping, and repeating with the phase kept.
import type { Clock, Timer } from '../ports/clock.ts';

/** {@link Clock.sleep} on a clock's `after`: resolves `seconds` later, or rejects with the signal's reason. */
export function sleepOn(clock: Pick<Clock, 'after'>, seconds: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.stop();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(seconds, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export interface Repetition {
  readonly periodSec: number;
  /** Added to the first period [s]. */
  readonly offsetSec?: number;
  /** What the function threw or rejected with; it is called again all the same. */
  readonly onError: (error: unknown) => void;
}

/**
 * {@link Clock.every} on a clock that others advance (real or ROS time). Calls are due at multiples of the period after the first; those that
 * a slow `fn` or a leap of time misses are left out. Throws RangeError for a period that is not positive.
 */
export function repeatOn(clock: Pick<Clock, 'after' | 'nowSec'>, fn: () => void | Promise<void>, repetition: Repetition): Timer {
  const { periodSec, offsetSec = 0, onError } = repetition;
  if (!(periodSec > 0)) throw new RangeError(`a period must be positive, ${periodSec} arrived`);
  let dueSec = clock.nowSec() + periodSec + offsetSec;
  let stopped = false;
  let timer: Timer;
  const arm = (): void => {
    timer = clock.after(dueSec - clock.nowSec(), () => void run());
  };
  const run = async (): Promise<void> => {
    try {
      await fn();
    } catch (error) {
      onError(error);
    }
    if (stopped) return;
    dueSec += periodSec * (1 + Math.max(0, Math.floor((clock.nowSec() - dueSec) / periodSec)));
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
