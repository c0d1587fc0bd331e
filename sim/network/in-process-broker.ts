// An MQTT broker as a model: retained messages, wildcards, last wills, QoS 0 and 1, over the simulated network.
import type { BusMessage, LastWill, MessageBus } from '../../shared/ports/message-bus.ts';
import { InProcessBus, type Subscription } from './in-process-bus.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import { matchesFilter } from './topic-filter.ts';

export interface BrokerOptions {
  /** The machine that the broker runs on. */
  readonly node?: string;
  /** A connection without an answer for this long is lost [s] (1.5 times MQTT's keep-alive). */
  readonly keepAliveSec?: number;
  /** Receives what a subscriber's handler threw. */
  readonly onHandlerError?: (error: unknown, clientId: string, topic: string) => void;
}

export class InProcessBroker {
  readonly network: SimulatedNetwork;
  readonly node: string;
  readonly keepAliveSec: number;
  readonly #retained = new Map<string, Uint8Array>();
  readonly #clients = new Map<string, InProcessBus>();
  readonly #taps = new Set<{ readonly levels: readonly string[]; readonly handler: (message: BusMessage) => void }>();
  readonly #onHandlerError: NonNullable<BrokerOptions['onHandlerError']>;
  #up = true;
  #messages = 0;

  constructor(network: SimulatedNetwork, options: BrokerOptions = {}) {
    this.network = network;
    this.node = options.node ?? 'broker';
    this.keepAliveSec = options.keepAliveSec ?? 3;
    this.#onHandlerError = options.onHandlerError ?? ((): void => undefined);
  }

  get up(): boolean {
    return this.#up;
  }

  /** Messages that arrived here so far. */
  get messages(): number {
    return this.#messages;
  }

  /** A client on `node`, connected at once. A second client of the same id replaces the first, as MQTT has it. */
  connect(clientId: string, options: { readonly node?: string; readonly will?: LastWill } = {}): MessageBus {
    this.#clients.get(clientId)?.lose();
    const client = new InProcessBus(this, clientId, options.node ?? this.node, options.will ?? null);
    this.#clients.set(clientId, client);
    return client;
  }

  /**
   * Listens at the broker itself: in the same instant and beside the network, so that a run is the same whether it is listened to or not.
   * What is retained already comes first.
   */
  tap(): Pick<MessageBus, 'subscribe'> {
    return {
      subscribe: (filter, handler) => {
        const tap = { levels: filter.split('/'), handler };
        for (const message of this.retainedFor(tap)) handler(message);
        this.#taps.add(tap);
        return Promise.resolve(() => Promise.resolve(void this.#taps.delete(tap)));
      },
    };
  }

  /** Stops the broker: every connection breaks, no wills are sent; retained messages are kept on disk. */
  stop(): void {
    this.#up = false;
    for (const client of this.#clients.values()) client.refresh();
  }

  start(): void {
    this.#up = true;
    for (const client of this.#clients.values()) client.refresh();
  }

  /** Cuts one client's connection as a network would: its will is sent, it reconnects by itself. */
  drop(clientId: string): void {
    this.#clients.get(clientId)?.lose();
  }

  /** Forgets a client that closed for good. */
  forget(client: InProcessBus): void {
    if (this.#clients.get(client.clientId) === client) this.#clients.delete(client.clientId);
  }

  /** Takes a message in: stores it if retained, passes it on to every matching subscription. */
  accept(topic: string, payload: Uint8Array, retain: boolean): void {
    this.#messages += 1;
    if (retain) {
      if (payload.byteLength === 0) this.#retained.delete(topic);
      else this.#retained.set(topic, payload);
    }
    const levels = topic.split('/');
    for (const tap of this.#taps) if (matchesFilter(tap.levels, levels)) tap.handler({ topic, payload, retained: false });
    for (const client of this.#clients.values()) client.offer({ topic, payload, retained: false }, levels);
  }

  /** What is stored for a filter, in order of first storing. */
  retainedFor(subscription: Pick<Subscription, 'levels'>): BusMessage[] {
    const messages: BusMessage[] = [];
    for (const [topic, payload] of this.#retained)
      if (matchesFilter(subscription.levels, topic.split('/'))) messages.push({ topic, payload, retained: true });
    return messages;
  }

  handlerFailed(error: unknown, clientId: string, topic: string): void {
    this.#onHandlerError(error, clientId, topic);
  }
}
