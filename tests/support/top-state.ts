// A site's state for tests of the terminal view: whole messages, as the protocol has them.
import type { RoverSeen, SeenEvent, SiteState } from '../../edge/top/site-watch.ts';
import type { HostPresent } from '../../shared/protocol/host.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import type { RoverState } from '../../shared/protocol/rover.ts';

const MODULE = { name: 'object-detection', version: '1.0.0', digest: 'a'.repeat(64), sharing: 'per-rover' } as const;

export const EMPTY: SiteState = {
  site: 'barn',
  connected: true,
  manager: null,
  missions: [],
  rovers: [],
  hosts: [],
  placements: [],
  events: [],
  malformed: 0,
};

export function roverStateOf(id: string, more: Partial<RoverState> = {}): RoverState {
  return {
    rover: id,
    stampSec: 60,
    located: true,
    pose: { x: 1, y: 2, theta: 0 },
    linearMPerSec: 0.2,
    angularRadPerSec: 0,
    activity: 'exploring',
    batteryFraction: 0.15,
    temperatureC: 61,
    cpuFraction: 0.4,
    powerW: 5.5,
    distanceM: 10,
    path: [],
    modules: [
      { module: 'object-detection', placement: 'edge-1', epoch: 4, calls: 7, latencyMs: 12, modelled: false },
      { module: 'map-server', placement: 'onboard', epoch: 1, calls: 9, latencyMs: 3.5, modelled: true },
    ],
    faults: [],
    ...more,
  };
}

export function rover(id: string, more: Partial<RoverState> = {}): RoverSeen {
  return { rover: id, presence: 'online', state: roverStateOf(id, more) };
}

export function host(id: string): HostPresent {
  const hosted = {
    instance: 'detection-1',
    module: MODULE,
    mission: 'search',
    rover: 'rover-1',
    requestedBy: 'rover-1',
    tenant: 'default',
  };
  return {
    status: 'online',
    host: id,
    session: 's1',
    managerTerm: 3,
    stampSec: 60,
    cores: 4,
    loadFraction: 0.25,
    memoryTotalBytes: 1024 ** 3,
    memoryFreeBytes: 1024 ** 3 - 16 * 1024 ** 2,
    instancesMax: 32,
    accelerator: null,
    hostInterfaces: [],
    addresses: ['tcp://127.0.0.1:4000'],
    bundles: [MODULE.digest],
    instances: [{ ...hosted, epoch: 4, state: 'running', addresses: [], memoryMaxBytes: 16 * 1024 ** 2, calls: 7, connected: 1 }],
  };
}

export function record(instance: string, on: string): PlacementRecord {
  return {
    instance,
    module: MODULE,
    mission: 'search',
    rover: 'rover-1',
    tenant: 'default',
    status: 'running',
    host: on,
    epoch: 4,
    addresses: [],
    memoryMaxBytes: 16 * 1024 ** 2,
    needsAccelerator: false,
    hostInterfaces: [],
    stampSec: 60,
  };
}

export function event(stampSec: number, text: string): SeenEvent {
  return { stampSec, kind: 'offload', rover: 'rover-1', mission: 'search', text };
}

export function fleetOf(count: number): SiteState {
  const ids = Array.from({ length: count }, (_, index) => `rover-${index + 1}`);
  return {
    ...EMPTY,
    manager: { status: 'active', session: 's1', term: 3, stampSec: 60 },
    missions: [
      {
        mission: 'search',
        title: 'Search',
        phase: 'running',
        stampSec: 125,
        elapsedSec: 125,
        rovers: ids,
        exploredM2: 12.5,
        hazardsConfirmed: 1,
        speed: 1,
        bounds: null,
      },
    ],
    rovers: ids.map((id) => rover(id)),
    hosts: [host('edge-1')],
    placements: [record('detection-1', 'edge-1')],
    events: [event(59, 'moved')],
  };
}
