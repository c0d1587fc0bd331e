// The data plane's fallback where no direct way exists: frames in fragments over the broker, QoS 1, numbered against its repetitions.
// Topics: outrider/<site>/data/<listener>/connect, …/<listener>/<connection>/up and …/down.
import { OutriderError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DataPlane, Listener } from '../../ports/data-plane.ts';
import type { BusMessage, MessageBus } from '../../ports/message-bus.ts';
import type { Transport } from '../../ports/transport.ts';
import { HANDSHAKE_SEC, MAX_CHANNELS, MAX_FRAME_BYTES, MQTT_FRAGMENT_BYTES, MQTT_WINDOW_MESSAGES } from '../limits.ts';
import { WireReader, WireWriter } from '../wire-cursor.ts';

/** First byte of a message; then its number (u32), then a part of a frame. */
const MESSAGE = { part: 0, lastPart: 1, accept: 2, close: 3 } as const;
/** How far ahead of a missing one a message may be: what one `send` above a full window may publish. */
const MAX_AHEAD_MESSAGES = MQTT_WINDOW_MESSAGES + Math.ceil(MAX_FRAME_BYTES / MQTT_FRAGMENT_BYTES);
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export interface MqttDataPlaneOptions {
  readonly bus: MessageBus;
  readonly clock: Clock;
  /** Id of the edge site. */
  readonly site: string;
}

class MqttTransport implements Transport {
  readonly description: string;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((error: Error | null) => void) | null = null;
  /** Called once when this end has closed, for whatever reason. */
  onEnded: () => void = () => undefined;
  readonly #bus: MessageBus;
  readonly #outTopic: string;
  #sent = 0;
  #received = 0;
  #unconfirmed = 0;
  #full = false;
  #parts: Uint8Array[] = [];
  /** Arrived before their turn. */
  readonly #early = new Map<number, Uint8Array>();
  #partBytes = 0;
  #closed = false;

  constructor(bus: MessageBus, outTopic: string) {
    this.#bus = bus;
    this.#outTopic = outTopic;
    this.description = `mqtt:${outTopic}`;
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    const frame = Buffer.concat(parts);
    if (frame.byteLength > MAX_FRAME_BYTES) {
      throw new OutriderError('OUT_WIRE_LIMIT', `a frame of ${frame.byteLength} bytes, at most ${MAX_FRAME_BYTES} are allowed`);
    }
    let at = 0;
    do {
      const end = Math.min(at + MQTT_FRAGMENT_BYTES, frame.byteLength);
      this.publish(end === frame.byteLength ? MESSAGE.lastPart : MESSAGE.part, frame.subarray(at, end));
      at = end;
    } while (at < frame.byteLength);
    this.#full = this.#unconfirmed >= MQTT_WINDOW_MESSAGES;
    return !this.#full;
  }

  publish(kind: number, bytes: Uint8Array): void {
    this.#sent += 1;
    this.#unconfirmed += 1;
    const message = new WireWriter(bytes.byteLength + 5).u8(kind).u32(this.#sent).raw(bytes).done();
    this.#bus.publish(this.#outTopic, message, { qos: 1 }).then(
      () => this.#confirmed(),
      (error: unknown) => this.lost(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** A message of the peer. What is malformed, or too far ahead, ends the connection. */
  receive({ payload }: BusMessage): void {
    if (this.#closed) return;
    try {
      this.#take(payload);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.publish(MESSAGE.close, new Uint8Array(0));
    this.lost(error ?? null);
  }

  lost(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts = [];
    this.#early.clear();
    this.onEnded();
    this.onClose?.(error);
  }

  /** Messages in the order of their numbers: brokers may repeat them, and some overtake one another. */
  #take(payload: Uint8Array): void {
    const number = new WireReader(payload.subarray(1)).u32();
    if (number <= this.#received || this.#early.has(number)) return;
    if (number > this.#received + MAX_AHEAD_MESSAGES) {
      throw new OutriderError('OUT_WIRE_MALFORMED', `${this.description}: message ${number} after ${this.#received}`);
    }
    if (number !== this.#received + 1) {
      this.#early.set(number, new Uint8Array(payload));
      return;
    }
    let next: Uint8Array | undefined = payload;
    while (next !== undefined && !this.#closed) {
      this.#received += 1;
      this.#early.delete(this.#received);
      this.#process(next);
      next = this.#early.get(this.#received + 1);
    }
  }

  #process(payload: Uint8Array): void {
    const reader = new WireReader(payload);
    const kind = reader.u8();
    reader.u32();
    if (kind === MESSAGE.accept) return;
    if (kind === MESSAGE.close) {
      this.lost(null);
      return;
    }
    if (kind !== MESSAGE.part && kind !== MESSAGE.lastPart) throw new OutriderError('OUT_WIRE_MALFORMED', `unknown MQTT message ${kind}`);
    const bytes = reader.rest();
    this.#partBytes += bytes.byteLength;
    if (this.#partBytes > MAX_FRAME_BYTES) {
      throw new OutriderError('OUT_WIRE_LIMIT', `the parts of a frame exceed ${MAX_FRAME_BYTES} bytes`);
    }
    this.#parts.push(new Uint8Array(bytes));
    if (kind === MESSAGE.part) return;
    const frame = this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.onFrame?.(frame);
  }

  #confirmed(): void {
    this.#unconfirmed -= 1;
    if (!this.#full || this.#closed || this.#unconfirmed >= MQTT_WINDOW_MESSAGES) return;
    this.#full = false;
    this.onDrain?.();
  }
}

export class MqttDataPlane implements DataPlane {
  readonly #options: MqttDataPlaneOptions;
  #connections = 0;

  constructor(options: MqttDataPlaneOptions) {
    this.#options = options;
  }

  /** `name` is an id of `[A-Za-z0-9_-]`; the address is `mqtt:<name>`. */
  async listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    if (!ID.test(name)) throw new OutriderError('OUT_PROTOCOL_TOPIC', `${JSON.stringify(name)} is not an id`);
    const { bus, site } = this.#options;
    const base = `outrider/${site}/data/${name}`;
    const transports = new Map<string, MqttTransport>();
    const accept = async (connection: string): Promise<void> => {
      if (!ID.test(connection) || transports.has(connection) || transports.size >= MAX_CHANNELS) return;
      const transport = new MqttTransport(bus, `${base}/${connection}/down`);
      transports.set(connection, transport);
      const unsubscribe = await bus.subscribe(`${base}/${connection}/up`, (message) => transport.receive(message));
      transport.onEnded = () => {
        transports.delete(connection);
        void unsubscribe();
      };
      onTransport(transport);
      transport.publish(MESSAGE.accept, new Uint8Array(0));
    };
    const stop = await bus.subscribe(`${base}/connect`, ({ payload }) => {
      if (payload.byteLength <= 64) void accept(Buffer.from(payload).toString('latin1'));
    });
    return {
      address: `mqtt:${name}`,
      close: async () => {
        await stop();
        for (const transport of [...transports.values()]) transport.close();
      },
    };
  }

  async connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const { bus, clock, site } = this.#options;
    const name = address.startsWith('mqtt:') ? address.slice('mqtt:'.length) : '';
    const unreachable = (why: string): OutriderError => new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: ${why}`);
    if (!ID.test(name)) throw unreachable('not an address of this data plane (mqtt:<id>)');
    if (options.signal?.aborted === true) throw unreachable('aborted');
    if (!bus.connected) throw unreachable('the broker is not reachable');
    this.#connections += 1;
    const connection = `${bus.clientId.slice(0, 50)}-${this.#connections}`;
    const base = `outrider/${site}/data/${name}`;
    const transport = new MqttTransport(bus, `${base}/${connection}/up`);
    let accepted: () => void = () => undefined;
    const acceptance = new Promise<void>((resolve) => (accepted = resolve));
    const unsubscribe = await bus.subscribe(`${base}/${connection}/down`, (message) => {
      accepted();
      transport.receive(message);
    });
    transport.onEnded = () => void unsubscribe();
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        timer.stop();
        transport.lost(null);
        reject(unreachable(why));
      };
      const timer = clock.after(HANDSHAKE_SEC, () => fail(`no answer within ${HANDSHAKE_SEC} s`));
      options.signal?.addEventListener('abort', () => fail('aborted'), { once: true });
      void acceptance.then(() => {
        timer.stop();
        resolve();
      });
      bus.publish(`${base}/connect`, connection, { qos: 1 }).catch(() => fail('the broker did not take the request'));
    });
    return transport;
  }
}
