// A broker without a disk forgets its retained messages when it restarts. This decorator notices and says them again.
import type { MessageBus, PublishOptions } from '../ports/message-bus.ts';

export interface RetainedMemoryOptions {
  /** A retained topic of this client alone, which tells whether the broker still remembers. */
  readonly canaryTopic: string;
  /** Unique per process run: another run's canary is not ours. */
  readonly session: string;
  /** How long to wait for the canary after a reconnect [s] before taking it as forgotten. */
  readonly waitSec: number;
  readonly after: (seconds: number, fn: () => void) => void;
  /** Topics remembered at most; the oldest are forgotten first. Default 20,000. */
  readonly maxTopics?: number;
}

/** Remembers what this client published as retained, and publishes it again after a reconnect to a broker that forgot it. */
export async function withRetainedMemory(bus: MessageBus, options: RetainedMemoryOptions): Promise<MessageBus> {
  const remembered = new Map<string, { readonly payload: Uint8Array | string; readonly options: PublishOptions }>();
  const maxTopics = options.maxTopics ?? 20_000;
  let awaited: { seen: boolean } | null = null;

  const publish = (topic: string, payload: Uint8Array | string, publishOptions: PublishOptions = {}): Promise<void> => {
    if (publishOptions.retain === true) {
      remembered.delete(topic);
      if (payload.length > 0) remembered.set(topic, { payload, options: { ...publishOptions, qos: 1 } });
      if (remembered.size > maxTopics) remembered.delete(remembered.keys().next().value as string);
    }
    return bus.publish(topic, payload, publishOptions);
  };
  const restore = (): void => {
    for (const [topic, { payload, options: how }] of remembered) bus.publish(topic, payload, how).catch(() => undefined);
  };

  await bus.publish(options.canaryTopic, options.session, { retain: true, qos: 1 });
  remembered.set(options.canaryTopic, { payload: options.session, options: { retain: true, qos: 1 } });
  // Each reconnect subscribes anew, so the broker sends the canary if it has it.
  await bus.subscribe(options.canaryTopic, ({ payload }) => {
    if (awaited !== null && new TextDecoder().decode(payload) === options.session) awaited.seen = true;
  });
  bus.onConnectionChange((connected) => {
    if (!connected) {
      awaited = { seen: false };
      return;
    }
    const mine = (awaited ??= { seen: false });
    options.after(options.waitSec, () => {
      if (awaited !== mine || !bus.connected) return;
      awaited = null;
      if (!mine.seen) restore();
    });
  });

  return {
    clientId: bus.clientId,
    get connected() {
      return bus.connected;
    },
    publish,
    subscribe: (filter, handler) => bus.subscribe(filter, handler),
    onConnectionChange: (listener) => bus.onConnectionChange(listener),
    close: () => bus.close(),
  };
}
