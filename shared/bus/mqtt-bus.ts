// The MessageBus over MQTT 3.1.1 (mqtt.js), for any broker: reconnects by itself, subscriptions survive, QoS 1 waits out an outage.
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { OutriderError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { SILENT_LOGGER } from '../ports/logger.ts';
import type { BusMessage, LastWill, MessageBus, PublishOptions } from '../ports/message-bus.ts';
import { explainTlsError } from '../security/tls-error.ts';
import { Outbox } from './outbox.ts';
import { isValidFilter, topicMatches } from './topic-filter.ts';

export interface MqttBusOptions {
  /** `mqtt://host:1883`, `mqtts://…`, `ws://host:8080/mqtt`, `wss://…`. */
  readonly url: string;
  /** `[A-Za-z0-9_-]{1,64}`; a broker lets one connection at a time have it. */
  readonly clientId: string;
  readonly will?: LastWill;
  readonly username?: string;
  readonly password?: string;
  /** PEM texts for mutual TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** How long the first connection may take [s]; default 10. */
  readonly connectTimeoutSec?: number;
  /** Pause between attempts to come back [s]; default 0.5. */
  readonly reconnectSec?: number;
  /** Keep-alive [s]: a silent death of either side is noticed within 1.5 times this; default 4. */
  readonly keepAliveSec?: number;
  /** Bounds on messages that wait for the broker; defaults 10,000 and 64 MiB. */
  readonly outboxMaxMessages?: number;
  readonly outboxMaxBytes?: number;
  /** Asked after each lost connection; false ends this bus. For a client id that somebody else may have taken. */
  readonly mayReconnect?: () => Promise<boolean>;
  readonly logger?: Logger;
}

/** A cluster that is choosing leaders refuses for a moment: a first subscription is refused after these pauses [s]. */
const REFUSAL_PAUSES_SEC = [0.25, 0.5, 1, 2, 4];
/** One that was granted before is asked for as long as the connection stands: without it this client would be deaf. Pause at most [s]. */
const RENEWAL_PAUSE_SEC = 2;

interface Subscription {
  readonly filter: string;
  readonly handler: (message: BusMessage) => void;
}

/** Connects. Rejects with OUT_BUS_UNREACHABLE, or OUT_BUS_REFUSED when the broker does not accept this client. */
export async function connectMqttBus(options: MqttBusOptions): Promise<MessageBus> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.clientId)) {
    throw new OutriderError('OUT_PROTOCOL_TOPIC', `MQTT client id ${JSON.stringify(options.clientId)} is not an id of [A-Za-z0-9_-]{1,64}`);
  }
  const timeoutSec = options.connectTimeoutSec ?? 10;
  try {
    const client = await connectAsync(options.url, clientOptions(options, timeoutSec), false);
    return new MqttBus(client, options);
  } catch (cause) {
    const explained = /^(mqtts|wss):/.test(options.url) ? explainTlsError(cause, withoutSecrets(options.url), new Date()) : null;
    if (explained !== null && explained.code !== 'OUT_SITE_UNREACHABLE') throw explained;
    const refused = typeof (cause as { code?: unknown }).code === 'number';
    throw new OutriderError(
      refused ? 'OUT_BUS_REFUSED' : 'OUT_BUS_UNREACHABLE',
      `${withoutSecrets(options.url)} as ${options.clientId}: ${(cause as Error).message || String((cause as { code?: unknown }).code)}`,
      { cause },
    );
  }
}

function clientOptions(options: MqttBusOptions, timeoutSec: number): IClientOptions {
  const { will } = options;
  return {
    clientId: options.clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: options.keepAliveSec ?? 4,
    reconnectPeriod: options.mayReconnect === undefined ? (options.reconnectSec ?? 0.5) * 1000 : 0,
    connectTimeout: timeoutSec * 1000,
    queueQoSZero: false,
    reconnectOnConnackError: true,
    resubscribe: false,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...options.tls,
    ...(will === undefined
      ? {}
      : { will: { topic: will.topic, payload: Buffer.from(will.payload), retain: will.retain, qos: 1 as const } }),
  };
}

class MqttBus implements MessageBus {
  readonly clientId: string;
  readonly #client: MqttClient;
  readonly #logger: Logger;
  readonly #outbox: Outbox;
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(connected: boolean) => void>();
  #connected = true;
  #closed = false;

  constructor(client: MqttClient, options: MqttBusOptions) {
    this.clientId = options.clientId;
    this.#client = client;
    this.#logger = options.logger ?? SILENT_LOGGER;
    this.#outbox = new Outbox({ maxMessages: options.outboxMaxMessages ?? 10_000, maxBytes: options.outboxMaxBytes ?? 64 * 1024 * 1024 });
    withoutDelay(client);
    client.on('connect', () => {
      withoutDelay(client);
      this.#setConnected(true);
    });
    // Certificates are renewed in place: the next connection shows the new one.
    client.on('reconnect', () => Object.assign(client.options, options.tls));
    client.on('close', () => {
      this.#setConnected(false);
      if (options.mayReconnect !== undefined) void this.#comeBack(options.mayReconnect, options.reconnectSec ?? 0.5);
    });
    client.on('error', (error) => this.#logger.warn({ error: error.message }, 'MQTT connection'));
    client.on('message', (topic, payload, packet) => this.#dispatch({ topic, payload, retained: packet.retain }));
  }

  get connected(): boolean {
    return this.#connected;
  }

  async publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<void> {
    if (this.#closed) throw new OutriderError('OUT_BUS_CLOSED', `${this.clientId} published to ${topic} after it was closed`);
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (this.#connected) return this.#send(topic, bytes, options);
    if ((options.qos ?? 0) === 0) return undefined;
    return this.#outbox.add(topic, bytes, options);
  }

  async subscribe(filter: string, handler: (message: BusMessage) => void): Promise<() => Promise<void>> {
    if (!isValidFilter(filter)) throw new OutriderError('OUT_PROTOCOL_TOPIC', `${JSON.stringify(filter)} is not an MQTT filter`);
    const subscription = { filter, handler };
    this.#subscriptions.add(subscription);
    try {
      await this.#awaitGrant(filter);
    } catch (error) {
      this.#subscriptions.delete(subscription);
      throw error;
    }
    return async () => {
      if (!this.#subscriptions.delete(subscription) || this.#closed) return;
      const shared = [...this.#subscriptions].some((other) => other.filter === filter);
      if (!shared) await this.#client.unsubscribeAsync(filter).catch(() => undefined);
    };
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closed = new OutriderError('OUT_BUS_CLOSED', `${this.clientId} was closed while messages waited for the broker`);
    for (const entry of this.#outbox.drain()) for (const settle of entry.settle) settle(closed);
    // Who waits for a connection must learn that there will be none.
    for (const listener of this.#listeners) listener(false);
    // Without a connection there is nobody to say goodbye to: an unforced end would wait for the broker's answer.
    await this.#client.endAsync(!this.#connected);
  }

  /** Connects again if that is allowed; each attempt that fails ends with another `close` of the client. */
  async #comeBack(mayReconnect: () => Promise<boolean>, pauseSec: number): Promise<void> {
    if (this.#closed) return;
    await new Promise((resolve) => setTimeout(resolve, pauseSec * 1000));
    const allowed = await mayReconnect();
    if (this.#closed) return;
    // With the stores that it has: otherwise what was published and not yet acknowledged would never be.
    const { incomingStore, outgoingStore } = this.#client;
    if (allowed) this.#client.reconnect({ incomingStore, outgoingStore });
    else await this.close();
  }

  /** Asks the broker until it grants the filter; an outage in between only delays. With `granted` before, a refusal only delays, too. */
  async #awaitGrant(filter: string, granted = false): Promise<void> {
    for (let refusals = 0; ;) {
      // A client that has ended would take the question and never answer.
      const problem = this.#closed ? 'closed' : await this.#ask(filter);
      if (problem === null) return;
      if (this.#closed) throw new OutriderError('OUT_BUS_CLOSED', `${this.clientId} was closed while it subscribed to ${filter}`);
      if (!this.#connected) {
        await this.#change();
        continue;
      }
      const pauseSec = REFUSAL_PAUSES_SEC[refusals++] ?? (granted ? RENEWAL_PAUSE_SEC : undefined);
      this.#logger.warn({ filter, problem, refusals }, 'the broker refused a subscription');
      if (pauseSec === undefined) throw new OutriderError('OUT_BUS_REFUSED', `${this.clientId} subscribing to ${filter}: ${problem}`);
      await new Promise((resolve) => setTimeout(resolve, pauseSec * 1000));
    }
  }

  /**
   * One SUBSCRIBE; what is wrong with it, or null. With QoS 0: of a clean session over TCP a higher one brings nothing. On NATS it would
   * be a replicated consumer for each filter, which the cluster refuses for as long as half a minute after the loss of a node, and which
   * brings old messages again after newer ones.
   */
  async #ask(filter: string): Promise<string | null> {
    try {
      const granted = await this.#client.subscribeAsync(filter, { qos: 0 });
      return granted.some(({ qos }) => qos === 128) ? 'the broker does not permit it' : null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.onConnectionChange(() => {
        stop();
        resolve();
      });
    });
  }

  /** After a reconnect: the session is a clean one, so everything is asked for anew. */
  #resubscribe(): void {
    for (const filter of new Set([...this.#subscriptions].map((subscription) => subscription.filter))) {
      this.#awaitGrant(filter, true).catch((error: unknown) => {
        if (!this.#closed) this.#logger.error({ filter, error: (error as Error).message }, 'a subscription was not renewed');
      });
    }
  }

  async #send(topic: string, payload: Uint8Array, options: PublishOptions): Promise<void> {
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    await this.#client.publishAsync(topic, buffer, { qos: options.qos ?? 0, retain: options.retain ?? false });
  }

  #dispatch(message: BusMessage): void {
    for (const { filter, handler } of this.#subscriptions) {
      if (!topicMatches(filter, message.topic)) continue;
      try {
        handler(message);
      } catch (error) {
        this.#logger.error({ topic: message.topic, error: (error as Error).message }, 'a message handler threw');
      }
    }
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (!this.#closed) this.#logger.info({ client: this.clientId }, connected ? 'connected to the broker again' : 'the broker is away');
    if (connected) {
      this.#resubscribe();
      this.#flush();
    }
    for (const listener of this.#listeners) listener(connected);
  }

  #flush(): void {
    for (const { topic, payload, options, settle } of this.#outbox.drain()) {
      this.#send(topic, payload, options).then(
        () => settle.forEach((done) => done(null)),
        (error: Error) => settle.forEach((done) => done(error)),
      );
    }
  }
}

/** A message is several small writes: with Nagle's algorithm each waits for the other side's delayed acknowledgement, 40 ms a hop. */
function withoutDelay(client: MqttClient): void {
  const stream = client.stream as { setNoDelay?: (noDelay: boolean) => unknown };
  stream.setNoDelay?.(true);
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
