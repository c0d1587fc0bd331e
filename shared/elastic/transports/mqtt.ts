// The data plane's fallback where no direct way exists: frames in fragments over the broker, QoS 1, numbered against its repetitions.
// Topics: outrider/<site>/data/<host>/<rover>/<connection>/up and …/down; a broker with access rules proves host and rover by them.
import { OutriderError } from '../../errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { DataPlane, Listener } from '../../ports/data-plane.ts';
import type { BusMessage, MessageBus } from '../../ports/message-bus.ts';
import type { Transport } from '../../ports/transport.ts';
import type { PeerIdentity } from '../../security/peer-identity.ts';
import { HANDSHAKE_SEC, MAX_CHANNELS, MAX_FRAME_BYTES, MQTT_FRAGMENT_BYTES, MQTT_WINDOW_MESSAGES } from '../limits.ts';
import { WireReader, WireWriter } from '../wire-cursor.ts';

/** First byte of a message; then its number (u32), then a part of a frame, or (open) the name of the listener that is wanted. */
const MESSAGE = { part: 0, lastPart: 1, accept: 2, close: 3, open: 4 } as const;
/** How far ahead of a missing one a message may be: what one `send` above a full window may publish. */
const MAX_AHEAD_MESSAGES = MQTT_WINDOW_MESSAGES + Math.ceil(MAX_FRAME_BYTES / MQTT_FRAGMENT_BYTES);
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** A rover says something at least every second; one that has gone leaves its connection behind, since MQTT does not tell [s]. */
const IDLE_SEC = 30;

export interface MqttDataPlaneOptions {
  readonly bus: MessageBus;
  readonly clock: Clock;
  /** Id of the edge site. */
  readonly site: string;
  /** Id of the host that listens, or of the rover that connects. */
  readonly self: string;
  /** New with each run of the process, `[A-Za-z0-9_-]{1,40}`: connections of different runs are told apart. */
  readonly session: string;
}

class MqttTransport implements Transport {
  readonly description: string;
  readonly provenPeer: PeerIdentity | null;
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

  constructor(bus: MessageBus, outTopic: string, provenPeer: PeerIdentity | null = null) {
    this.provenPeer = provenPeer;
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
    if (kind === MESSAGE.accept || kind === MESSAGE.open) return;
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

/** What a host knows of one connection of a rover. */
interface Accepted {
  readonly transport: MqttTransport;
  heardSec: number;
}

export class MqttDataPlane implements DataPlane {
  readonly #options: MqttDataPlaneOptions;
  readonly #listeners = new Map<string, (transport: Transport) => void>();
  readonly #accepted = new Map<string, Accepted>();
  #subscription: Promise<() => Promise<void>> | null = null;
  #reaper: Timer | null = null;
  #connections = 0;

  constructor(options: MqttDataPlaneOptions) {
    this.#options = options;
  }

  /** `name` is an id of `[A-Za-z0-9_-]`; the address is `mqtt:<self>/<name>`. All listeners share one subscription. */
  async listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    if (!ID.test(name)) throw new OutriderError('OUT_PROTOCOL_TOPIC', `${JSON.stringify(name)} is not an id`);
    const { bus, site, self, clock } = this.#options;
    this.#listeners.set(name, onTransport);
    this.#subscription ??= bus.subscribe(`outrider/${site}/data/${self}/+/+/up`, (message) => this.#receive(message));
    this.#reaper ??= clock.every(IDLE_SEC / 3, () => this.#reap());
    await this.#subscription;
    return {
      address: `mqtt:${self}/${name}`,
      close: async () => {
        this.#listeners.delete(name);
        if (this.#listeners.size > 0) return;
        this.#reaper?.stop();
        this.#reaper = null;
        const ended = this.#subscription;
        this.#subscription = null;
        for (const { transport } of [...this.#accepted.values()]) transport.close();
        await (
          await ended
        )?.();
      },
    };
  }

  async connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const { bus, clock, site, self, session } = this.#options;
    const [, host = '', name = ''] = /^mqtt:([^/]*)\/([^/]*)$/.exec(address) ?? [];
    const unreachable = (why: string): OutriderError => new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: ${why}`);
    if (!ID.test(host) || !ID.test(name)) throw unreachable('not an address of this data plane (mqtt:<host>/<name>)');
    if (options.signal?.aborted === true) throw unreachable('aborted');
    if (!bus.connected) throw unreachable('the broker is not reachable');
    this.#connections += 1;
    const base = `outrider/${site}/data/${host}/${self}/${session}-${this.#connections}`;
    const transport = new MqttTransport(bus, `${base}/up`);
    let opened: () => void = () => undefined;
    const subscribed = bus.subscribe(`${base}/down`, (message) => {
      if (message.payload[0] === MESSAGE.accept) opened();
      transport.receive(message);
    });
    const leave = (): void => void subscribed.then((unsubscribe) => unsubscribe()).catch(() => undefined);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer.stop();
        options.signal?.removeEventListener('abort', onAbort);
        transport.onEnded = leave;
      };
      const fail = (why: string): void => {
        settle();
        transport.close();
        leave();
        reject(unreachable(why));
      };
      const onAbort = (): void => fail('aborted');
      const timer = clock.after(HANDSHAKE_SEC, () => fail(`no answer within ${HANDSHAKE_SEC} s`));
      options.signal?.addEventListener('abort', onAbort, { once: true });
      transport.onEnded = () => fail('nobody listens there');
      opened = () => {
        settle();
        resolve(transport);
      };
      subscribed.then(
        () => transport.publish(MESSAGE.open, Buffer.from(name)),
        (error: Error) => fail(error.message),
      );
    });
  }

  /** Something from a rover: for a connection that is open, or the request for one. */
  #receive(message: BusMessage): void {
    const { bus, site, self, clock } = this.#options;
    const [rover = '', connection = ''] = message.topic.split('/').slice(-3);
    const key = `${rover}/${connection}`;
    const known = this.#accepted.get(key);
    if (known !== undefined) {
      known.heardSec = clock.nowSec();
      known.transport.receive(message);
      return;
    }
    if (message.payload[0] !== MESSAGE.open || message.payload.byteLength > 5 + 64 || !ID.test(rover) || !ID.test(connection)) return;
    const onTransport = this.#listeners.get(Buffer.from(message.payload.subarray(5)).toString('latin1'));
    const out = `outrider/${site}/data/${self}/${rover}/${connection}/down`;
    // Where the broker checks it, nobody but this rover can have published there. Elsewhere nothing is proven, and the token decides alone.
    const transport = new MqttTransport(bus, out, { role: 'rover', name: rover, serial: '' });
    if (onTransport === undefined || this.#accepted.size >= MAX_CHANNELS) {
      transport.close();
      return;
    }
    this.#accepted.set(key, { transport, heardSec: clock.nowSec() });
    transport.onEnded = () => void this.#accepted.delete(key);
    transport.receive(message);
    onTransport(transport);
    transport.publish(MESSAGE.accept, new Uint8Array(0));
  }

  #reap(): void {
    const now = this.#options.clock.nowSec();
    for (const { transport, heardSec } of [...this.#accepted.values()]) {
      if (now - heardSec > IDLE_SEC)
        transport.close(new OutriderError('OUT_ELASTIC_LOST', `${transport.description}: silent for ${IDLE_SEC} s`));
    }
  }
}
