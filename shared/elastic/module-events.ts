// What an elastic module tells about itself: placements, moves and their durations, losses, call statistics.
import type { OffloadReport } from './remote-site.ts';

export interface Placement {
  /** `moving`: calls are held for the pause of a move. `waiting`: the edge is lost and calls wait for it to come back. */
  readonly kind: 'onboard' | 'moving' | 'edge' | 'waiting';
  /** The edge host, or null on board. */
  readonly hostId: string | null;
  /** Grows with every placement of the instance. */
  readonly epoch: number;
}

export type MoveKind = 'offload' | 'redirect' | 'recall' | 'handoff' | 'recovery';

export interface MoveReport {
  readonly module: string;
  readonly kind: MoveKind;
  /** `refused`: the site has no place. `failed`: it was tried, and the module runs on where it was (or recovers). */
  readonly outcome: 'moved' | 'unneeded' | 'refused' | 'failed';
  readonly reason: string;
  /** Host ids; null is on board. */
  readonly from: string | null;
  readonly to: string | null;
  readonly epoch: number;
  /** Clock time of the start [s]. */
  readonly startedSec: number;
  readonly durationMs: number;
  /** How long calls were held back [ms]. */
  readonly pauseMs: number;
  /** Duration of each step [ms] in order: `prepare connect precopy quiesce capture transfer restore …`. */
  readonly stepsMs: Readonly<Record<string, number>>;
  /** Size of the state, and what of it travelled (ahead and in the pause) [bytes]. */
  readonly stateBytes: number;
  readonly bytesAhead: number;
  readonly bytesInPause: number;
  /** Calls that were made again because their effects were not in the state that was restored. */
  readonly replayed: number;
  readonly offload: OffloadReport | null;
  readonly error: Error | null;
}

/** The connection to the instance was lost; `recovered` follows, or calls wait. */
export interface LostEvent {
  readonly module: string;
  readonly hostId: string;
  readonly epoch: number;
  readonly stampSec: number;
  readonly pendingCalls: number;
  readonly error: Error | null;
}

export interface RecoveredEvent {
  readonly module: string;
  /** `reconnect`: same instance. `relocated`: restarted elsewhere. `fallback`: on board from the last checkpoint. */
  readonly how: 'reconnect' | 'relocated' | 'fallback';
  readonly hostId: string | null;
  readonly epoch: number;
  readonly stampSec: number;
  readonly outageMs: number;
  readonly replayed: number;
  /** Calls, at most, whose effects went with the instance: the site lost what it had stored, or gave it up. */
  readonly lost: number;
}

export interface ModuleEvents {
  readonly placement: Placement;
  readonly moved: MoveReport;
  readonly 'move-failed': MoveReport;
  readonly lost: LostEvent;
  readonly recovered: RecoveredEvent;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface ModuleStats {
  readonly calls: {
    readonly onboard: number;
    readonly edge: number;
    readonly failed: number;
    /** `latest` calls that were dropped as stale. */
    readonly stale: number;
    /** Provisional effects on board that a redirect could not take along (bounded outbox), and those that went with an instance. */
    readonly lost: number;
    readonly pending: number;
  };
  /** Of the last calls, by where they were answered [ms]; null before the first. */
  readonly latencyMs: { readonly onboard: LatencySummary | null; readonly edge: LatencySummary | null };
  readonly bytes: { readonly out: number; readonly in: number };
  readonly moves: number;
  readonly outbox: { readonly calls: number; readonly bytes: number };
}
