// What the page knows: one record, changed by `reduce` alone and read by every view.
import type { HostStatus } from '../../../../shared/protocol/host.ts';
import type { MapMetadata, MapObject, MapTile } from '../../../../shared/protocol/map-view.ts';
import type { MissionEvent, MissionStatus } from '../../../../shared/protocol/mission.ts';
import type { RoverGoal, RoverPresence, RoverState } from '../../../../shared/protocol/rover.ts';
import { PoseTrack } from './pose-track.ts';
import { Series } from './series.ts';
import { Trail } from './trail.ts';

/** Parts of the state; a view names those it shows and is called when one of them changed. */
export type Slice = 'connection' | 'mission' | 'rovers' | 'map' | 'objects' | 'hosts' | 'log';

export type ConnectionPhase = 'connecting' | 'online' | 'lost';

export interface Connection {
  phase: ConnectionPhase;
  /** Page time of the last change of phase [ms]. */
  sinceMs: number;
  /** Messages that did not match their schema, and why the last one did not. */
  dropped: number;
  lastDropReason: string | null;
}

/** The last change of a module's placement, for the card to show. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** Page time [ms]. */
  readonly atMs: number;
}

export interface RoverRecord {
  readonly id: string;
  presence: RoverPresence['status'] | 'unknown';
  state: RoverState | null;
  /** Page time of the last state [ms]. */
  receivedMs: number;
  goal: RoverGoal['goal'];
  readonly track: PoseTrack;
  readonly trail: Trail;
  /** Temperature over mission time [°C]. */
  readonly temperature: Series;
  readonly moves: Map<string, Move>;
}

export interface LogLine {
  readonly id: number;
  readonly event: MissionEvent;
  /** True for what this page noticed itself, such as a lost broker. */
  readonly local: boolean;
}

/** A mission that announced itself on the broker. */
export interface KnownMission {
  readonly site: string;
  readonly status: MissionStatus;
  /** Page time at which the status arrived [ms]. */
  readonly receivedMs: number;
}

export interface FleetState {
  readonly connection: Connection;
  /** The site and mission on show; null until known. */
  site: string | null;
  mission: string | null;
  /** Every mission seen, by `site/mission`. */
  readonly missions: Map<string, KnownMission>;
  readonly rovers: Map<string, RoverRecord>;
  readonly hosts: Map<string, HostStatus>;
  metadata: MapMetadata | null;
  readonly tiles: Map<string, MapTile>;
  readonly objects: Map<string, MapObject>;
  /** Newest last. */
  readonly log: LogLine[];
}

export function createFleetState(): FleetState {
  return {
    connection: { phase: 'connecting', sinceMs: 0, dropped: 0, lastDropReason: null },
    site: null,
    mission: null,
    missions: new Map(),
    rovers: new Map(),
    hosts: new Map(),
    metadata: null,
    tiles: new Map(),
    objects: new Map(),
    log: [],
  };
}

export function createRoverRecord(id: string): RoverRecord {
  return {
    id,
    presence: 'unknown',
    state: null,
    receivedMs: 0,
    goal: null,
    track: new PoseTrack(),
    trail: new Trail(),
    temperature: new Series(),
    moves: new Map(),
  };
}

/** The mission on show, or null. */
export function shownMission(state: FleetState): KnownMission | null {
  return state.missions.get(`${state.site}/${state.mission}`) ?? null;
}

/** The rovers on show in a stable order: as the mission lists them, then the others by name. The place gives a rover its colour. */
export function shownRovers(state: FleetState): RoverRecord[] {
  const listed = shownMission(state)?.status.rovers ?? [];
  const rank = (id: string): number => {
    const index = listed.indexOf(id);
    return index < 0 ? listed.length : index;
  };
  return [...state.rovers.values()]
    .filter((rover) => listed.length === 0 || listed.includes(rover.id))
    .sort((a, b) => rank(a.id) - rank(b.id) || a.id.localeCompare(b.id));
}
