// What a rover tells the fleet: presence with a last will, state, the goal it claims, and what its modules do.
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { Twist2 } from '../shared/geometry/twist2.ts';
import type { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { MoveReport } from '../shared/elastic/module-events.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { DeviceMetricsInputs } from '../shared/ports/device-metrics.ts';
import type { LastWill, MessageBus } from '../shared/ports/message-bus.ts';
import type { PowerInputs } from '../shared/ports/power-io.ts';
import { encodeMessage, type MessageDefinition, topicOf } from '../shared/protocol/message.ts';
import { missionEvent, type MissionEvent } from '../shared/protocol/mission.ts';
import { roverGoal, roverPresence, roverState, type RoverGoal, type RoverState } from '../shared/protocol/rover.ts';

export interface TelemetryOptions {
  readonly rover: string;
  readonly site: string;
  readonly mission: string;
  readonly bus: MessageBus;
  readonly clock: Clock;
  /** Hears what the mission's log is told, broker or not. */
  readonly onEvent: (kind: MissionEvent['kind'], text: string) => void;
}

export interface StateReading {
  readonly located: boolean;
  readonly pose: Pose2;
  readonly twist: Twist2;
  readonly activity: RoverState['activity'];
  readonly power: PowerInputs | null;
  readonly metrics: DeviceMetricsInputs | null;
  readonly distanceM: number;
  readonly path: readonly (readonly [number, number])[];
  readonly modules: RoverState['modules'];
  readonly faults: string[];
}

/** A goal that moved less than this is the same goal [m]. */
const SAME_GOAL_M = 0.3;

/** The last will of a rover: give it to the bus when connecting. */
export function roverLastWill(site: string, rover: string, mission: string | null): LastWill {
  return {
    topic: topicOf(roverPresence, { site, rover }),
    payload: encodeMessage(roverPresence, { rover, status: 'lost', mission }),
    retain: true,
  };
}

/** Publishes; a broker that is away costs the message, never the rover. */
export class Telemetry {
  readonly #options: TelemetryOptions;
  #claimed: RoverGoal['goal'] = null;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    options.bus.onConnectionChange((connected) => {
      if (connected) this.#presence('online');
    });
  }

  announce(): void {
    this.#presence('online');
  }

  /** A clean goodbye: the claim is given up, the last will is not needed. */
  leave(): void {
    this.claim(null);
    this.#presence('offline');
  }

  publishState(reading: StateReading): void {
    const { rover, clock } = this.#options;
    const { power, metrics } = reading;
    this.#publish(roverState, {
      rover,
      stampSec: clock.nowSec(),
      located: reading.located,
      pose: { x: reading.pose.x, y: reading.pose.y, theta: reading.pose.theta },
      linearMPerSec: reading.twist.linearMPerSec,
      angularRadPerSec: reading.twist.angularRadPerSec,
      activity: reading.activity,
      batteryFraction: power?.connected === true ? power.batteryFraction : null,
      temperatureC: metrics?.connected === true ? metrics.temperatureC : null,
      cpuFraction: metrics?.connected === true ? metrics.cpuFraction : null,
      powerW: power?.connected === true ? power.powerW : null,
      distanceM: reading.distanceM,
      path: reading.path.slice(0, 64).map(([x, y]) => [x, y]),
      modules: reading.modules,
      faults: reading.faults.slice(0, 16),
    });
  }

  /** Announces the place that the rover heads for; says nothing when it is still the same. */
  claim(goal: RoverGoal['goal']): void {
    const before = this.#claimed;
    const same =
      goal === null
        ? before === null
        : before !== null &&
          Math.hypot(goal.x - before.x, goal.y - before.y) < SAME_GOAL_M &&
          Math.abs(goal.pathLengthM - before.pathLengthM) < 1;
    if (same) return;
    this.#claimed = goal === null ? null : { x: goal.x, y: goal.y, radiusM: goal.radiusM, pathLengthM: goal.pathLengthM };
    this.#publish(roverGoal, { rover: this.#options.rover, stampSec: this.#options.clock.nowSec(), goal: this.#claimed });
  }

  /** Tells the mission's log about the moves, losses and recoveries of a module. */
  follow(module: Pick<ElasticModule<unknown>, 'name' | 'on'>): void {
    module.on('moved', (report) => {
      if (report.outcome === 'moved' && report.kind !== 'recovery') this.event(eventKind(report), moveText(this.#options.rover, report));
    });
    module.on('lost', ({ hostId, pendingCalls }) =>
      this.event('edge', `${this.#options.rover} lost ${module.name} at ${hostId}, ${pendingCalls} calls wait`),
    );
    module.on('recovered', ({ how, hostId, replayed, outageMs }) => {
      const where = how === 'fallback' ? 'on board' : `at ${hostId ?? 'the edge'}`;
      this.event(
        'failover',
        `${this.#options.rover}: ${module.name} goes on ${where} after ${Math.round(outageMs)} ms (${replayed} calls replayed)`,
      );
    });
  }

  event(kind: MissionEvent['kind'], text: string): void {
    this.#options.onEvent(kind, text);
    this.#publish(missionEvent, { stampSec: this.#options.clock.nowSec(), kind, rover: this.#options.rover, text: text.slice(0, 300) });
  }

  #presence(status: 'online' | 'offline'): void {
    this.#publish(roverPresence, { rover: this.#options.rover, status, mission: this.#options.mission });
  }

  #publish<T>(definition: MessageDefinition<T>, value: T): void {
    const { bus, site, mission, rover } = this.#options;
    const topic = topicOf(definition, { site, mission, rover });
    bus.publish(topic, encodeMessage(definition, value), { retain: definition.retain, qos: definition.qos }).catch(() => undefined);
  }
}

function eventKind(report: MoveReport): MissionEvent['kind'] {
  return report.kind === 'recovery' ? 'failover' : report.kind;
}

function moveText(rover: string, report: MoveReport): string {
  const where = report.to === null ? 'on board' : `to ${report.to}`;
  const how =
    report.kind === 'redirect' ? `joins the shared ${report.module} at ${report.to ?? 'the edge'}` : `${report.module} moves ${where}`;
  const warm = report.offload === null ? '' : report.offload.warm ? ', warm' : ', cold';
  return `${rover}: ${how} (${report.reason}; ${report.durationMs.toFixed(0)} ms, paused ${report.pauseMs.toFixed(0)} ms${warm})`;
}
