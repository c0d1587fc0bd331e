// Outcome of a global planner: a path or a failure by Nav2's names (nav2_msgs/ComputePathToPose). Failures are results, not throws.

export type PlanFailureReason = 'StartOutsideMap' | 'GoalOutsideMap' | 'StartOccupied' | 'GoalOccupied' | 'NoValidPath' | 'TimedOut';

export interface PlanSuccess {
  readonly ok: true;
  /** Cells as x, y pairs [cell], start and goal included. */
  readonly cells: Int32Array;
  /** Geometric length [cell edges]. */
  readonly length: number;
  /** Cost of the path: its length weighted by the costmap [cell edges]. */
  readonly cost: number;
  /** Cells taken from the open list. */
  readonly expanded: number;
}

export interface PlanFailure {
  readonly ok: false;
  readonly reason: PlanFailureReason;
  readonly expanded: number;
}

export type PlanResult = PlanSuccess | PlanFailure;
