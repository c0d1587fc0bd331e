// Nav2 drives: the goals that Outrider's explorer claims become NavigateToPose actions (nav2_msgs), one at a time. Outrider goes on
// mapping, choosing and offloading; the wheels are Nav2's.
import { compose, distance, inverse, type Point2, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { MessageBus } from '../../../shared/ports/message-bus.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { decodeMessage, filterOf, topicOf } from '../../../shared/protocol/message.ts';
import { missionCommand } from '../../../shared/protocol/mission.ts';
import { roverGoal } from '../../../shared/protocol/rover.ts';
import type { RclActionClient, RclGoalHandle } from './rclnodejs.ts';
import type { RosTimeBase } from './ros-time.ts';
import { toPoseStamped } from './to-ros.ts';

export interface Nav2DriverOptions {
  readonly client: RclActionClient;
  readonly bus: MessageBus;
  readonly places: { readonly site: string; readonly mission: string; readonly rover: string };
  readonly clock: Clock;
  readonly time: RosTimeBase;
  readonly mapFrame: string;
  /** Pose of the agent's body in the map frame. */
  readonly bodyPose: () => Pose2;
  /** Pose of the agent's body on the ROS base. */
  readonly mount: Pose2;
  readonly onError: (error: Error) => void;
}

export interface Nav2Counts {
  sent: number;
  reached: number;
  refused: number;
  failed: number;
  cancelled: number;
}

/** A goal that moved less than this is the same goal [m]. */
const SAME_GOAL_M = 0.3;
/** A goal that Nav2 refused or failed at is tried again after this long [s], if the explorer still wants it. */
const RETRY_SEC = 3;

export class Nav2Driver {
  readonly #options: Nav2DriverOptions;
  readonly #unsubscribe: (() => Promise<void>)[] = [];
  readonly counts: Nav2Counts = { sent: 0, reached: 0, refused: 0, failed: 0, cancelled: 0 };
  #wanted: Point2 | null = null;
  #driving: { readonly goal: Point2; handle: RclGoalHandle | null } | null = null;
  #notBefore = Number.NEGATIVE_INFINITY;
  #paused = false;
  #closed = false;

  constructor(options: Nav2DriverOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bus, places } = this.#options;
    this.#unsubscribe.push(
      await bus.subscribe(topicOf(roverGoal, places), ({ payload }) => {
        if (payload.byteLength > 0) this.#want(decodeMessage(roverGoal, payload).goal);
      }),
      await bus.subscribe(filterOf(missionCommand, places), ({ payload }) => {
        this.#paused = decodeMessage(missionCommand, payload).command !== 'resume';
        this.#follow();
      }),
    );
  }

  /** Cancels what is under way and listens no more. */
  async stop(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#unsubscribe.splice(0).map((stop) => stop()));
    await this.#cancel();
    this.#options.client.destroy();
  }

  #want(goal: Point2 | null): void {
    this.#wanted = goal;
    this.#follow();
  }

  /** Brings what Nav2 does in line with what is wanted. */
  #follow(): void {
    const goal = this.#paused || this.#closed ? null : this.#wanted;
    const driving = this.#driving;
    if (driving !== null) {
      if (goal === null || distance(goal, driving.goal) > SAME_GOAL_M) this.#cancel().catch(this.#options.onError);
      return; // the next goal follows when this one has ended
    }
    if (goal === null) return;
    const waitSec = this.#notBefore - this.#options.clock.nowSec();
    if (waitSec > 0) return;
    this.#drive(goal).catch(this.#options.onError);
  }

  async #drive(goal: Point2): Promise<void> {
    const { client, time, clock, mapFrame, bodyPose, mount } = this.#options;
    const stamp = time.toRos(clock.nowSec());
    if (stamp === null || !client.isActionServerAvailable()) return this.#retryLater();
    const driving: { readonly goal: Point2; handle: RclGoalHandle | null } = { goal, handle: null };
    this.#driving = driving;
    this.counts.sent += 1;
    let ended: keyof Nav2Counts = 'failed';
    try {
      const from = bodyPose();
      const theta = Math.atan2(goal.y - from.y, goal.x - from.x);
      const base = compose({ x: goal.x, y: goal.y, theta }, inverse(mount));
      const handle = await client.sendGoal({ pose: toPoseStamped(base, { stamp, frame_id: mapFrame }), behavior_tree: '' });
      if (!handle.isAccepted()) ended = 'refused';
      else {
        driving.handle = handle;
        if (this.#wanted === null || this.#paused || this.#closed || distance(this.#wanted, goal) > SAME_GOAL_M) await handle.cancelGoal();
        await handle.getResult();
        ended = handle.isSucceeded() ? 'reached' : handle.isCanceled() ? 'cancelled' : 'failed';
      }
    } finally {
      this.counts[ended] += 1;
      this.#driving = null;
      if (ended === 'refused' || ended === 'failed') this.#retryLater();
      else this.#afterEnd(ended, goal);
    }
  }

  /** A reached goal is not sent again; the explorer moves on by itself. */
  #afterEnd(ended: keyof Nav2Counts, goal: Point2): void {
    const next = this.#wanted;
    if (ended === 'reached' && next !== null && distance(next, goal) <= SAME_GOAL_M) return;
    this.#follow();
  }

  #retryLater(): void {
    const { clock } = this.#options;
    this.#notBefore = clock.nowSec() + RETRY_SEC;
    if (!this.#closed) clock.after(RETRY_SEC, () => this.#follow());
  }

  async #cancel(): Promise<void> {
    await this.#driving?.handle?.cancelGoal();
  }
}
