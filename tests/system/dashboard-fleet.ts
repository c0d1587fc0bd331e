// A scripted fleet for the dashboard's tests: three rovers drive rounds through a site of 30 m × 20 m, uncover it with a simple lidar
// and report findings, module moves and hosts. Deterministic; time is handed in. It publishes only what the shared schemas allow.
import type { HostStatus } from '../../shared/protocol/host.ts';
import type { MapMetadata, MapObject, MapTile } from '../../shared/protocol/map-view.ts';
import type { MissionEvent, MissionStatus } from '../../shared/protocol/mission.ts';
import type { RoverGoal, RoverState } from '../../shared/protocol/rover.ts';
import { DETECTOR_MOVES, NAMES, OBJECTS, ROUNDS, WALLS, type Point } from './dashboard-script.ts';
import { encodeTileCells } from '../../shared/mapping/tile-codec.ts';

const WIDTH_M = 30;
const HEIGHT_M = 20;
const RESOLUTION_M = 0.05;
const TILE = 64;
const COLUMNS = WIDTH_M / RESOLUTION_M;
const ROWS = HEIGHT_M / RESOLUTION_M;
const LIDAR_RANGE_M = 6;
const LIDAR_BEAMS = 540;

/** What one step of the script has to say. */
export interface FleetReport {
  readonly status: MissionStatus;
  readonly metadata: MapMetadata;
  readonly tiles: readonly MapTile[];
  readonly objects: readonly MapObject[];
  readonly rovers: readonly { readonly state: RoverState; readonly goal: RoverGoal }[];
  readonly hosts: readonly HostStatus[];
  readonly events: readonly MissionEvent[];
}

export class ScriptedFleet {
  readonly #solid = new Uint8Array(COLUMNS * ROWS);
  readonly #known = new Int8Array(COLUMNS * ROWS).fill(-1);
  readonly #changed = new Set<number>();
  readonly #found = new Map<string, { sightings: number; firstSec: number; announced: boolean }>();
  readonly #speed: number;
  #stampSec = 0;
  #revision = 0;

  constructor(options: { readonly speed: number }) {
    this.#speed = options.speed;
    for (const [minX, minY, maxX, maxY] of WALLS) {
      for (let row = Math.round(minY / RESOLUTION_M); row < Math.round(maxY / RESOLUTION_M); row += 1) {
        this.#solid.fill(1, row * COLUMNS + Math.round(minX / RESOLUTION_M), row * COLUMNS + Math.round(maxX / RESOLUTION_M));
      }
    }
  }

  /** Goes on by `stepSec` of mission time and reports. `phase` is the coordinator's. */
  step(stepSec: number, phase: MissionStatus['phase'] = 'running'): FleetReport {
    const events: MissionEvent[] = [];
    if (phase === 'running') {
      const before = this.#stampSec;
      this.#stampSec += stepSec;
      for (const [atSec, rover, , kind, text] of DETECTOR_MOVES) {
        if (atSec > before && atSec <= this.#stampSec) events.push({ stampSec: this.#stampSec, kind, rover, text });
      }
      this.#revision += 1;
      for (const index of NAMES.keys()) this.#scan(this.#pose(index).x, this.#pose(index).y);
    }
    const objects = phase === 'running' ? this.#sight(events) : [];
    const known = this.#known.reduce((count, cell) => count + (cell === 0 ? 1 : 0), 0);
    const tiles = [...this.#changed].sort((a, b) => a - b).map((tile) => this.#tile(tile));
    this.#changed.clear();
    return {
      status: {
        mission: 'sar-1',
        title: 'Search and rescue, warehouse north',
        phase,
        stampSec: this.#stampSec,
        elapsedSec: this.#stampSec,
        rovers: [...NAMES],
        exploredM2: known * RESOLUTION_M ** 2,
        hazardsConfirmed: [...this.#found.values()].filter((found) => found.announced).length,
        speed: this.#speed,
        bounds: { minX: 0, minY: 0, maxX: WIDTH_M, maxY: HEIGHT_M },
      },
      metadata: {
        resolutionM: RESOLUTION_M,
        tileSize: TILE,
        tileMinX: 0,
        tileMinY: 0,
        tileMaxX: Math.ceil(COLUMNS / TILE) - 1,
        tileMaxY: Math.ceil(ROWS / TILE) - 1,
        rovers: [...NAMES],
        revision: this.#revision,
        stampSec: this.#stampSec,
      },
      tiles,
      objects,
      rovers: NAMES.map((rover, index) => this.#rover(rover, index)),
      hosts: ['edge-1', 'edge-2'].map((host) => this.#host(host)),
      events,
    };
  }

  #pose(index: number): { x: number; y: number; theta: number; ahead: Point[] } {
    const round = ROUNDS[index] ?? [];
    let left = this.#stampSec * (0.55 + 0.05 * index);
    for (let leg = 0; ; leg += 1) {
      // The approach is driven once, then the round begins again at its second corner.
      const from = round[leg < round.length ? leg : 1 + ((leg - 1) % (round.length - 1))] ?? [0, 0];
      const to = round[leg + 1 < round.length ? leg + 1 : 1 + (leg % (round.length - 1))] ?? [0, 0];
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (left <= length) {
        const share = left / length;
        const x = from[0] + share * (to[0] - from[0]);
        const y = from[1] + share * (to[1] - from[1]);
        return { x, y, theta: Math.atan2(to[1] - from[1], to[0] - from[0]), ahead: [to] };
      }
      left -= length;
    }
  }

  #scan(x: number, y: number): void {
    for (let beam = 0; beam < LIDAR_BEAMS; beam += 1) {
      const angle = (beam / LIDAR_BEAMS) * 2 * Math.PI;
      for (let range = 0; range < LIDAR_RANGE_M; range += RESOLUTION_M * 0.8) {
        const column = Math.floor((x + range * Math.cos(angle)) / RESOLUTION_M);
        const row = Math.floor((y + range * Math.sin(angle)) / RESOLUTION_M);
        if (column < 0 || row < 0 || column >= COLUMNS || row >= ROWS) break;
        const cell = row * COLUMNS + column;
        const value = this.#solid[cell] === 1 ? 100 : 0;
        if (this.#known[cell] !== value) {
          this.#known[cell] = value;
          this.#changed.add(Math.floor(row / TILE) * 1000 + Math.floor(column / TILE));
        }
        if (value === 100) break;
      }
    }
  }

  #tile(id: number): MapTile {
    const x = id % 1000;
    const y = Math.floor(id / 1000);
    const cells = new Int8Array(TILE * TILE).fill(-1);
    for (let row = 0; row < TILE && y * TILE + row < ROWS; row += 1) {
      const start = (y * TILE + row) * COLUMNS + x * TILE;
      cells.set(this.#known.subarray(start, start + Math.min(TILE, COLUMNS - x * TILE)), row * TILE);
    }
    return { x, y, revision: this.#revision, stampSec: this.#stampSec, cells: encodeTileCells(cells) };
  }

  #sight(events: MissionEvent[]): MapObject[] {
    const seen: MapObject[] = [];
    for (const { object, class: name, at } of OBJECTS) {
      const by = NAMES.findIndex((_, index) => Math.hypot(this.#pose(index).x - at[0], this.#pose(index).y - at[1]) < 3.2);
      const rover = NAMES[by];
      if (rover === undefined) continue;
      const found = this.#found.get(object) ?? { sightings: 0, firstSec: this.#stampSec, announced: false };
      found.sightings += 1;
      this.#found.set(object, found);
      const status = found.sightings >= 6 ? 'confirmed' : 'candidate';
      if (status === 'confirmed' && !found.announced) {
        found.announced = true;
        events.push({ stampSec: this.#stampSec, kind: 'hazard', rover, text: `${rover} confirms: ${name.replaceAll('-', ' ')}` });
      }
      const variance = 0.25 / found.sightings + 0.004;
      seen.push({
        object,
        class: name,
        status,
        x: at[0],
        y: at[1],
        covariance: [variance, variance * 0.4, variance * 0.6],
        sightings: found.sightings,
        rovers: [rover],
        score: Math.min(0.5 + 0.06 * found.sightings, 0.98),
        firstSeenSec: found.firstSec,
        lastSeenSec: this.#stampSec,
      });
    }
    return seen;
  }

  #placement(rover: string): { placement: string; moves: number } {
    const moves = DETECTOR_MOVES.slice(1).filter(([atSec, of]) => of === rover && atSec <= this.#stampSec);
    return { placement: moves.at(-1)?.[2] ?? 'onboard', moves: moves.length };
  }

  #rover(rover: string, index: number): { state: RoverState; goal: RoverGoal } {
    const { x, y, theta, ahead } = this.#pose(index);
    const time = this.#stampSec;
    const detector = this.#placement(rover);
    const away = detector.placement !== 'onboard';
    const heat = 52 + 9 * index + (away ? 3 : 10 * Math.min(time / 20, 1)) + 1.5 * Math.sin(time / 4 + index);
    const goal = ahead[0] ?? [x, y];
    const calls = Math.floor(time * 6);
    return {
      state: {
        rover,
        stampSec: time,
        located: true,
        pose: { x, y, theta },
        linearMPerSec: 0.55 + 0.05 * index,
        angularRadPerSec: 0,
        activity: (['exploring', 'inspecting', 'exploring'] as const)[index] ?? 'exploring',
        batteryFraction: Math.max(0.94 - 0.19 * index - time / 600, 0.03),
        temperatureC: heat,
        cpuFraction: away ? 0.18 + 0.03 * index : 0.82,
        powerW: away ? 3.1 : 5.4,
        distanceM: time * (0.55 + 0.05 * index),
        path: [
          [(x + goal[0]) / 2, (y + goal[1]) / 2],
          [goal[0], goal[1]],
        ],
        modules: [
          {
            module: 'map-server',
            placement: time < 4 && index === 0 ? 'onboard' : 'edge-1',
            epoch: 1,
            calls: Math.floor(time * 2),
            latencyMs: 4.3 + index,
            modelled: false,
          },
          {
            module: 'object-detection',
            placement: detector.placement,
            epoch: detector.moves,
            calls,
            latencyMs: away ? 66 + index : 1290,
            modelled: !away,
          },
        ],
        faults: index === 2 && time > 30 && time < 40 ? ['sonar disconnected'] : [],
      },
      goal: { rover, stampSec: time, goal: { x: goal[0], y: goal[1], radiusM: 0.8, pathLengthM: Math.hypot(goal[0] - x, goal[1] - y) } },
    };
  }

  #host(host: string): HostStatus {
    const guests = NAMES.filter((rover) => this.#placement(rover).placement === host);
    const instance = (module: string, rover: string | null): HostInstance => ({
      instance: `${module}-${rover ?? 'shared'}`,
      module: { name: module, version: '0.1.0', digest: 'a'.repeat(64), sharing: rover === null ? 'shared' : 'per-rover' },
      mission: 'sar-1',
      rover,
      requestedBy: rover,
      tenant: 'default',
      epoch: 1,
      state: 'running',
      addresses: ['tcp://127.0.0.1:7001'],
      memoryMaxBytes: 64 * 2 ** 20,
      calls: 10,
      connected: 1,
    });
    const instances = [
      ...(host === 'edge-1' ? [instance('map-server', null)] : []),
      ...guests.map((rover) => instance('object-detection', rover)),
    ];
    return {
      status: 'online',
      host,
      session: 's1',
      managerTerm: 1,
      stampSec: this.#stampSec,
      cores: 8,
      loadFraction: 0.04 + 0.17 * instances.length + 0.02 * Math.sin(this.#stampSec / 5),
      memoryTotalBytes: 4 * 2 ** 30,
      memoryFreeBytes: (4 * 1024 - 64 * instances.length) * 2 ** 20,
      instancesMax: 32,
      accelerator: null,
      hostInterfaces: ['vision', 'map-view'],
      addresses: ['tcp://127.0.0.1:7000'],
      bundles: [],
      instances,
    };
  }
}

type HostInstance = Extract<HostStatus, { status: 'online' | 'draining' }>['instances'][number];
