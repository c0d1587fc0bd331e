// When an instance's state is made safe: after so many calls or so long, to the site's store (shared) or to its fixed end (per rover).
import { isOutriderError } from '../errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';

interface ShellCheckpointOptions {
  readonly clock: Clock;
  readonly everySec: number;
  readonly everyCalls: number;
  /** Makes what has happened so far safe; called between two calls, one at a time. */
  readonly save: () => Promise<void>;
  /** The store says that a newer epoch exists. */
  readonly onFenced: () => void;
}

export class ShellCheckpoints {
  readonly #options: ShellCheckpointOptions;
  #uncovered = 0;
  #timer: Timer | null = null;
  #saving = false;
  #stopped = false;

  constructor(options: ShellCheckpointOptions) {
    this.#options = options;
  }

  /** A call took effect that no checkpoint covers. */
  effect(): void {
    if (this.#stopped) return;
    this.#uncovered += 1;
    if (this.#uncovered >= this.#options.everyCalls) this.now();
    else this.#timer ??= this.#options.clock.after(this.#options.everySec, () => this.now());
  }

  /** Makes a checkpoint if anything is uncovered and none is being made. */
  now(): void {
    this.#timer?.stop();
    this.#timer = null;
    if (this.#stopped || this.#saving || this.#uncovered === 0) return;
    this.#saving = true;
    this.#uncovered = 0;
    void this.#save();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.stop();
    this.#timer = null;
  }

  async #save(): Promise<void> {
    let failed = false;
    try {
      await this.#options.save();
    } catch (error) {
      // A store that is merely out of reach is tried again after the usual time; nothing is told to be durable meanwhile.
      failed = true;
      if (isOutriderError(error, 'OUT_ELASTIC_RETIRED')) this.#options.onFenced();
    }
    this.#saving = false;
    if (this.#stopped || (!failed && this.#uncovered === 0)) return;
    if (failed) this.#uncovered += 1;
    if (!failed && this.#uncovered >= this.#options.everyCalls) this.now();
    else this.#timer ??= this.#options.clock.after(this.#options.everySec, () => this.now());
  }
}
