// What waits for the broker to come back: bounded, in order, and of a retained topic only the newest message.
import { OutriderError } from '../errors.ts';
import type { PublishOptions } from '../ports/message-bus.ts';

export interface OutboxEntry {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly options: PublishOptions;
  readonly settle: ((error: Error | null) => void)[];
}

/** Bounds on an outage: without them a rover out of range would fill its memory. */
export interface OutboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #entries = new Map<string, OutboxEntry>();
  #bytes = 0;
  #count = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves (through `settle`) when the message, or a newer one of its retained topic, is with the broker. Throws OUT_BUS_OVERFLOW. */
  add(topic: string, payload: Uint8Array, options: PublishOptions): Promise<void> {
    const key = options.retain === true ? `r/${topic}` : `m/${this.#count++}`;
    const older = this.#entries.get(key);
    const bytes = this.#bytes - (older?.payload.byteLength ?? 0) + payload.byteLength;
    if (bytes > this.#limits.maxBytes || (older === undefined && this.#entries.size >= this.#limits.maxMessages)) {
      throw new OutriderError(
        'OUT_BUS_OVERFLOW',
        `${this.#entries.size} messages (${this.#bytes} bytes) wait for the broker; no room for ${payload.byteLength} bytes to ${topic}`,
      );
    }
    // A newer retained message takes the place in line of the newest, so that order between topics stays that of publishing.
    this.#entries.delete(key);
    this.#bytes = bytes;
    return new Promise((resolve, reject) => {
      const settle = [...(older?.settle ?? []), (error: Error | null) => (error === null ? resolve() : reject(error))];
      this.#entries.set(key, { topic, payload, options, settle });
    });
  }

  /** Takes everything out, in order. */
  drain(): OutboxEntry[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#bytes = 0;
    return entries;
  }
}
