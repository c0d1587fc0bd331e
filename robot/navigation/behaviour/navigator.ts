// A rover's navigation as one deterministic step per control cycle: see, choose a viewpoint, plan, follow, let others pass, recover.
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import type { PathTracker } from '../control/path-tracker.ts';
import { RegulatedPurePursuit } from '../control/pure-pursuit.ts';
import { Recovery, type RecoveryName } from '../control/recovery.ts';
import type { InspectionLayer } from '../exploration/inspection-layer.ts';
import { GoalKeeper } from './goal-keeper.ts';
import { defineNavigatorConfig, type NavigatorConfig, type NavigatorOptions } from './navigator-config.ts';
import type { NavigatorActivity, NavigatorFailure, NavigatorInput, NavigatorOutput, OtherRover } from './navigator-types.ts';
import { ProgressWatch } from './progress-watch.ts';
import { RoutePlanner } from './route-planner.ts';
import { Safety } from './safety.ts';
import { Traffic } from './traffic.ts';
import { WorldModel } from './world-model.ts';
import type { Costmap } from '../costmap/costmap.ts';
import type { Viewpoint } from '../exploration/search-types.ts';

/** What a behaviour wants of the drive, and what to call it. */
interface Wish {
  readonly command: Twist2;
  readonly activity: NavigatorActivity;
  readonly failure?: NavigatorFailure;
}

const RECOVERIES: readonly RecoveryName[] = ['clear_costmap', 'back_up', 'spin', 'wait'];
const PUBLISHED_POINTS = 48;
/** Way ahead that must be clear on the costmap, or the way is planned anew [m]. */
const CHECK_AHEAD_M = 4;
const REFUGE_REACH_M = 12;
/** A way that has become longer by this much [m], and by this factor, is a detour around something that stands in the shorter one. */
const DETOUR_M = 5;
const DETOUR_FACTOR = 1.5;
/** People and rovers move on: a detour is taken only after this time [s]. */
const DETOUR_PATIENCE_SEC = 5;

export class Navigator {
  readonly config: NavigatorConfig;
  readonly #world: WorldModel;
  readonly #goals: GoalKeeper;
  readonly #routes: RoutePlanner;
  readonly #pursuit: RegulatedPurePursuit;
  readonly #safety: Safety;
  readonly #traffic: Traffic;
  readonly #progress = new ProgressWatch();
  #path: PathTracker | null = null;
  /** Where that way leads. */
  #wayTo: { readonly x: number; readonly y: number } | null = null;
  #pathDue = true;
  #nextPathSec = 0;
  #nextMapSec = -Infinity;
  /** Since when only a detour leads to the goal; null: the way is as long as it was. */
  #detourSinceSec: number | null = null;
  #refuge: { path: PathTracker; sinceSec: number } | null = null;
  #recovery: Recovery | null = null;
  #recoveryIndex = 0;
  #lastFailure: NavigatorFailure | undefined;

  constructor(options: NavigatorOptions) {
    this.config = defineNavigatorConfig(options);
    this.#world = new WorldModel(this.config);
    this.#goals = new GoalKeeper(this.config);
    this.#routes = new RoutePlanner(this.config.planning);
    this.#pursuit = new RegulatedPurePursuit(this.config.pursuit);
    this.#safety = new Safety(this.config);
    this.#traffic = new Traffic(this.config);
  }

  /** Which floor has been looked at; share its tiles with the fleet and merge the others'. */
  get inspection(): InspectionLayer {
    return this.#world.inspection;
  }

  /** Belief and costmap, for displays and tests. */
  get world(): WorldModel {
    return this.#world;
  }

  /** One control cycle. Bounded work: at most one of rebuilding the map, choosing a viewpoint and planning a way. */
  step(input: NavigatorInput): NavigatorOutput {
    const others = input.others.filter(({ id }) => id !== this.config.id);
    const known: NavigatorInput = others.length === input.others.length ? input : { ...input, others };
    this.#world.observe(known);
    this.#traffic.observe(known);
    this.#think(known);
    const wish = this.#decide(known);
    const verdict = this.#safety.apply(wish.command, known, this.#world);
    return this.#report(known, wish, verdict.command);
  }

  #think(input: NavigatorInput): void {
    const { timing } = this.config;
    const now = input.stampSec;
    const goal = this.#goals.viewpoint;
    if (now >= this.#nextMapSec) {
      this.#nextMapSec = now + timing.mapPeriodSec - 1e-6;
      if (!this.#world.rebuild(input, this.#solid(input))) {
        this.#nextMapSec = -Infinity;
        return;
      }
      const costmap = this.#world.costmap as Costmap;
      if (this.#path !== null && !this.#routes.isClear(costmap, this.#path, CHECK_AHEAD_M)) this.#pathDue = true;
      if (this.#refuge !== null && !this.#routes.isClear(costmap, this.#refuge.path, CHECK_AHEAD_M)) this.#refuge = null;
    } else if (this.#world.costmap === null || this.#recovery !== null) {
      return;
    } else if (goal !== null && this.#path !== null && this.#pathDue) {
      this.#planPath(input); // before anything is weighed anew: what stands in the way may be gone in a moment
    } else if (this.#goals.isDue(now) && (goal === null || this.#detourSinceSec === null)) {
      this.#detourSinceSec = null;
      if (!this.#goals.reconsider(input, this.#world, this.#path?.remainingM ?? Infinity)) return;
      this.#pathDue = true;
      this.#lastFailure = undefined;
      if (this.#goals.viewpoint === null) this.#path = null;
    } else if (goal !== null && (this.#pathDue || now >= this.#nextPathSec)) {
      this.#planPath(input);
    }
  }

  #planPath(input: NavigatorInput): void {
    const goal = this.#goals.viewpoint as Viewpoint;
    this.#nextPathSec = input.stampSec + this.config.timing.pathPeriodSec;
    this.#pathDue = false;
    const route = this.#routes.route(this.#world.costmap as Costmap, input.pose, goal);
    if (route.ok && this.#waitsBeforeDetour(input.stampSec, goal, route.path.lengthM)) return;
    this.#detourSinceSec = null;
    if (route.ok) {
      this.#path = route.path;
      this.#wayTo = goal;
      this.#pursuit.reset(true);
      this.#lastFailure = undefined;
      return;
    }
    this.#path = null;
    this.#lastFailure = { reason: route.reason, detail: `to (${goal.x.toFixed(2)}, ${goal.y.toFixed(2)})` };
    if (route.reason === 'StartOccupied') this.#startRecovery(input);
    else if (this.#solid(input).length === 0) this.#goals.giveUp(input.stampSec, this.#world);
    else if (this.#traffic.insist(input.stampSec)) {
      this.#nextMapSec = -Infinity; // draw the costmap again without the rovers that have to make room
      this.#pathDue = true;
    } else this.#goals.postpone(input.stampSec);
  }

  /** Whether to stand for a moment rather than to turn round for a much longer way to the same place. */
  #waitsBeforeDetour(nowSec: number, goal: Viewpoint, lengthM: number): boolean {
    const path = this.#path;
    if (path === null || this.#wayTo === null || Math.hypot(this.#wayTo.x - goal.x, this.#wayTo.y - goal.y) > 0.3) return false;
    if (lengthM < path.remainingM + DETOUR_M || lengthM < path.remainingM * DETOUR_FACTOR) return false;
    this.#detourSinceSec ??= nowSec;
    if (nowSec - this.#detourSinceSec >= DETOUR_PATIENCE_SEC) return false;
    this.#pathDue = true;
    this.#lastFailure = { reason: 'Blocked', detail: `something stands in the way; the way around is ${lengthM.toFixed(0)} m long` };
    return true;
  }

  #decide(input: NavigatorInput): Wish {
    if (this.#world.costmap === null) return { command: STOP, activity: 'starting', failure: { reason: 'NoMap', detail: 'no map yet' } };
    if (input.scan === null) return { command: STOP, activity: 'stopped', failure: { reason: 'NoScan', detail: 'the lidar is silent' } };
    if (this.#recovery !== null) return this.#recover(input, this.#recovery);
    const way = this.#path?.ahead(PUBLISHED_POINTS) ?? [];
    const decision = this.#traffic.decide(input, this.#goals.viewpoint !== null, way);
    if (decision.kind === 'make-room') {
      const wish = this.#makeRoom(input, decision.other);
      if (wish !== null) return wish;
    } else this.#refuge = null;
    if (decision.kind === 'wait') return this.#rest(input, 'waiting');
    if (decision.kind === 'resolve') {
      this.#pathDue = true;
      return this.#rest(input, 'waiting');
    }
    return this.#follow(input);
  }

  #follow(input: NavigatorInput): Wish {
    const goal = this.#goals.viewpoint;
    if (goal === null) return this.#rest(input, this.#goals.workLeft ? 'waiting' : 'done');
    const activity = 'exploring';
    if (this.#path === null || this.#detourSinceSec !== null) return this.#rest(input, activity);
    const off = this.#path.update(input.pose);
    if (off > 0.5) this.#pathDue = true;
    const clearance = this.#world.clearanceAt(input.pose.x, input.pose.y);
    const state = this.#pursuit.step(input.pose, input.twist.linearMPerSec, this.#path, clearance, goal.theta);
    if (state.arrived) {
      this.#goals.arrived(input, this.#world);
      return this.#rest(input, 'inspecting');
    }
    if (this.#progress.update(input.stampSec, input.pose, true) > this.config.timing.stuckSec) {
      this.#startRecovery(input);
      return { command: STOP, activity: 'recovering', failure: { reason: 'Blocked', detail: 'no progress along the way' } };
    }
    return { command: state.command, activity: state.command.linearMPerSec === 0 ? 'inspecting' : activity };
  }

  /** Drives to the nearest place off the other's way; null when there is none or the rover stands there already. */
  #makeRoom(input: NavigatorInput, other: OtherRover): Wish | null {
    if (this.#refuge === null || input.stampSec - this.#refuge.sinceSec > 3) {
      const avoid: (readonly [number, number])[] = [[other.pose.x, other.pose.y], ...other.path];
      const path = this.#routes.refuge(
        this.#world.costmap as Costmap,
        input.pose,
        avoid,
        this.config.rightOfWay.clearanceM + 0.1,
        REFUGE_REACH_M,
      );
      if (path === null) return this.#rest(input, 'waiting');
      this.#refuge = { path, sinceSec: input.stampSec };
      this.#pursuit.reset(true);
      this.#pathDue = true;
    }
    this.#refuge.path.update(input.pose);
    const clearance = this.#world.clearanceAt(input.pose.x, input.pose.y);
    const state = this.#pursuit.step(input.pose, input.twist.linearMPerSec, this.#refuge.path, clearance, null);
    this.#progress.reset();
    return { command: state.command, activity: 'waiting' };
  }

  #rest(input: NavigatorInput, activity: NavigatorActivity): Wish {
    this.#progress.update(input.stampSec, input.pose, false);
    return { command: STOP, activity };
  }

  #startRecovery(input: NavigatorInput): void {
    const name = RECOVERIES[this.#recoveryIndex % RECOVERIES.length] as RecoveryName;
    this.#recoveryIndex += 1;
    if (name === 'clear_costmap') this.#world.clearObstacles();
    this.#recovery = new Recovery(name, this.config.recovery, input.stampSec, input.pose);
    this.#nextMapSec = -Infinity;
    this.#pathDue = true;
  }

  #recover(input: NavigatorInput, recovery: Recovery): Wish {
    const moving = Math.abs(input.twist.linearMPerSec) > 0.02 || Math.abs(input.twist.angularRadPerSec) > 0.05;
    const { command, outcome } = recovery.step(input.stampSec, input.pose, moving);
    if (outcome === 'running') return { command, activity: 'recovering' };
    this.#recovery = null;
    this.#progress.reset();
    this.#pursuit.reset();
    if (this.#recoveryIndex % RECOVERIES.length !== 0) return { command: STOP, activity: 'recovering' };
    this.#goals.giveUp(input.stampSec, this.#world);
    return { command: STOP, activity: 'recovering', failure: { reason: 'RecoveriesExhausted', detail: `${recovery.name} ${outcome}` } };
  }

  #solid(input: NavigatorInput): OtherRover[] {
    return this.#traffic.solid(input, this.#goals.viewpoint !== null);
  }

  #report(input: NavigatorInput, wish: Wish, command: Twist2): NavigatorOutput {
    const path = this.#refuge?.path ?? this.#path;
    const failure = wish.failure ?? this.#lastFailure;
    return {
      command,
      activity: wish.activity,
      goal: this.#goals.announce(this.#path?.remainingM ?? null),
      path: path === null ? [] : path.ahead(PUBLISHED_POINTS),
      done: this.#world.costmap !== null && !this.#goals.workLeft,
      recovery: this.#recovery?.name ?? null,
      ...(failure === undefined ? {} : { failure }),
    };
  }
}
