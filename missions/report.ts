// What a mission leaves behind for people and machines: report.json (snake_case keys with units) and its fingerprint.
import { createHash } from 'node:crypto';

/** A hazard of the truth, or a finding without one. */
export interface HazardRow {
  readonly class: string;
  readonly x_m: number;
  readonly y_m: number;
  readonly sightings: number;
  readonly status: 'found' | 'missed' | 'false_positive';
  /** Distance to the true position [m]; null where there is none. */
  readonly error_m: number | null;
}

export interface RoverRow {
  readonly rover: string;
  readonly device: string;
  readonly distance_m: number;
  readonly battery_end: number | null;
  readonly temperature_max_c: number | null;
  readonly pose_error_mean_m: number | null;
  readonly collisions: number;
  readonly calls_onboard: number;
  readonly calls_edge: number;
  readonly detection_offloads: number;
  readonly detection_recalls: number;
}

/** One line of the mission's log. */
export interface EventRow {
  readonly t_s: number;
  readonly kind: string;
  readonly rover: string | null;
  readonly text: string;
}

/** Median and 99th percentile latency of a group of calls [ms]. */
export interface LatencyRow {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
}

export interface MissionReport {
  readonly format: 'outrider-mission-report/1';
  readonly mission: string;
  readonly title: string;
  readonly mode: 'headless' | 'live' | 'replay';
  readonly scenario: string;
  readonly seed: number;
  readonly rovers: number;
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly reason: string;
  /** Mission time [s]: virtual in a headless run. */
  readonly duration_s: number;
  /** Share of the reachable floor that the merged map knows, 0 to 1. */
  readonly coverage: number;
  readonly hazards: {
    readonly total: number;
    readonly found: number;
    readonly false_positives: number;
    readonly mean_error_m: number | null;
    readonly list: readonly HazardRow[];
  };
  readonly map: {
    /** Occupied cells against the surfaces that were in view, within 10 cm. */
    readonly surface_f1: number;
    readonly surface_precision: number;
    readonly surface_recall: number;
    readonly known_m2: number;
    readonly resolution_m: number;
  };
  readonly collisions: number;
  readonly offload: {
    readonly map_server: { readonly deployed: number; readonly redirected: number; readonly failovers: number };
    readonly detection: { readonly offloads: number; readonly recalls: number; readonly failovers: number };
  };
  readonly calls: {
    readonly onboard: number;
    readonly edge: number;
    readonly lost: number;
    readonly latency: { readonly onboard: LatencyRow; readonly edge: LatencyRow };
  };
  readonly fleet: readonly RoverRow[];
  readonly events: readonly EventRow[];
  /** What in this report is modelled or simulated rather than measured, in plain words. */
  readonly provenance: readonly string[];
  /** SHA-256 over everything but `fingerprint` and `wall`: equal seeds give equal fingerprints in a headless run. */
  readonly fingerprint: string;
  /** Measured on the machine that ran the mission; differs from run to run. */
  readonly wall: { readonly duration_s: number; readonly real_time_factor: number; readonly peak_rss_mb: number };
}

/** Seals a report: rounds what is not exact to a sensible last digit and adds the fingerprint. */
export function sealReport(report: Omit<MissionReport, 'fingerprint'>): MissionReport {
  const { wall, ...rest } = report;
  const rounded = round(rest) as typeof rest;
  const fingerprint = createHash('sha256').update(canonicalJson(rounded)).digest('hex');
  return { ...rounded, fingerprint, wall: round(wall) as typeof wall };
}

/** JSON with sorted keys, so that equal contents give equal bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Numbers to 4 decimals: a tenth of a millimetre, a tenth of a millisecond. */
function round(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * 1e4) / 1e4 : null;
  if (Array.isArray(value)) return value.map(round);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, round(item)]));
  return value;
}
