// What a rover knows of the others: where they are, what they head for, which floor they have looked at.
import { isOutriderError } from '../shared/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import { inspectedTile, type InspectedTile } from '../shared/protocol/inspection.ts';
import { decodeMessage, filterOf, type MessageDefinition } from '../shared/protocol/message.ts';
import { roverGoal, roverPresence, roverState, type RoverGoal, type RoverState } from '../shared/protocol/rover.ts';
import type { OtherRover } from './navigation/behaviour/navigator-types.ts';

interface Fellow {
  state: RoverState | null;
  /** When the state arrived, on this rover's clock [s]: other rovers' clocks are not trusted. */
  arrivedSec: number;
  goal: RoverGoal['goal'];
  /** Offline or lost: it claims nothing any more, but it may still stand in the way. */
  gone: boolean;
}

/** Follows the other rovers of the fleet over the bus. Malformed messages are counted and dropped. */
export class FleetWatch {
  readonly #self: string;
  readonly #clock: Clock;
  readonly #fellows = new Map<string, Fellow>();
  readonly #onInspected: (tile: InspectedTile) => void;
  #malformed = 0;

  constructor(options: { readonly self: string; readonly clock: Clock; readonly onInspected: (tile: InspectedTile) => void }) {
    this.#self = options.self;
    this.#clock = options.clock;
    this.#onInspected = options.onInspected;
  }

  get malformed(): number {
    return this.#malformed;
  }

  async subscribe(bus: MessageBus, places: { readonly site: string; readonly mission: string }): Promise<void> {
    const on = async <T extends { readonly rover: string }>(definition: MessageDefinition<T>, take: (value: T) => void): Promise<void> => {
      await bus.subscribe(filterOf(definition, places), ({ payload }) => {
        if (payload.byteLength === 0) return;
        try {
          const value = decodeMessage(definition, payload);
          if (value.rover !== this.#self) take(value);
        } catch (error) {
          if (!isOutriderError(error)) throw error;
          this.#malformed += 1;
        }
      });
    };
    await on(roverState, (state) => {
      const fellow = this.#fellow(state.rover);
      fellow.state = state;
      fellow.arrivedSec = this.#clock.nowSec();
    });
    await on(roverGoal, (goal) => (this.#fellow(goal.rover).goal = goal.goal));
    await on(roverPresence, (presence) => {
      const fellow = this.#fellow(presence.rover);
      fellow.gone = presence.status !== 'online';
      if (fellow.gone) fellow.goal = null;
    });
    await on(inspectedTile, this.#onInspected);
  }

  /** The others in the order of their ids, as the Navigator wants them. */
  others(): OtherRover[] {
    const others: OtherRover[] = [];
    for (const [id, { state, arrivedSec, goal, gone }] of [...this.#fellows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (state === null || !state.located) continue;
      const linearMPerSec = gone ? 0 : state.linearMPerSec;
      others.push({ id, pose: state.pose, stampSec: arrivedSec, linearMPerSec, goal: gone ? null : goal, path: gone ? [] : state.path });
    }
    return others;
  }

  #fellow(id: string): Fellow {
    let fellow = this.#fellows.get(id);
    if (fellow === undefined) {
      fellow = { state: null, arrivedSec: -Infinity, goal: null, gone: false };
      this.#fellows.set(id, fellow);
    }
    return fellow;
  }
}
