// The part of rclnodejs that the bridge uses, and the only place that loads it. rclnodejs is built against one ROS 2 installation; imported
// outside its environment it tries to rebuild itself and removes its own addon on the way, so the environment is looked at first.
import { OutriderError } from '../../../shared/errors.ts';
import type { RosTime } from './messages.ts';

export interface RclQos {
  readonly depth: number;
}

interface RclQosClass {
  new (history: number, depth: number, reliability: number, durability: number): RclQos;
}

export interface RclPublisher {
  publish(message: object): void;
}

export type RclSubscription = object;

export interface RclOptions {
  readonly qos?: RclQos;
}

export interface RclNode {
  createPublisher(type: string, topic: string, options: RclOptions): RclPublisher;
  createSubscription(type: string, topic: string, options: RclOptions, callback: (message: unknown) => void): RclSubscription;
  destroySubscription(subscription: RclSubscription): void;
  /** ROS time: the system's, or that of /clock when the node runs with use_sim_time. */
  now(): { readonly secondsAndNanoseconds: { readonly seconds: bigint | number; readonly nanoseconds: bigint | number } };
  /** Does not block: work comes with the event loop. */
  spin(timeoutMs?: number): void;
  destroy(): void;
}

export interface RclGoalHandle {
  isAccepted(): boolean;
  isSucceeded(): boolean;
  isAborted(): boolean;
  isCanceled(): boolean;
  cancelGoal(): Promise<unknown>;
  getResult(): Promise<unknown>;
}

export interface RclActionClient {
  isActionServerAvailable(): boolean;
  sendGoal(goal: object, onFeedback?: (feedback: unknown) => void): Promise<RclGoalHandle>;
  destroy(): void;
}

/** The module, as far as it is used. */
export interface Rclnodejs {
  init(): Promise<void>;
  shutdown(): void;
  /** Takes off the library's own SIGINT handler, which ends the context at once: before the wheels could be told to stop. */
  removeSignalHandlers(): void;
  readonly Node: new (name: string, namespace: string) => RclNode;
  readonly ActionClient: new (node: RclNode, type: string, name: string) => RclActionClient;
  readonly QoS: RclQosClass;
}

/** rmw_qos_*_policy_t, as numbers. */
const KEEP_LAST = 1;
const RELIABILITY = { reliable: 1, best_effort: 2 } as const;
const DURABILITY = { transient_local: 1, volatile: 2 } as const;

export function toQos(
  rcl: Rclnodejs,
  qos: { readonly depth: number; readonly reliability: keyof typeof RELIABILITY; readonly durability: keyof typeof DURABILITY },
): RclQos {
  return new rcl.QoS(KEEP_LAST, qos.depth, RELIABILITY[qos.reliability], DURABILITY[qos.durability]);
}

/** The node's ROS time [s]. */
export function rosNow(node: RclNode): RosTime {
  const { seconds, nanoseconds } = node.now().secondsAndNanoseconds;
  return { sec: Number(seconds), nanosec: Number(nanoseconds) };
}

export interface LoadOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How the module is imported; for tests. */
  readonly importModule?: () => Promise<unknown>;
}

/** Loads rclnodejs in a sourced environment. Throws OUT_ROS_ENVIRONMENT without one, OUT_ROS_LIBRARY when the package is missing or broken. */
export async function loadRclnodejs({ environment, importModule = importInstalled }: LoadOptions): Promise<Rclnodejs> {
  if ((environment['AMENT_PREFIX_PATH'] ?? '') === '') {
    throw new OutriderError('OUT_ROS_ENVIRONMENT', 'AMENT_PREFIX_PATH is not set: no ROS 2 environment was sourced in this shell');
  }
  let loaded: unknown;
  try {
    loaded = await importModule();
  } catch (cause) {
    throw new OutriderError('OUT_ROS_LIBRARY', `rclnodejs cannot be loaded: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  const module = (loaded as { readonly default?: unknown }).default ?? loaded;
  if (!isRclnodejs(module))
    throw new OutriderError('OUT_ROS_LIBRARY', 'rclnodejs has no init, removeSignalHandlers and QoS: another version than 2.x?');
  module.removeSignalHandlers();
  return module;
}

/** The name is not a literal, so that no tool resolves a package that most machines do not have. */
async function importInstalled(): Promise<unknown> {
  const name: string = 'rclnodejs';
  return import(name);
}

function isRclnodejs(module: unknown): module is Rclnodejs {
  const parts = module as Partial<Record<keyof Rclnodejs, unknown>> | null | undefined;
  return typeof parts?.init === 'function' && typeof parts.removeSignalHandlers === 'function' && typeof parts.QoS === 'function';
}
