// The packets of MQTT 3.1.1 that a relay must understand to hold a client to its rights (OASIS standard, sections 2 and 3). Reads strictly:
// what could be taken one way here and another way by a broker is an error. All other packets pass as the bytes that they are.

export const PACKET = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

export interface Packet {
  readonly type: number;
  /** The low four bits of the first byte (section 2.2.2). */
  readonly flags: number;
  /** All of it, with its header. */
  readonly bytes: Buffer;
  /** What follows the fixed header. */
  readonly body: Buffer;
}

/** Cuts a byte stream that arrives in any pieces into packets. */
export class PacketSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** The packets that `chunk` completes. Throws on a remaining length of more than four bytes [MQTT-2.2.3]. */
  push(chunk: Buffer): Packet[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Packet[] = [];
    for (;;) {
      const header = headerOf(rest);
      if (header === null || rest.length < header.end) break;
      const first = rest[0] as number;
      const bytes = rest.subarray(0, header.end);
      packets.push({ type: first >> 4, flags: first & 0x0f, bytes, body: bytes.subarray(header.start) });
      rest = rest.subarray(header.end);
    }
    this.#rest = rest;
    return packets;
  }
}

function headerOf(bytes: Buffer): { readonly start: number; readonly end: number } | null {
  let length = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    if (at > 4) throw new Error('a remaining length of more than four bytes');
    const byte = bytes[at] as number;
    length |= (byte & 0x7f) << (7 * (at - 1));
    if ((byte & 0x80) === 0) return { start: at + 1, end: at + 1 + length };
  }
  return null;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
}

export interface Connect {
  readonly clientId: string;
  readonly clean: boolean;
  readonly keepAliveSec: number;
  readonly will: Will | null;
  readonly username: string | null;
  readonly password: Buffer | null;
}

const PROTOCOL_NAME = 'MQTT';
const PROTOCOL_LEVEL = 4;

/** Null: another protocol level, to be answered with return code 1 [MQTT-3.1.2-2]. Throws on what is malformed. */
export function readConnect({ body }: Packet): Connect | null {
  const reader = new Reader(body);
  if (reader.text() !== PROTOCOL_NAME || reader.byte() !== PROTOCOL_LEVEL) return null;
  const flags = reader.byte();
  const [hasUser, hasPassword, hasWill] = [0x80, 0x40, 0x04].map((bit) => (flags & bit) !== 0);
  const qos = (flags >> 3) & 3;
  const retain = (flags & 0x20) !== 0;
  if ((flags & 1) !== 0 || qos === 3 || (hasWill !== true && (qos !== 0 || retain)) || (hasPassword === true && hasUser !== true))
    throw new Error(`CONNECT flags 0x${flags.toString(16)}`);
  const keepAliveSec = reader.number();
  const clientId = reader.text();
  const will = hasWill === true ? { topic: topicIn(reader), payload: reader.data(), qos, retain } : null;
  const username = hasUser === true ? reader.text() : null;
  const password = hasPassword === true ? reader.data() : null;
  reader.end();
  return { clientId, clean: (flags & 2) !== 0, keepAliveSec, will, username, password };
}

export function writeConnect({ clientId, clean, keepAliveSec, will, username, password }: Connect): Buffer {
  const ofWill = will === null ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
  const flags = (username === null ? 0 : 0x80) | (password === null ? 0 : 0x40) | ofWill | (clean ? 2 : 0);
  return packet(PACKET.connect, 0, [
    text(PROTOCOL_NAME),
    Buffer.of(PROTOCOL_LEVEL, flags),
    number(keepAliveSec),
    text(clientId),
    ...(will === null ? [] : [text(will.topic), data(will.payload)]),
    ...(username === null ? [] : [text(username)]),
    ...(password === null ? [] : [data(password)]),
  ]);
}

/** To whom no session was kept. */
export const writeConnack = (returnCode: number): Buffer => packet(PACKET.connack, 0, [Buffer.of(0, returnCode)]);

/** Throws where the topic has wildcards, which only filters may [MQTT-3.3.2-2]. */
export const topicOfPublish = ({ body }: Packet): string => topicIn(new Reader(body));

function topicIn(reader: Reader): string {
  const topic = reader.text();
  if (topic === '' || /[+#]/.test(topic)) throw new Error(`a message to ${JSON.stringify(topic.slice(0, 100))}`);
  return topic;
}

export interface Subscribe {
  /** Packet identifier. */
  readonly id: number;
  readonly wanted: readonly { readonly filter: string; readonly qos: number }[];
}

export function readSubscribe({ body, flags }: Packet): Subscribe {
  const reader = new Reader(body);
  const id = reader.number();
  const wanted: { filter: string; qos: number }[] = [];
  while (reader.left > 0) wanted.push({ filter: reader.text(), qos: reader.byte() });
  if (flags !== 2 || id === 0 || wanted.length === 0 || wanted.some(({ qos }) => qos > 2)) throw new Error('a malformed SUBSCRIBE');
  return { id, wanted };
}

export function writeSubscribe({ id, wanted }: Subscribe): Buffer {
  return packet(PACKET.subscribe, 2, [number(id), ...wanted.flatMap(({ filter, qos }) => [text(filter), Buffer.of(qos)])]);
}

export interface Suback {
  readonly id: number;
  /** Granted QoS of each filter, or 0x80. */
  readonly codes: readonly number[];
}

export function readSuback({ body }: Packet): Suback {
  const reader = new Reader(body);
  return { id: reader.number(), codes: [...reader.rest()] };
}

export const writeSuback = ({ id, codes }: Suback): Buffer => packet(PACKET.suback, 0, [number(id), Buffer.from(codes)]);

function packet(type: number, flags: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [(type << 4) | flags];
  for (let left = body.length; ; left >>= 7) {
    header.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) return Buffer.concat([Buffer.from(header), body]);
  }
}

const number = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
const data = (value: Buffer): Buffer => Buffer.concat([number(value.length), value]);
const text = (value: string): Buffer => data(Buffer.from(value));

/** Fields in their order (section 1.5); throws where a packet ends before them or goes on behind them. */
class Reader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get left(): number {
    return this.#body.length - this.#at;
  }

  byte(): number {
    return this.#take(1)[0] as number;
  }

  number(): number {
    return this.#take(2).readUInt16BE();
  }

  data(): Buffer {
    return this.#take(this.number());
  }

  /** Of well-formed UTF-8 without NUL [MQTT-1.5.3-1, -2]: every broker reads the same characters. */
  text(): string {
    const value = UTF8.decode(this.data());
    if (value.includes('\0')) throw new Error('a NUL in a text');
    return value;
  }

  rest(): Buffer {
    return this.#take(this.left);
  }

  end(): void {
    if (this.left > 0) throw new Error(`${this.left} bytes behind the last field`);
  }

  #take(bytes: number): Buffer {
    if (bytes > this.left) throw new Error('a packet that ends inside a field');
    this.#at += bytes;
    return this.#body.subarray(this.#at - bytes, this.#at);
  }
}

/** The byte order mark is a character like others [MQTT-1.5.3-3]. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
