// What ends the waiting for a call before its answer: its deadline, or its caller's signal.
import { OutriderError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';

interface WatchOptions {
  readonly clock: Clock;
  readonly functionName: string;
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number | undefined;
}

/** Calls `giveUp` at most once; returns how to stop watching, or null when there is nothing to watch. */
export function watchCall(options: WatchOptions, giveUp: (error: unknown) => void): (() => void) | null {
  const { clock, functionName, signal, deadlineMs } = options;
  if (signal === undefined && deadlineMs === undefined) return null;
  const onAbort = (): void => giveUp(signal?.reason);
  const onDeadline = (): void =>
    giveUp(new OutriderError('OUT_ELASTIC_DEADLINE', `${functionName} did not answer within ${deadlineMs} ms`));
  const timer = deadlineMs === undefined ? null : clock.after(deadlineMs / 1000, onDeadline);
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    timer?.stop();
    signal?.removeEventListener('abort', onAbort);
  };
}
