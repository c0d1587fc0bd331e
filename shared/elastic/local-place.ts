// The on-board instance as the place of a module: one call at a time, answers held back by the time that a device model asks for.
import type { Clock } from '../ports/clock.ts';
import { isLocalRunner, type LocalRunner } from './local-runner.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { Call } from './outbox.ts';
import { decodeValues } from './value-codec.ts';

export type CallOutcome = { readonly value: unknown } | { readonly error: unknown };

export class LocalPlace {
  /** Last number whose effect is in the state, or is on its way into it. */
  processed = 0;
  readonly #clock: Clock;
  readonly #holdBackSec: ((functionName: string) => number) | undefined;
  #busy = false;
  #whenIdle: (() => void)[] = [];

  constructor(clock: Clock, holdBackSec: ((functionName: string) => number) | undefined) {
    this.#clock = clock;
    this.#holdBackSec = holdBackSec;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Makes a call; `finish` is called with its outcome, now or later, and `next` after a later one. */
  run(local: ModuleInstance | LocalRunner, call: Call, finish: (outcome: CallOutcome) => void, next: () => void): void {
    this.processed = call.number;
    const later = (outcome: CallOutcome): void => {
      finish(outcome);
      this.#busy = false;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      next();
    };
    const args = decodeValues(call.fn.parameterTypes, call.args);
    if (isLocalRunner(local)) {
      this.#busy = true;
      const answered = (outcome: CallOutcome): void => {
        const holdSec = this.#holdSec(call);
        if (holdSec > 0) this.#clock.after(holdSec, () => later(outcome));
        else later(outcome);
      };
      local.call(call.fn.name, args).then(
        (value) => answered({ value }),
        (error: unknown) => answered({ error }),
      );
      return;
    }
    const outcome = outcomeOf(() => local.call(call.fn.name, args));
    const holdSec = this.#holdSec(call);
    if (!(holdSec > 0)) {
      finish(outcome);
      return;
    }
    this.#busy = true;
    this.#clock.after(holdSec, () => later(outcome));
  }

  #holdSec(call: Call): number {
    return this.#holdBackSec?.(call.fn.name) ?? 0;
  }
}

function outcomeOf(work: () => unknown): CallOutcome {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}
