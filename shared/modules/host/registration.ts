// Host interface `registration`: finds how two maps with unknown poses fit. It takes seconds, so it is begun here and asked for later.
import type { f64, i32 } from '../portable.ts';

/** An occupancy grid in its rover's frame: percent, −1 unknown, row-major from the lower left, cells of 5 cm. */
export interface GridRecord {
  /** Lower left corner [m]. */
  readonly originX: f64;
  readonly originY: f64;
  readonly width: i32;
  readonly height: i32;
  readonly cells: Int8Array;
}

export interface RegistrationOutcome {
  /** As given to `beginRegistration`. */
  readonly ticket: i32;
  /** Maps B's frame into A's [m, rad]; meaningless unless accepted. */
  readonly x: f64;
  readonly y: f64;
  readonly theta: f64;
  /** 0 … 1, the weakest of the criteria. */
  readonly confidence: f64;
  /** Whether the evidence is enough to merge by. */
  readonly accepted: boolean;
}

/** Begins to register B to A; what was begun before and not taken is forgotten. @host registration */
export declare function beginRegistration(ticket: i32, a: GridRecord, b: GridRecord): void;

/** The outcome of what was begun last, once; null while it is not there. @host registration */
export declare function takeRegistration(): RegistrationOutcome | null;
