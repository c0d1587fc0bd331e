// What an instance's shell keeps for one fixed end: how far its requests took effect, and the answers that it has not acknowledged.
import { OutriderError } from '../errors.ts';
import type { ChannelCheckpoint } from './checkpoint.ts';
import { MAX_UNACKED_RESULTS, MAX_UNACKED_RESULT_BYTES } from './limits.ts';
import type { Link } from './link.ts';
import { FRAME, encodeNumber, encodeWelcome, type Hello, type Welcome } from './wire.ts';

interface KeptResult {
  readonly number: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

export class ShellChannel {
  readonly id: string;
  /** Last number that took effect (or was recognised as not to). */
  processed = 0;
  /** Last number that a stored checkpoint covers. */
  durable = 0;
  /** States that the fixed end is known to hold. */
  readonly peerStates = new Set<string>();
  /** The present connection, once greeted. */
  link: Link | null = null;
  /** Numbers that the fixed end gave up before they began. */
  readonly cancelled = new Set<number>();
  queuedCalls = 0;
  queuedBytes = 0;
  #acked = 0;
  #kept: KeptResult[] = [];
  #keptBytes = 0;

  constructor(id: string) {
    this.id = id;
  }

  static restored(checkpoint: ChannelCheckpoint): ShellChannel {
    const channel = new ShellChannel(checkpoint.channelId);
    channel.processed = checkpoint.processed;
    channel.durable = checkpoint.processed;
    channel.#acked = checkpoint.acked;
    for (const { number, frame } of checkpoint.results) channel.#keep(number, [frame]);
    return channel;
  }

  checkpoint(): ChannelCheckpoint {
    const results = this.#kept.map(({ number, parts }) => ({
      number,
      frame: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts),
    }));
    return { channelId: this.id, processed: this.processed, acked: this.#acked, results };
  }

  /** Binds a new connection: says WELCOME and sends again what the fixed end has not got. */
  welcome(link: Link, hello: Hello, welcome: Omit<Welcome, 'processed' | 'durable'>): void {
    this.link = link;
    this.peerStates.clear();
    for (const id of hello.held) this.peerStates.add(id);
    link.send(encodeWelcome({ ...welcome, processed: this.processed, durable: this.durable }));
    this.acknowledge(hello.ack);
    for (const { parts } of this.#kept) link.send(...parts);
  }

  acknowledge(number: number): void {
    if (number <= this.#acked) return;
    this.#acked = number;
    let count = 0;
    for (const result of this.#kept) {
      if (result.number > number) break;
      this.#keptBytes -= result.bytes;
      count += 1;
    }
    if (count > 0) this.#kept.splice(0, count);
  }

  /** Sends an answer and keeps it until it is acknowledged. */
  answer(number: number, parts: readonly Uint8Array[]): void {
    // Made again after a crash, and answered before it: the fixed end only needs to know that it took effect.
    if (number > this.#acked) this.#keep(number, parts);
    this.link?.send(...parts);
    if (this.#kept.length > MAX_UNACKED_RESULTS || this.#keptBytes > MAX_UNACKED_RESULT_BYTES) {
      this.link?.close(
        new OutriderError('OUT_WIRE_LIMIT', `${this.id} does not acknowledge: ${this.#kept.length} results are kept for it`),
      );
    }
  }

  tellDurable(number: number): void {
    if (number <= this.durable) return;
    this.durable = number;
    this.link?.send(encodeNumber(FRAME.durable, number));
  }

  #keep(number: number, parts: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const part of parts) bytes += part.byteLength;
    this.#kept.push({ number, parts, bytes });
    this.#keptBytes += bytes;
  }
}
