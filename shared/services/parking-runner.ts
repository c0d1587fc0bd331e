// An on-board instance that takes memory only while it is used: made with the first call, put away when nothing was asked for a while
// (as when the module works at the edge), and made again from its state with the next call.
import type { LocalRunner } from '../elastic/local-runner.ts';
import type { CapturedState } from '../elastic/state-form.ts';
import type { Clock, Timer } from '../ports/clock.ts';

export interface ParkingOptions {
  readonly build: LocalRunner['build'];
  /** The state that an instance begins with, known without making one; absent: one is made to ask it. */
  readonly initialState?: () => Promise<CapturedState>;
  /** Makes the instance, in its initial state. */
  readonly start: () => Promise<LocalRunner>;
  readonly clock: Clock;
  /** After so long without a call it is put away [s]. */
  readonly idleSec: number;
}

export class ParkingRunner implements LocalRunner {
  readonly build: LocalRunner['build'];
  readonly #options: ParkingOptions;
  /** Null while it is put away. */
  #running: Promise<LocalRunner> | null = null;
  /** Of what was put away; null: the initial one. */
  #state: CapturedState | null = null;
  #users = 0;
  #timer: Timer | null = null;
  /** Putting away, and whatever must wait for it. */
  #parking: Promise<void> = Promise.resolve();

  constructor(options: ParkingOptions) {
    this.build = options.build;
    this.#options = options;
  }

  /** Whether the instance is there. */
  get running(): boolean {
    return this.#running !== null;
  }

  call(functionName: string, args: readonly unknown[]): Promise<unknown> {
    return this.#use((runner) => runner.call(functionName, args));
  }

  capture(): Promise<CapturedState> {
    if (this.#running === null && this.#state !== null) return Promise.resolve(this.#state);
    const { initialState } = this.#options;
    if (this.#running === null && initialState !== undefined) return initialState();
    return this.#use((runner) => runner.capture());
  }

  restore(state: CapturedState): Promise<void> {
    return this.#use((runner) => runner.restore(state));
  }

  async close(): Promise<void> {
    this.#timer?.stop();
    const running = this.#running;
    this.#running = null;
    await this.#parking;
    // One that could not be made needs no closing.
    const runner = await running?.catch(() => null);
    await runner?.close();
  }

  async #use<T>(work: (runner: LocalRunner) => Promise<T>): Promise<T> {
    this.#timer?.stop();
    this.#users += 1;
    try {
      const running = (this.#running ??= this.#start());
      try {
        return await work(await running);
      } catch (error) {
        // What could not be made is tried again with the next call.
        await running.catch(() => (this.#running === running ? (this.#running = null) : null));
        throw error;
      }
    } finally {
      this.#users -= 1;
      if (this.#users === 0 && this.#running !== null)
        this.#timer = this.#options.clock.after(this.#options.idleSec, () => {
          this.#parking = this.#park().catch(() => undefined);
        });
    }
  }

  async #start(): Promise<LocalRunner> {
    await this.#parking;
    const runner = await this.#options.start();
    const state = this.#state;
    this.#state = null;
    if (state !== null) await runner.restore(state);
    return runner;
  }

  async #park(): Promise<void> {
    const running = this.#running;
    if (running === null || this.#users > 0) return;
    this.#running = null;
    const runner = await running;
    this.#state = await runner.capture();
    await runner.close();
  }
}
