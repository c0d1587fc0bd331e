// Typed messages over a bus: encodes, checks what arrives, counts and logs once what is malformed, and never stops for it.
import { isOutriderError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import type { MessageBus } from '../ports/message-bus.ts';
import {
  decodeMessage,
  encodeMessage,
  filterOf,
  type MessageDefinition,
  placesOf,
  topicOf,
  type TopicPlaces,
} from '../protocol/message.ts';

export interface ReceivedMessage {
  readonly places: TopicPlaces;
  readonly retained: boolean;
}

export class MessageChannel {
  readonly bus: MessageBus;
  readonly #logger: Logger;
  readonly #logged = new Set<string>();
  readonly #stops: (() => Promise<void>)[] = [];
  #malformed = 0;

  constructor(bus: MessageBus, logger: Logger) {
    this.bus = bus;
    this.#logger = logger;
  }

  /** Messages that were dropped because they did not match their schema. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Publishes as the definition says (QoS, retain). */
  publish<T>(definition: MessageDefinition<T>, places: TopicPlaces, value: T): Promise<void> {
    return this.bus.publish(topicOf(definition, places), encodeMessage(definition, value), {
      qos: definition.qos,
      retain: definition.retain,
    });
  }

  /** Publishes and does not wait; a failure is logged. For messages that are said again, or whose loss does no harm. */
  tell<T>(definition: MessageDefinition<T>, places: TopicPlaces, value: T): void {
    this.publish(definition, places, value).catch((error: unknown) => {
      this.#logger.warn({ message: definition.name, error: (error as Error).message }, 'not published');
    });
  }

  /** Deletes a retained message. */
  clear<T>(definition: MessageDefinition<T>, places: TopicPlaces): Promise<void> {
    return this.bus.publish(topicOf(definition, places), new Uint8Array(0), { qos: 1, retain: true });
  }

  /** Calls `take` for each well-formed message; `cleared` when a retained one was deleted. */
  async on<T>(
    definition: MessageDefinition<T>,
    places: TopicPlaces,
    take: (value: T, received: ReceivedMessage) => void,
    cleared?: (places: TopicPlaces) => void,
  ): Promise<() => Promise<void>> {
    const stop = await this.bus.subscribe(filterOf(definition, places), ({ topic, payload, retained }) => {
      const found = placesOf(definition, topic);
      if (found === null) return;
      if (payload.byteLength === 0) {
        cleared?.(found);
        return;
      }
      let value: T;
      try {
        value = decodeMessage(definition, payload);
      } catch (error) {
        this.#drop(topic, error);
        return;
      }
      take(value, { places: found, retained });
    });
    this.#stops.push(stop);
    return stop;
  }

  /** Ends all subscriptions of this channel; the bus stays open. */
  async close(): Promise<void> {
    await Promise.all(this.#stops.splice(0).map((stop) => stop()));
  }

  #drop(topic: string, error: unknown): void {
    if (!isOutriderError(error)) throw error;
    this.#malformed += 1;
    if (this.#logged.has(topic) || this.#logged.size >= MAX_LOGGED_TOPICS) return;
    this.#logged.add(topic);
    this.#logger.warn({ code: error.code, topic }, error.message);
  }
}

/** Topics whose malformed messages were logged are remembered up to here: a flood of topics must not fill the log or the memory. */
const MAX_LOGGED_TOPICS = 256;
