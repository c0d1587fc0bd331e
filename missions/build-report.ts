// From what a mission's parts know at its end to its report. Plain data in, so that simulation, replay and real fleets share it.
import type { ModuleStats, MoveReport, RecoveredEvent } from '../shared/elastic/module-events.ts';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import type { MapObject } from '../shared/protocol/map-view.ts';
import type { MissionEvent } from '../shared/protocol/mission.ts';
import type { MissionResult } from './coordinator.ts';
import { type HazardRow, type LatencyRow, type MissionReport, type RoverRow, sealReport } from './report.ts';

/** What is known of one elastic module of one rover. */
export interface ModuleFacts {
  readonly stats: ModuleStats;
  readonly moves: readonly MoveReport[];
  readonly recoveries: readonly RecoveredEvent[];
}

export interface RoverFacts {
  readonly rover: string;
  readonly device: string;
  readonly distanceM: number;
  readonly batteryEnd: number | null;
  readonly temperatureMaxC: number | null;
  readonly poseErrorMeanM: number | null;
  readonly collisions: number;
  readonly mapServer: ModuleFacts;
  readonly detector: ModuleFacts;
}

/** The truth's verdict; only a simulation has it. */
export interface MissionScore {
  readonly coverage: number;
  readonly surfaces: { readonly precision: number; readonly recall: number; readonly f1: number };
  readonly collisions: number;
  readonly matches: readonly {
    readonly class: string;
    readonly x: number;
    readonly y: number;
    readonly object: MapObject | null;
    readonly errorM: number | null;
  }[];
  readonly falsePositives: readonly MapObject[];
}

export interface MissionFacts {
  readonly mission: string;
  readonly title: string;
  readonly mode: MissionReport['mode'];
  readonly scenario: string;
  readonly seed: number;
  readonly result: MissionResult;
  readonly score: MissionScore;
  readonly map: OccupancyMap;
  readonly rovers: readonly RoverFacts[];
  readonly events: readonly MissionEvent[];
  readonly provenance: readonly string[];
  readonly wallSec: number;
}

export function buildReport(facts: MissionFacts): MissionReport {
  const { result, score, map, rovers } = facts;
  const modules = rovers.flatMap((rover) => [rover.mapServer, rover.detector]);
  const found = score.matches.filter(({ object }) => object !== null);
  const errors = found.map(({ errorM }) => errorM).filter((error) => error !== null);
  return sealReport({
    format: 'outrider-mission-report/1',
    mission: facts.mission,
    title: facts.title,
    mode: facts.mode,
    scenario: facts.scenario,
    seed: facts.seed,
    rovers: rovers.length,
    outcome: result.outcome,
    reason: result.reason,
    duration_s: result.durationSec,
    coverage: score.coverage,
    hazards: {
      total: score.matches.length,
      found: found.length,
      false_positives: score.falsePositives.length,
      mean_error_m: errors.length === 0 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length,
      list: hazardRows(score),
    },
    map: {
      surface_f1: score.surfaces.f1,
      surface_precision: score.surfaces.precision,
      surface_recall: score.surfaces.recall,
      known_m2: map.cells.reduce((known, cell) => known + (cell >= 0 ? 1 : 0), 0) * map.resolutionM ** 2,
      resolution_m: map.resolutionM,
    },
    collisions: score.collisions,
    offload: {
      map_server: {
        deployed: countMoves(rovers, 'mapServer', 'offload'),
        redirected: countMoves(rovers, 'mapServer', 'redirect'),
        failovers: failovers(rovers.map((rover) => rover.mapServer)),
      },
      detection: {
        offloads: countMoves(rovers, 'detector', 'offload'),
        recalls: countMoves(rovers, 'detector', 'recall'),
        failovers: failovers(rovers.map((rover) => rover.detector)),
      },
    },
    calls: {
      onboard: sum(modules, ({ stats }) => stats.calls.onboard),
      edge: sum(modules, ({ stats }) => stats.calls.edge),
      lost: sum(modules, ({ stats }) => stats.calls.lost),
      latency: { onboard: latency(rovers, 'onboard'), edge: latency(rovers, 'edge') },
    },
    fleet: rovers.map(roverRow),
    events: facts.events.map(({ stampSec, kind, rover, text }) => ({ t_s: stampSec, kind, rover, text })),
    provenance: facts.provenance,
    wall: {
      duration_s: facts.wallSec,
      real_time_factor: result.durationSec / facts.wallSec,
      peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    },
  });
}

function hazardRows(score: MissionScore): HazardRow[] {
  const rows: HazardRow[] = score.matches.map(({ class: name, x, y, object, errorM }) => ({
    class: name,
    x_m: object?.x ?? x,
    y_m: object?.y ?? y,
    sightings: object?.sightings ?? 0,
    status: object === null ? 'missed' : 'found',
    error_m: errorM,
  }));
  for (const object of score.falsePositives) {
    rows.push({ class: object.class, x_m: object.x, y_m: object.y, sightings: object.sightings, status: 'false_positive', error_m: null });
  }
  return rows;
}

function roverRow(rover: RoverFacts): RoverRow {
  const modules = [rover.mapServer, rover.detector];
  return {
    rover: rover.rover,
    device: rover.device,
    distance_m: rover.distanceM,
    battery_end: rover.batteryEnd,
    temperature_max_c: rover.temperatureMaxC,
    pose_error_mean_m: rover.poseErrorMeanM,
    collisions: rover.collisions,
    calls_onboard: sum(modules, ({ stats }) => stats.calls.onboard),
    calls_edge: sum(modules, ({ stats }) => stats.calls.edge),
    detection_offloads: countMoves([rover], 'detector', 'offload'),
    detection_recalls: countMoves([rover], 'detector', 'recall'),
  };
}

function countMoves(rovers: readonly RoverFacts[], module: 'mapServer' | 'detector', kind: MoveReport['kind']): number {
  return sum(rovers, (rover) => rover[module].moves.filter((move) => move.kind === kind && move.outcome === 'moved').length);
}

/** Instances that went on elsewhere after a loss. Rovers that share an instance report the same loss; it counts once per epoch. */
function failovers(modules: readonly ModuleFacts[]): number {
  const elsewhere = modules.flatMap(({ recoveries }) => recoveries.filter(({ how }) => how !== 'reconnect'));
  return new Set(elsewhere.map(({ how, epoch, hostId, module }) => `${module} ${how} ${epoch} ${hostId}`)).size;
}

/** Over the rovers: the median of medians and the worst 99th percentile of Object Detection, the call that matters. */
function latency(rovers: readonly RoverFacts[], where: 'onboard' | 'edge'): LatencyRow {
  const summaries = rovers.map(({ detector }) => detector.stats.latencyMs[where]).filter((summary) => summary !== null);
  if (summaries.length === 0) return { p50_ms: null, p99_ms: null };
  const medians = summaries.map(({ p50 }) => p50).toSorted((a, b) => a - b);
  return { p50_ms: medians[Math.floor(medians.length / 2)] ?? null, p99_ms: Math.max(...summaries.map(({ p99 }) => p99)) };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
