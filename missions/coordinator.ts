// Runs one mission over the message bus: announces it, follows the rovers, ends it when all are done, one way or the other.
import { MessageChannel } from '../shared/bus/message-channel.ts';
import type { Clock, Timer } from '../shared/ports/clock.ts';
import { type Logger, SILENT_LOGGER } from '../shared/ports/logger.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import { CommonView } from '../shared/mapping/common-view.ts';
import { missionCommand, missionEvent, missionStatus, type MissionEvent, type MissionStatus } from '../shared/protocol/mission.ts';
import { roverPresence, roverState, type RoverState } from '../shared/protocol/rover.ts';
import type { MissionDefinition } from './definition.ts';

export type MissionOutcome = 'completed' | 'failed' | 'cancelled';

export interface MissionResult {
  readonly outcome: MissionOutcome;
  /** Why it ended so, for people. */
  readonly reason: string;
  readonly durationSec: number;
}

export interface CoordinatorOptions {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly site: string;
  readonly mission: MissionDefinition;
  readonly rovers: readonly string[];
  readonly speed: number;
  readonly bounds: MissionStatus['bounds'];
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/** All rovers must say `done` for this long before the mission ends: the last maps are then merged and published. */
const SETTLE_SEC = 2;
const STATUS_PERIOD_SEC = 1;

export class MissionCoordinator {
  /** The mission's common view, as any other subscriber has it. */
  readonly view = new CommonView();
  readonly #options: CoordinatorOptions;
  readonly #channel: MessageChannel;
  readonly #states = new Map<string, RoverState>();
  readonly #gone = new Set<string>();
  readonly #events: MissionEvent[] = [];
  #phase: MissionStatus['phase'] = 'preparing';
  #startSec = 0;
  #endSec = Infinity;
  #allDoneSinceSec: number | null = null;
  #timer: Timer | null = null;
  #finish: ((result: MissionResult) => void) | null = null;
  readonly #result: Promise<MissionResult>;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#channel = new MessageChannel(options.bus, options.logger ?? SILENT_LOGGER);
    this.#result = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Last telemetry of each rover. */
  get states(): ReadonlyMap<string, RoverState> {
    return this.#states;
  }

  /** Everything worth telling of the mission so far, in order of arrival: what comes from after its end is no part of it. */
  get events(): readonly MissionEvent[] {
    return this.#events;
  }

  /** Resolves when the mission is over. */
  get result(): Promise<MissionResult> {
    return this.#result;
  }

  /** Subscribes, announces the mission and begins to watch it. */
  async start(): Promise<void> {
    const { bus, clock, site, mission } = this.#options;
    await this.view.subscribe(bus, { site, mission: mission.id });
    await this.#channel.on(roverState, { site }, (state) => {
      if (this.#options.rovers.includes(state.rover)) this.#states.set(state.rover, state);
    });
    await this.#channel.on(roverPresence, { site }, (presence) => {
      if (presence.status === 'online') this.#gone.delete(presence.rover);
      else this.#gone.add(presence.rover);
    });
    await this.#channel.on(missionEvent, { site, mission: mission.id }, (event) => {
      // What the rovers told before it ended may still be on its way then.
      if (event.stampSec <= this.#endSec) this.#events.push(event);
    });
    await this.#channel.on(missionCommand, { site, mission: mission.id }, ({ command }) => {
      if (command === 'cancel') this.#end('cancelled', 'an operator cancelled the mission');
      else this.#pause(command === 'pause');
    });
    this.#phase = 'running';
    this.#startSec = clock.nowSec();
    this.#publish();
    this.#timer = clock.every(STATUS_PERIOD_SEC, () => this.#watch());
  }

  /** Ends a mission that still runs. */
  cancel(reason: string): void {
    this.#end('cancelled', reason);
  }

  /** Ends its subscriptions; the bus stays open. What was received can still be read. */
  async close(): Promise<void> {
    this.#timer?.stop();
    await this.#channel.close();
    await this.view.close();
  }

  #watch(): void {
    if (this.#phase !== 'running' && this.#phase !== 'paused') return;
    const now = this.#options.clock.nowSec();
    const elapsedSec = now - this.#startSec;
    const present = this.#options.rovers.filter((rover) => !this.#gone.has(rover));
    const allDone = present.length > 0 && present.every((rover) => this.#states.get(rover)?.activity === 'done');
    if (!allDone) this.#allDoneSinceSec = null;
    else this.#allDoneSinceSec ??= now;
    if (this.#allDoneSinceSec !== null && now - this.#allDoneSinceSec >= SETTLE_SEC) this.#end('completed', 'every rover is done');
    else if (present.length === 0 && elapsedSec > SETTLE_SEC) this.#end('failed', 'every rover is lost');
    else if (elapsedSec >= this.#options.mission.timeLimitSec)
      this.#end('failed', `not done within ${this.#options.mission.timeLimitSec} s`);
    else this.#publish();
  }

  #pause(paused: boolean): void {
    if (this.#phase !== 'running' && this.#phase !== 'paused') return;
    this.#phase = paused ? 'paused' : 'running';
    this.#publish();
  }

  #end(outcome: MissionOutcome, reason: string): void {
    if (this.#phase !== 'running' && this.#phase !== 'paused') return;
    this.#phase = outcome;
    this.#endSec = this.#options.clock.nowSec();
    this.#timer?.stop();
    this.#publish();
    this.#finish?.({ outcome, reason, durationSec: this.#endSec - this.#startSec });
  }

  #publish(): void {
    const { clock, site, mission, rovers, speed, bounds } = this.#options;
    const status: MissionStatus = {
      mission: mission.id,
      title: mission.title,
      phase: this.#phase,
      stampSec: clock.nowSec(),
      elapsedSec: clock.nowSec() - this.#startSec,
      rovers: [...rovers],
      exploredM2: this.exploredM2,
      hazardsConfirmed: this.view.objects.filter((object) => object.status === 'confirmed').length,
      speed,
      bounds,
    };
    // A lost status is replaced by the next one; a broker that is away must not stop the mission.
    this.#channel.tell(missionStatus, { site, mission: mission.id }, status);
  }

  /** Free floor that the merged map knows [m²]. */
  get exploredM2(): number {
    const map = this.view.map();
    if (map === null) return 0;
    let free = 0;
    for (const cell of map.cells) if (cell >= 0 && cell < 50) free += 1;
    return free * map.resolutionM ** 2;
  }
}
