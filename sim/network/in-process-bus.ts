// One MQTT client of the simulated broker: a clean session that comes back by itself after an outage.
import type { BusMessage, LastWill, MessageBus, PublishOptions } from '../../shared/ports/message-bus.ts';
import type { InProcessBroker } from './in-process-broker.ts';
import { matchesFilter } from './topic-filter.ts';

export interface Subscription {
  readonly levels: readonly string[];
  readonly handler: (message: BusMessage) => void;
  active: boolean;
}

interface Pending {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly qos: 0 | 1;
  readonly done: () => void;
}

const RECONNECT_SEC = 0.5;
/** Bytes of an MQTT header beside topic and payload. */
const OVERHEAD_BYTES = 8;

export class InProcessBus implements MessageBus {
  readonly clientId: string;
  readonly #broker: InProcessBroker;
  readonly #node: string;
  readonly #will: LastWill | null;
  readonly #subscriptions: Subscription[] = [];
  readonly #listeners = new Set<(connected: boolean) => void>();
  readonly #stopWatching: () => void;
  /** QoS 1 messages that the broker does not have yet, in order. */
  readonly #pending: Pending[] = [];
  #connected = true;
  #closed = false;
  /** Counts connections: what belongs to an older one is void. */
  #session = 0;
  #cutOffSinceSec: number | null = null;
  #lastUpSec = 0;
  #lastDownSec = 0;

  constructor(broker: InProcessBroker, clientId: string, node: string, will: LastWill | null) {
    this.#broker = broker;
    this.clientId = clientId;
    this.#node = node;
    this.#will = will;
    this.#stopWatching = broker.network.onChange(() => this.refresh());
    this.#connected = this.#reachable();
  }

  get connected(): boolean {
    return this.#connected;
  }

  publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<void> {
    if (topic === '' || /[+#\0]/.test(topic)) throw new RangeError(`not a topic to publish to: ${JSON.stringify(topic)}`);
    // Copied: the caller may use its buffer again.
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload.slice();
    const retain = options.retain ?? false;
    if (this.#closed) return Promise.resolve();
    if ((options.qos ?? 0) === 0) {
      if (this.#connected) this.#transmit({ topic, payload: bytes, retain, qos: 0, done: () => undefined });
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const pending: Pending = { topic, payload: bytes, retain, qos: 1, done: resolve };
      this.#pending.push(pending);
      if (this.#connected) this.#transmit(pending);
    });
  }

  async subscribe(filter: string, handler: (message: BusMessage) => void): Promise<() => Promise<void>> {
    const subscription: Subscription = { levels: filter.split('/'), handler, active: true };
    this.#subscriptions.push(subscription);
    if (this.#connected) this.#deliverRetained(subscription);
    // The answer of the broker takes its time, like everything on the network.
    const { clock } = this.#broker.network;
    if (this.#connected) await clock.sleep(Math.max(0, this.#upstream(filter.length) - clock.nowSec()));
    return () => {
      subscription.active = false;
      const index = this.#subscriptions.indexOf(subscription);
      if (index >= 0) this.#subscriptions.splice(index, 1);
      return Promise.resolve();
    };
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const { clock } = this.#broker.network;
    if (this.#connected) await clock.sleep(Math.max(0, this.#lastUpSec - clock.nowSec()) + 1e-6); // what was published gets through
    this.#closed = true;
    this.#stopWatching();
    this.#setConnected(false);
    this.#broker.forget(this);
    for (const { done } of this.#pending.splice(0)) done();
  }

  /** The broker passes a message on: once, to the client; overlapping subscriptions each get it. */
  offer(message: BusMessage, topicLevels: readonly string[]): void {
    if (!this.#connected || this.#closed) return;
    for (const subscription of this.#subscriptions)
      if (matchesFilter(subscription.levels, topicLevels)) this.#deliver(subscription, message);
  }

  /** The connection breaks without a clean close: the broker sends the will. */
  lose(): void {
    if (!this.#connected || this.#closed) return;
    this.#setConnected(false);
    if (this.#broker.up && this.#will !== null) this.#broker.accept(this.#will.topic, this.#will.payload, this.#will.retain);
    this.#reconnectLater();
  }

  /** Looks at the network and the broker again after either changed. */
  refresh(): void {
    if (this.#closed) return;
    const { network } = this.#broker;
    if (network.isCrashed(this.#node)) {
      this.lose();
      this.#closed = true;
      this.#stopWatching();
      this.#broker.forget(this);
    } else if (!this.#broker.up) {
      this.#setConnected(false);
    } else if (this.#reachable()) {
      this.#cutOffSinceSec = null;
      if (this.#connected) this.#retransmit();
      else this.#reconnectLater();
    } else if (this.#cutOffSinceSec === null) {
      const since = network.clock.nowSec();
      this.#cutOffSinceSec = since;
      network.clock.after(this.#broker.keepAliveSec, () => {
        if (this.#cutOffSinceSec === since) this.lose();
      });
    }
  }

  #reachable(): boolean {
    return this.#broker.up && this.#broker.network.isReachable(this.#node, this.#broker.node);
  }

  #reconnectLater(): void {
    this.#broker.network.clock.after(RECONNECT_SEC, () => {
      if (this.#closed || this.#connected || !this.#reachable()) return;
      this.#setConnected(true);
      for (const subscription of this.#subscriptions) this.#deliverRetained(subscription);
      this.#retransmit();
    });
  }

  #retransmit(): void {
    for (const pending of this.#pending) this.#transmit(pending);
  }

  #transmit(message: Pending): void {
    const { clock } = this.#broker.network;
    const session = this.#session;
    const arrivalSec = this.#upstream(message.topic.length + message.payload.byteLength);
    clock.after(arrivalSec - clock.nowSec(), () => {
      if (session !== this.#session || !this.#reachable()) return; // lost; QoS 1 is sent again on return
      const index = this.#pending.indexOf(message);
      if (message.qos === 1 && index < 0) return; // an earlier transmission got through
      if (index >= 0) this.#pending.splice(index, 1);
      this.#broker.accept(message.topic, message.payload, message.retain);
      clock.after(Math.max(0, this.#downstream(0) - clock.nowSec()), message.done);
    });
  }

  #deliverRetained(subscription: Subscription): void {
    for (const message of this.#broker.retainedFor(subscription)) this.#deliver(subscription, message);
  }

  #deliver(subscription: Subscription, message: BusMessage): void {
    const { clock } = this.#broker.network;
    const session = this.#session;
    const arrivalSec = this.#downstream(message.topic.length + message.payload.byteLength);
    clock.after(arrivalSec - clock.nowSec(), () => {
      if (session !== this.#session || !subscription.active || this.#closed || !this.#reachable()) return;
      try {
        subscription.handler(message);
      } catch (error) {
        this.#broker.handlerFailed(error, this.clientId, message.topic);
      }
    });
  }

  /** Arrival of bytes at the broker, never before what was sent earlier. */
  #upstream(bytes: number): number {
    this.#lastUpSec = Math.max(this.#lastUpSec, this.#broker.network.transit(this.#node, this.#broker.node, bytes + OVERHEAD_BYTES));
    return this.#lastUpSec;
  }

  #downstream(bytes: number): number {
    this.#lastDownSec = Math.max(this.#lastDownSec, this.#broker.network.transit(this.#broker.node, this.#node, bytes + OVERHEAD_BYTES));
    return this.#lastDownSec;
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#session += 1;
    for (const listener of this.#listeners) listener(connected);
  }
}
