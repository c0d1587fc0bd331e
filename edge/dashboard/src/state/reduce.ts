// How each message changes what the page knows. The only place that writes the state.
import type { HostStatus } from '../../../../shared/protocol/host.ts';
import type { MapMetadata, MapObject, MapTile } from '../../../../shared/protocol/map-view.ts';
import type { MissionEvent, MissionStatus } from '../../../../shared/protocol/mission.ts';
import type { RoverGoal, RoverPresence, RoverState } from '../../../../shared/protocol/rover.ts';
import { createRoverRecord, shownMission, type ConnectionPhase, type FleetState, type RoverRecord, type Slice } from './fleet-state.ts';

export type FleetMessage =
  | { readonly kind: 'connection'; readonly phase: ConnectionPhase }
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'choose'; readonly site: string; readonly mission: string | null }
  | { readonly kind: 'status'; readonly site: string; readonly value: MissionStatus }
  | { readonly kind: 'event'; readonly value: MissionEvent }
  | { readonly kind: 'presence'; readonly value: RoverPresence }
  | { readonly kind: 'state'; readonly value: RoverState }
  | { readonly kind: 'goal'; readonly value: RoverGoal }
  | { readonly kind: 'host'; readonly value: HostStatus }
  | { readonly kind: 'metadata'; readonly value: MapMetadata }
  | { readonly kind: 'tile'; readonly id: string; readonly value: MapTile }
  | { readonly kind: 'object'; readonly value: MapObject };

const MAX_LOG_LINES = 300;
/** What one broker can make this page remember; far above any fleet, far below a full memory. */
const MAX_ROVERS = 256;
const MAX_TILES = 16_384;
const MAX_OBJECTS = 4096;
const MAX_HOSTS = 256;
const MAX_MISSIONS = 256;
/** A clock that goes back further than this means a new run of the mission [s]. */
const RESTART_SEC = 2;

/** Applies a message at page time `nowMs` and says what changed. */
export function reduce(state: FleetState, message: FleetMessage, nowMs: number): readonly Slice[] {
  switch (message.kind) {
    case 'connection':
      return connection(state, message.phase, nowMs);
    case 'notice':
      addLocalLine(state, 'mission', message.text, nowMs);
      return ['log'];
    case 'dropped':
      state.connection.dropped += 1;
      state.connection.lastDropReason = message.reason;
      return ['connection'];
    case 'choose':
      return choose(state, message.site, message.mission);
    case 'status':
      if (!admits(state.missions, `${message.site}/${message.value.mission}`, MAX_MISSIONS)) return [];
      state.missions.set(`${message.site}/${message.value.mission}`, { site: message.site, status: message.value, receivedMs: nowMs });
      return ['mission', 'rovers'];
    case 'event':
      addLine(state, message.value, false);
      return ['log'];
    case 'presence':
      return withRover(state, message.value.rover, (rover) => {
        rover.presence = message.value.status;
      });
    case 'state':
      return withRover(state, message.value.rover, (rover) => takeState(rover, message.value, nowMs));
    case 'goal':
      return withRover(state, message.value.rover, (rover) => {
        rover.goal = message.value.goal;
      });
    case 'host':
      if (!admits(state.hosts, message.value.host, MAX_HOSTS)) return [];
      state.hosts.set(message.value.host, message.value);
      return ['hosts'];
    case 'metadata':
      // A Map Server that starts over counts from zero: its tiles must not lose against those of its predecessor.
      if (state.metadata !== null && message.value.revision < state.metadata.revision) forgetRevisions(state);
      state.metadata = message.value;
      return ['map'];
    case 'tile': {
      const known = state.tiles.get(message.id);
      if (known !== undefined && message.value.revision <= known.revision) return [];
      if (!admits(state.tiles, message.id, MAX_TILES)) return [];
      state.tiles.set(message.id, message.value);
      return ['map'];
    }
    case 'object':
      break;
  }
  if (message.value.status === 'withdrawn') state.objects.delete(message.value.object);
  else if (admits(state.objects, message.value.object, MAX_OBJECTS)) state.objects.set(message.value.object, message.value);
  return ['objects'];
}

function connection(state: FleetState, phase: ConnectionPhase, nowMs: number): readonly Slice[] {
  const before = state.connection.phase;
  if (before === phase) return [];
  state.connection.phase = phase;
  state.connection.sinceMs = nowMs;
  const text =
    phase === 'lost'
      ? 'Connection to the broker lost; showing the last view.'
      : before === 'lost'
        ? 'Connected to the broker again.'
        : null;
  if (text === null) return ['connection'];
  addLocalLine(state, 'broker', text, nowMs);
  return ['connection', 'log'];
}

/** A line of the page's own, at mission time. */
function addLocalLine(state: FleetState, kind: MissionEvent['kind'], text: string, nowMs: number): void {
  const mission = shownMission(state);
  const stampSec = mission === null ? 0 : elapsedSec(mission.status, mission.receivedMs, nowMs);
  addLine(state, { stampSec, kind, rover: null, text }, true);
}

/** Another site or mission: everything that belongs to the old one goes. */
function choose(state: FleetState, site: string, mission: string | null): readonly Slice[] {
  if (state.site === site && state.mission === mission) return [];
  if (state.site !== site) {
    state.rovers.clear();
    state.hosts.clear();
  }
  if (state.mission !== mission && state.mission !== null) {
    state.metadata = null;
    state.tiles.clear();
    state.objects.clear();
    state.log.length = 0;
  }
  state.site = site;
  state.mission = mission;
  return ['mission', 'rovers', 'map', 'objects', 'hosts', 'log'];
}

function withRover(state: FleetState, id: string, change: (rover: RoverRecord) => void): readonly Slice[] {
  if (!admits(state.rovers, id, MAX_ROVERS)) return [];
  const rover = state.rovers.get(id) ?? createRoverRecord(id);
  state.rovers.set(id, rover);
  change(rover);
  return ['rovers'];
}

function takeState(rover: RoverRecord, value: RoverState, nowMs: number): void {
  const before = rover.state;
  if (before !== null && value.stampSec < before.stampSec - RESTART_SEC) {
    rover.trail.clear();
    rover.temperature.clear();
    rover.moves.clear();
  }
  for (const module of value.modules) {
    const old = before?.modules.find((candidate) => candidate.module === module.module);
    if (old === undefined || old.placement === module.placement) continue;
    // `onboard → moving → host-a` is one move to the reader.
    const from = old.placement === 'moving' ? (rover.moves.get(module.module)?.from ?? old.placement) : old.placement;
    rover.moves.set(module.module, { from, to: module.placement, atMs: nowMs });
  }
  rover.state = value;
  rover.receivedMs = nowMs;
  rover.track.push(value.pose, nowMs);
  rover.trail.push(value.pose.x, value.pose.y);
  if (value.temperatureC !== null) rover.temperature.push(value.stampSec, value.temperatureC);
}

function forgetRevisions(state: FleetState): void {
  for (const [id, tile] of state.tiles) state.tiles.set(id, { ...tile, revision: -1 });
}

function addLine(state: FleetState, event: MissionEvent, local: boolean): void {
  state.log.push({ id: (state.log.at(-1)?.id ?? 0) + 1, event, local });
  if (state.log.length > MAX_LOG_LINES) state.log.splice(0, state.log.length - MAX_LOG_LINES);
}

function admits(map: ReadonlyMap<string, unknown>, key: string, limit: number): boolean {
  return map.has(key) || map.size < limit;
}

/** Mission time now: a running mission goes on between its status messages [s]. */
export function elapsedSec(status: MissionStatus, receivedMs: number, nowMs: number): number {
  return status.phase === 'running' ? status.elapsedSec + (Math.max(nowMs - receivedMs, 0) / 1000) * status.speed : status.elapsedSec;
}
