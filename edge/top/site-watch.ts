// What a site says of itself on its broker, gathered for people: the retained state, and the mission events since we came.
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { hostStatus, type HostStatus } from '../../shared/protocol/host.ts';
import { managerStatus, type ManagerStatus } from '../../shared/protocol/manager.ts';
import type { MessageDefinition, TopicPlaces } from '../../shared/protocol/message.ts';
import { missionEvent, type MissionEvent, missionStatus, type MissionStatus } from '../../shared/protocol/mission.ts';
import { placement, type PlacementRecord } from '../../shared/protocol/placement.ts';
import { roverPresence, type RoverPresence, roverState, type RoverState } from '../../shared/protocol/rover.ts';

/** Everything by id, in the order of the ids; events oldest first. */
export interface SiteState {
  readonly site: string;
  readonly connected: boolean;
  readonly manager: ManagerStatus | null;
  readonly missions: readonly MissionStatus[];
  readonly rovers: readonly RoverSeen[];
  readonly hosts: readonly HostStatus[];
  readonly placements: readonly PlacementRecord[];
  readonly events: readonly SeenEvent[];
  /** Messages that were dropped because they did not match their schema. */
  readonly malformed: number;
}

export interface RoverSeen {
  readonly rover: string;
  readonly presence: RoverPresence['status'] | null;
  readonly state: RoverState | null;
}

export interface SeenEvent extends MissionEvent {
  readonly mission: string;
}

export interface SiteWatchOptions {
  readonly site: string;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after each change. */
  readonly changed?: () => void;
}

const MAX_EVENTS = 200;
/** Ids of one kind that are kept: a flood of topics must not fill the memory. */
const MAX_KEPT = 10_000;
const QUIET_SEC = 0.3;
const SETTLE_MAX_SEC = 3;

export class SiteWatch {
  readonly #options: SiteWatchOptions;
  readonly #channel: MessageChannel;
  readonly #presences = new Map<string, RoverPresence>();
  readonly #states = new Map<string, RoverState>();
  readonly #hosts = new Map<string, HostStatus>();
  readonly #placements = new Map<string, PlacementRecord>();
  readonly #missions = new Map<string, MissionStatus>();
  readonly #managers = new Map<string, ManagerStatus>();
  #events: SeenEvent[] = [];
  #lastStoredSec = 0;
  #stopConnectionWatch: (() => void) | null = null;

  constructor(options: SiteWatchOptions) {
    this.#options = options;
    this.#channel = new MessageChannel(options.bus, options.logger);
  }

  /** Subscribes. Rejects with OUT_BUS_REFUSED where the broker does not let us read. */
  async start(): Promise<void> {
    const { bus, site } = this.#options;
    await this.#keep(managerStatus, this.#managers, () => site);
    await this.#keep(missionStatus, this.#missions, ({ mission }) => mission);
    await this.#keep(hostStatus, this.#hosts, ({ host }) => host);
    await this.#keep(roverPresence, this.#presences, ({ rover }) => rover);
    await this.#keep(roverState, this.#states, ({ rover }) => rover);
    await this.#keep(placement, this.#placements, ({ instance }) => instance);
    await this.#channel.on(missionEvent, { site }, (event, { places }) => {
      this.#events = [...this.#events, { ...event, mission: places['mission'] ?? '' }].slice(-MAX_EVENTS);
      this.#options.changed?.();
    });
    this.#stopConnectionWatch = bus.onConnectionChange((connected) => {
      // What was deleted while the broker was away would stay for ever; what is left comes again with the subscriptions.
      if (connected) this.#placements.clear();
      this.#options.changed?.();
    });
  }

  /** Resolves when the broker has sent what it remembers: MQTT marks no end of it, so when nothing more comes for a moment. */
  async settled(): Promise<void> {
    const { clock } = this.#options;
    const untilSec = clock.nowSec() + SETTLE_MAX_SEC;
    this.#lastStoredSec = clock.nowSec();
    for (;;) {
      const waitSec = Math.min(this.#lastStoredSec + QUIET_SEC, untilSec) - clock.nowSec();
      if (waitSec <= 0) return;
      await clock.sleep(waitSec);
    }
  }

  state(): SiteState {
    const rovers = [...new Set([...this.#presences.keys(), ...this.#states.keys()])].toSorted(byId);
    return {
      site: this.#options.site,
      connected: this.#options.bus.connected,
      manager: this.#managers.get(this.#options.site) ?? null,
      missions: sorted(this.#missions),
      rovers: rovers.map((rover) => ({
        rover,
        presence: this.#presences.get(rover)?.status ?? null,
        state: this.#states.get(rover) ?? null,
      })),
      hosts: sorted(this.#hosts),
      placements: sorted(this.#placements),
      events: this.#events,
      malformed: this.#channel.malformed,
    };
  }

  async close(): Promise<void> {
    this.#stopConnectionWatch?.();
    await this.#channel.close();
  }

  /** Keeps the newest of each id; a message that speaks for another id than its topic is not believed. */
  async #keep<T>(definition: MessageDefinition<T>, kept: Map<string, T>, idOf: (value: T) => string): Promise<void> {
    const { site, clock, changed } = this.#options;
    const idIn = ({ rover, host, instance, mission }: TopicPlaces): string => rover ?? host ?? instance ?? mission ?? site;
    await this.#channel.on(
      definition,
      { site },
      (value, { places, retained }) => {
        const id = idIn(places);
        if (idOf(value) !== id || (!kept.has(id) && kept.size >= MAX_KEPT)) return;
        if (retained) this.#lastStoredSec = clock.nowSec();
        kept.set(id, value);
        changed?.();
      },
      (places) => {
        kept.delete(idIn(places));
        changed?.();
      },
    );
  }
}

const byId = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function sorted<T>(kept: ReadonlyMap<string, T>): T[] {
  return [...kept].toSorted(([a], [b]) => byId(a, b)).map(([, value]) => value);
}
