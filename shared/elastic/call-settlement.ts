// How a call ends for its caller: once, by its answer or by an error, timed and counted.
import type { Clock } from '../ports/clock.ts';
import type { CallStats } from './call-stats.ts';
import type { Call } from './outbox.ts';

export class CallSettlement {
  readonly #stats: CallStats;
  readonly #clock: Clock;

  constructor(stats: CallStats, clock: Clock) {
    this.#stats = stats;
    this.#clock = clock;
  }

  answer(call: Call, where: 'onboard' | 'edge', value: unknown): void {
    if (this.#isFirst(call, where)) call.resolve(value);
  }

  fail(call: Call, error: unknown): void {
    if (this.#isFirst(call, null)) call.reject(error);
  }

  #isFirst(call: Call, where: 'onboard' | 'edge' | null): boolean {
    if (call.settled) return false;
    call.settled = true;
    call.dispose?.();
    call.dispose = null;
    this.#stats.settled(where, this.#clock.nowSec() - call.startedSec);
    return true;
  }
}
