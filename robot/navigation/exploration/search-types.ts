// What the search is told and what it answers.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { Costmap } from '../costmap/costmap.ts';
import type { GridFrame } from '../costmap/grid-frame.ts';

/** Where to look from next. */
export interface Viewpoint {
  readonly x: number;
  readonly y: number;
  readonly theta: number;
  /** Weighted area that it promised to reveal when it was chosen [m²]. */
  readonly gainM2: number;
  readonly pathLengthM: number;
}

/** Another rover as the search sees it. */
export interface Searcher {
  readonly x: number;
  readonly y: number;
  readonly claim: { readonly x: number; readonly y: number; readonly radiusM: number; readonly pathLengthM: number } | null;
}

export interface SearchInputs {
  readonly frame: GridFrame;
  readonly states: Uint8Array;
  readonly seen: Uint8Array;
  readonly costmap: Costmap;
  readonly pose: Pose2;
  readonly others: readonly Searcher[];
  /** The viewpoint pursued now, which is only left for a clearly better round. */
  readonly current: Viewpoint | null;
  readonly nowSec: number;
}

export interface SearchOutcome {
  /** Null: nothing for this rover now. */
  readonly viewpoint: Viewpoint | null;
  /** Whether anything reachable is left to see, whoever has claimed it. */
  readonly workLeft: boolean;
}
