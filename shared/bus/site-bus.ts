// A client's bus at a site: MQTT that says its retained messages again when the broker came back empty.
import { randomUUID } from 'node:crypto';
import type { MessageBus } from '../ports/message-bus.ts';
import { connectMqttBus, type MqttBusOptions } from './mqtt-bus.ts';
import { withRetainedMemory } from './retained-memory.ts';

/** How long a broker may take after a reconnect to send what it remembers [s]. */
const CANARY_WAIT_SEC = 0.5;

export interface SiteBusOptions extends MqttBusOptions {
  /** Retained topic of this client alone, below a topic that it may publish: `outrider/{site}/rover/{rover}/session`. */
  readonly canaryTopic: string;
}

export async function connectSiteBus(options: SiteBusOptions): Promise<MessageBus> {
  return withRetainedMemory(await connectMqttBus(options), {
    canaryTopic: options.canaryTopic,
    session: randomUUID(),
    waitSec: CANARY_WAIT_SEC,
    after: (seconds, fn) => void setTimeout(fn, seconds * 1000).unref(),
  });
}
