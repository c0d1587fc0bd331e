// The viewpoint that a rover pursues, from choice to done, looked-at-in-vain or unreachable.
import { SearchPlanner } from '../exploration/search-planner.ts';
import type { Searcher, SearchOutcome, Viewpoint } from '../exploration/search-types.ts';
import type { NavigatorConfig } from './navigator-config.ts';
import type { NavigatorGoal, NavigatorInput, OtherRover } from './navigator-types.ts';
import type { WorldModel } from './world-model.ts';

/** How far a claim reaches around a viewpoint, as a fraction of the camera's range. */
const CLAIM_REACH = 0.6;
/** Tries that failures cost (see `maxTries`). */
const LOOK_IN_VAIN = 2;
const NO_WAY = 1;

export class GoalKeeper {
  readonly #config: NavigatorConfig;
  readonly #planner: SearchPlanner;
  #viewpoint: Viewpoint | null = null;
  #arrivedSec: number | null = null;
  #nextSec = -Infinity;
  #workLeft = true;

  constructor(config: NavigatorConfig) {
    this.#config = config;
    this.#planner = new SearchPlanner(config.camera, config.search);
  }

  get viewpoint(): Viewpoint | null {
    return this.#viewpoint;
  }

  get workLeft(): boolean {
    return this.#workLeft;
  }

  isDue(nowSec: number): boolean {
    return nowSec >= this.#nextSec;
  }

  /** Reconsiders the viewpoint; true when it has moved to another place. */
  reconsider(input: NavigatorInput, world: WorldModel, pathLeftM: number): boolean {
    const frame = world.frame;
    const costmap = world.costmap;
    if (frame === null || costmap === null) return false;
    const before = this.#viewpoint;
    const outcome: SearchOutcome = this.#planner.choose({
      frame,
      states: world.states,
      seen: world.inspection.seen,
      costmap,
      pose: input.pose,
      others: searchersOf(input.others, input.stampSec - this.#config.timing.claimTimeoutSec),
      current: before === null ? null : { ...before, pathLengthM: pathLeftM },
      nowSec: input.stampSec,
    });
    this.#viewpoint = outcome.viewpoint;
    this.#workLeft = outcome.workLeft;
    const { goalPeriodSec } = this.#config.timing;
    this.#nextSec = input.stampSec + (outcome.viewpoint === null ? 2 * goalPeriodSec : goalPeriodSec);
    const moved =
      before === null || outcome.viewpoint === null || Math.hypot(before.x - outcome.viewpoint.x, before.y - outcome.viewpoint.y) > 0.05;
    if (moved || before.theta !== outcome.viewpoint.theta) this.#arrivedSec = null;
    return moved;
  }

  /** The rover stands at the viewpoint and looks; after the dwell time what is still unseen counts as looked at in vain. */
  arrived(input: NavigatorInput, world: WorldModel): void {
    this.#arrivedSec ??= input.stampSec;
    if (input.viewedFrom.length > 0) this.#nextSec = Math.min(this.#nextSec, input.stampSec);
    if (input.stampSec - this.#arrivedSec < this.#config.timing.dwellSec || world.frame === null) return;
    this.#fail(input.stampSec, world, LOOK_IN_VAIN);
  }

  /** Another rover stands in the only way: something else first. */
  postpone(nowSec: number): void {
    if (this.#viewpoint !== null) this.#planner.ban(this.#viewpoint.x, this.#viewpoint.y, nowSec + this.#config.timing.postponeSec);
    this.#drop();
  }

  /** No way leads to the viewpoint: it is left out for a while, and for good after some tries. */
  giveUp(nowSec: number, world: WorldModel): void {
    this.#fail(nowSec, world, NO_WAY);
  }

  #fail(nowSec: number, world: WorldModel, tries: number): void {
    const viewpoint = this.#viewpoint;
    if (viewpoint !== null && world.frame !== null) {
      this.#planner.noteFailure(world.frame, world.states, world.inspection.seen, viewpoint, tries);
      this.#planner.ban(viewpoint.x, viewpoint.y, nowSec + this.#config.timing.banSec);
    }
    this.#drop();
  }

  /** As announced to the fleet. */
  announce(pathLeftM: number | null): NavigatorGoal | null {
    const viewpoint = this.#viewpoint;
    if (viewpoint === null) return null;
    const { x, y, theta, pathLengthM } = viewpoint;
    return { x, y, theta, radiusM: this.#config.camera.maxRangeM * CLAIM_REACH, pathLengthM: pathLeftM ?? pathLengthM };
  }

  #drop(): void {
    this.#viewpoint = null;
    this.#arrivedSec = null;
    this.#nextSec = -Infinity;
  }
}

function searchersOf(others: readonly OtherRover[], oldestSec: number): Searcher[] {
  return others.map(({ pose, goal, stampSec }) => ({ x: pose.x, y: pose.y, claim: stampSec >= oldestSec ? goal : null }));
}
