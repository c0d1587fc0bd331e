// The watchdog's mind: commands have to keep coming, or everything is switched off. No sockets and no chips in here.
import type { Clock, Timer } from '../../shared/ports/clock.ts';

export interface MotorGuardOptions {
  readonly clock: Clock;
  /** Switches everything off; throws when the chip does not acknowledge. */
  readonly allStop: () => void;
  /** Silence that is too long [s]. */
  readonly silenceSec: number;
  readonly onTrip: (why: string) => void;
}

/** While it holds the motors it says so to the chip this often: a hung process may still get a command out, and a bus may come back [s]. */
const REPEAT_SEC = 0.1;

/** Begins with everything off: whoever ran before may have left the motors turning. */
export class MotorGuard {
  readonly #options: MotorGuardOptions;
  #deadline: Timer | null = null;
  #repeat: Timer | null = null;
  #reached = true;

  constructor(options: MotorGuardOptions) {
    this.#options = options;
    this.trip('the watchdog starts');
  }

  /** True while it keeps everything off. */
  get holding(): boolean {
    return this.#repeat !== null;
  }

  /** A command went out to the motors. */
  beat(): void {
    this.#repeat?.stop();
    this.#repeat = null;
    this.#deadline?.stop();
    const { clock, silenceSec } = this.#options;
    this.#deadline = clock.after(silenceSec, () => this.trip(`no command for ${silenceSec} s`));
  }

  /** Everything off, now and until the next beat. */
  trip(why: string): void {
    this.#deadline?.stop();
    this.#deadline = null;
    if (this.#repeat !== null) return;
    this.#allStop();
    this.#repeat = this.#options.clock.every(REPEAT_SEC, () => this.#allStop());
    this.#options.onTrip(why);
  }

  /** Everything off for the last time. */
  close(): void {
    this.#deadline?.stop();
    this.#repeat?.stop();
    this.#allStop();
  }

  #allStop(): void {
    try {
      this.#options.allStop();
      this.#reached = true;
    } catch (error) {
      if (this.#reached) this.#options.onTrip(`the motor chip does not answer: ${(error as Error).message}`);
      this.#reached = false;
    }
  }
}
