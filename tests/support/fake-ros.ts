// A ROS 2 graph in memory, shaped like rclnodejs: what the bridge's own code can be tried on without ROS. It keeps the rules that bite
// (QoS that must match, latched topics, arrays that arrive as typed copies, nodes that are gone); what DDS does, only a real one shows.
import type { RclActionClient, RclGoalHandle, RclNode, Rclnodejs, RclOptions, RclPublisher } from '../../robot/bridges/ros2/rclnodejs.ts';
import type { Clock } from '../../shared/ports/clock.ts';

class FakeQos {
  readonly depth: number;
  readonly reliable: boolean;
  readonly latched: boolean;

  constructor(_history: number, depth: number, reliability: number, durability: number) {
    this.depth = depth;
    this.reliable = reliability === 1;
    this.latched = durability === 1;
  }
}

interface Endpoint {
  readonly node: object;
  readonly topic: string;
  readonly type: string;
  readonly qos: FakeQos;
}

interface Subscriber extends Endpoint {
  readonly callback: (message: unknown) => void;
}

interface Publisher extends Endpoint {
  /** The last messages, for late joiners of a latched topic. */
  readonly kept: unknown[];
}

/** How a goal ends: the fake action server's answer. */
export interface FakeGoal {
  readonly goal: { readonly pose: { readonly pose: { readonly position: { readonly x: number; readonly y: number } } } };
  finish(how: 'succeeded' | 'aborted' | 'canceled'): void;
}

export type ActionServer = (goal: FakeGoal) => 'accept' | 'reject';

export class FakeRos {
  readonly clock: Clock;
  readonly epochSec: number;
  readonly publishers = new Set<Publisher>();
  readonly subscribers = new Set<Subscriber>();
  readonly spinning = new Set<object>();
  /** True: a publisher for /cmd_vel fails, as after a shutdown of its context. */
  failing = false;
  readonly actionServers = new Map<string, ActionServer>();
  /** Everything published, by topic. */
  readonly published = new Map<string, unknown[]>();
  contextCount = 0;

  /** `epochSec`: ROS time at the clock's zero. */
  constructor(clock: Clock, epochSec = 1_790_000_000) {
    this.clock = clock;
    this.epochSec = epochSec;
  }

  /** Contexts that were initialised and not shut down. */
  get contexts(): number {
    return this.contextCount;
  }

  get subscriptions(): string[] {
    return [...this.subscribers].map(({ topic }) => topic).toSorted();
  }

  stampNow(): { sec: number; nanosec: number } {
    const now = this.epochSec + this.clock.nowSec();
    return { sec: Math.floor(now), nanosec: Math.floor((now % 1) * 1e9) };
  }

  last<T>(topic: string): T | undefined {
    return this.published.get(topic)?.at(-1) as T | undefined;
  }

  /** One process's view of the graph: what `import('rclnodejs')` gives. */
  library(): Rclnodejs {
    return libraryOf(this);
  }

  publishFrom(publisher: Publisher, message: object): void {
    const copy = structuredClone(message);
    const log = this.published.get(publisher.topic) ?? [];
    this.published.set(publisher.topic, log);
    log.push(copy);
    if (log.length > 2000) log.shift();
    publisher.kept.push(copy);
    if (publisher.kept.length > publisher.qos.depth) publisher.kept.shift();
    for (const subscriber of this.subscribers) if (matches(publisher, subscriber)) this.deliver(subscriber, copy);
  }

  /** Messages come with the event loop of a spinning node, never within publish; each gets its own copy. */
  deliver(subscriber: Subscriber, message: unknown): void {
    this.clock.after(0, () => {
      if (this.subscribers.has(subscriber) && this.spinning.has(subscriber.node)) subscriber.callback(structuredClone(message));
    });
  }

  acceptGoal(name: string, goal: object): Promise<RclGoalHandle> {
    const server = this.actionServers.get(name);
    if (server === undefined) return new Promise(() => {});
    let state: 'executing' | 'succeeded' | 'aborted' | 'canceled' = 'executing';
    const { promise: result, resolve } = withResolvers<unknown>();
    const finish = (how: 'succeeded' | 'aborted' | 'canceled'): void => {
      if (state !== 'executing') return;
      state = how;
      resolve({});
    };
    const accepted = server({ goal: structuredClone(goal) as FakeGoal['goal'], finish }) === 'accept';
    return Promise.resolve({
      isAccepted: () => accepted,
      isSucceeded: () => state === 'succeeded',
      isAborted: () => state === 'aborted',
      isCanceled: () => state === 'canceled',
      cancelGoal: async () => finish('canceled'),
      getResult: () => result,
    });
  }
}

function libraryOf(ros: FakeRos): Rclnodejs {
  let initialised = false;
  class Node implements RclNode {
    readonly #prefix: string;
    #destroyed = false;

    constructor(_name: string, namespace: string) {
      if (!initialised) throw new Error('The rclnodejs context is not initialized');
      this.#prefix = namespace === '' ? '/' : `/${namespace.replace(/^\/|\/$/g, '')}/`;
    }

    createPublisher(type: string, topic: string, options: RclOptions): RclPublisher {
      const publisher: Publisher = { node: this, topic: this.#resolve(topic), type, qos: qosOf(options), kept: [] };
      ros.publishers.add(publisher);
      return {
        publish: (message) => {
          this.#check();
          if (ros.failing && publisher.topic === '/cmd_vel') throw new Error('publisher pointer is invalid');
          ros.publishFrom(publisher, message);
        },
      };
    }

    createSubscription(type: string, topic: string, options: RclOptions, callback: (message: unknown) => void): object {
      const subscriber: Subscriber = { node: this, topic: this.#resolve(topic), type, qos: qosOf(options), callback };
      ros.subscribers.add(subscriber);
      for (const publisher of ros.publishers) {
        if (publisher.qos.latched && subscriber.qos.latched && matches(publisher, subscriber))
          for (const message of publisher.kept) ros.deliver(subscriber, message);
      }
      return subscriber;
    }

    destroySubscription(subscription: object): void {
      ros.subscribers.delete(subscription as Subscriber);
    }

    now() {
      const { sec, nanosec } = ros.stampNow();
      return { secondsAndNanoseconds: { seconds: BigInt(sec), nanoseconds: BigInt(nanosec) } };
    }

    spin(): void {
      this.#check();
      if (ros.spinning.has(this)) throw new Error('The node is already spinning.');
      ros.spinning.add(this);
    }

    destroy(): void {
      this.#destroyed = true;
      ros.spinning.delete(this);
      for (const publisher of ros.publishers) if (publisher.node === this) ros.publishers.delete(publisher);
      for (const subscriber of ros.subscribers) if (subscriber.node === this) ros.subscribers.delete(subscriber);
    }

    #check(): void {
      if (this.#destroyed || !initialised) throw new Error('Node handle is already destroyed');
    }

    #resolve(topic: string): string {
      this.#check();
      return topic.startsWith('/') ? topic : this.#prefix + topic;
    }
  }
  class ActionClient implements RclActionClient {
    readonly #name: string;

    constructor(_node: RclNode, _type: string, name: string) {
      this.#name = name;
    }

    isActionServerAvailable(): boolean {
      return ros.actionServers.has(this.#name);
    }

    sendGoal(goal: object): Promise<RclGoalHandle> {
      return ros.acceptGoal(this.#name, goal);
    }

    destroy(): void {}
  }
  return {
    init: async () => {
      if (initialised) throw new Error('The context is already initialized');
      initialised = true;
      ros.contextCount += 1;
    },
    shutdown: () => {
      if (!initialised) throw new Error('The context is not initialized');
      initialised = false;
      ros.contextCount -= 1;
    },
    removeSignalHandlers: () => {},
    Node,
    ActionClient,
    QoS: FakeQos,
  };
}

/** DDS: a reader may not ask for more than the writer offers (request versus offered). */
function matches(publisher: Endpoint, subscriber: Endpoint): boolean {
  if (publisher.topic !== subscriber.topic || publisher.type !== subscriber.type) return false;
  return (publisher.qos.reliable || !subscriber.qos.reliable) && (publisher.qos.latched || !subscriber.qos.latched);
}

function qosOf(options: RclOptions): FakeQos {
  return options.qos instanceof FakeQos ? options.qos : new FakeQos(1, 10, 1, 2);
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
