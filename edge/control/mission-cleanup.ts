// Ends what a mission left running: some seconds after it is over, so that the last maps are still published.
import type { MessageChannel } from '../../shared/bus/message-channel.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import { missionStatus } from '../../shared/protocol/mission.ts';

export interface MissionCleanupOptions {
  readonly site: string;
  readonly clock: Clock;
  readonly channel: MessageChannel;
  readonly lingerSec: number;
  readonly end: (mission: string) => void;
}

const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

export class MissionCleanup {
  readonly #options: MissionCleanupOptions;
  readonly #timers = new Map<string, Timer>();

  constructor(options: MissionCleanupOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { channel, site, clock, lingerSec, end } = this.#options;
    await channel.on(missionStatus, { site }, ({ mission, phase }) => {
      const timer = this.#timers.get(mission);
      if (!OVER.has(phase)) {
        // The same mission again: what an earlier run left has ended already or belongs to this one.
        timer?.stop();
        this.#timers.delete(mission);
      } else if (timer === undefined) {
        this.#timers.set(
          mission,
          clock.after(lingerSec, () => {
            this.#timers.delete(mission);
            end(mission);
          }),
        );
      }
    });
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.stop();
    this.#timers.clear();
  }
}
