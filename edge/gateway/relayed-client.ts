// One browser's MQTT connection to a broker that knows the site alone: what its user may not do never gets there.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { generate, type IConnectPacket, type ISubackPacket, type ISubscribePacket, type Packet, type Parser, parser } from 'mqtt-packet';
import { isValidFilter } from '../../shared/bus/topic-filter.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { type ClientIdentity, mayPublish, maySubscribe, mayUseClientId } from '../broker/access-rules.ts';

/** For CONNECT, as at the embedded broker [s]. */
const CONNECT_SEC = 5;
/** For the broker to accept the connection [s]: less than a page waits, so that it hears why. */
const ANSWER_SEC = 4;
/** For the last packets of a client that has gone to reach the broker [s]. */
const GOODBYE_SEC = 5;
/** Longest keep-alive, as at the embedded broker [s]: a browser that vanished is noticed. */
const MAX_KEEP_ALIVE_SEC = 60;
/** Subscriptions that wait for the broker's answer. */
const MAX_PENDING = 64;

/** Return codes of CONNACK; the last is the embedded broker's own. */
const REFUSED = { version: 1, unavailable: 3, notAuthorized: 5, keepAlive: 6 } as const;
/** Return code of SUBACK: failure. */
const NOT_GRANTED = 0x80;

/** What a client may send besides CONNECT. */
const FROM_CLIENT: ReadonlySet<Packet['cmd']> = new Set([
  ...(['publish', 'puback', 'pubrec', 'pubrel', 'pubcomp'] as const),
  ...(['subscribe', 'unsubscribe', 'pingreq', 'disconnect'] as const),
]);

export interface RelayedClientOptions {
  readonly site: string;
  /** Connects to the broker as the site. */
  readonly open: () => Duplex;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The broker has accepted a connection (null), or why it has not. */
  readonly reached: (problem: string | null) => void;
}

export class RelayedClient {
  readonly identity: ClientIdentity;
  readonly #client: Duplex;
  readonly #options: RelayedClientOptions;
  readonly #fromClient = reader((packet) => this.#take(packet));
  readonly #fromBroker = reader((packet) => this.#give(packet));
  /** By packet identifier: which filters of a subscription the broker was asked for. */
  readonly #pending = new Map<number, readonly boolean[]>();
  #clientId = '';
  #broker: Duplex | null = null;
  #accepted = false;
  #over = false;
  #timer: Timer;

  constructor(client: Duplex, identity: ClientIdentity, options: RelayedClientOptions) {
    this.identity = identity;
    this.#client = client;
    this.#options = options;
    this.#timer = options.clock.after(CONNECT_SEC, () => this.cut());
    client.on('data', (chunk: Buffer) => this.#handle(() => this.#fromClient.parse(chunk)));
    client.on('drain', () => this.#balance());
    client.on('end', () => client.end());
    client.on('error', (error) => options.logger.debug({ error: error.message }, 'MQTT connection cut'));
    client.on('close', () => this.#leave());
  }

  /** Ends both sides at once, as a lost link would: a last will is published. */
  cut(): void {
    this.#over = true;
    this.#client.destroy();
    this.#broker?.destroy();
  }

  /** Whoever breaks the protocol ends its own connection only. */
  #handle(work: () => void): void {
    try {
      if (!this.#over) work();
      this.#balance();
    } catch (error) {
      this.#options.logger.debug({ client: this.#clientId, error: (error as Error).message }, 'MQTT connection cut');
      this.cut();
    }
  }

  #take(packet: Packet): void {
    if (this.#over) return;
    if (this.#broker === null) return this.#connect(packet);
    if (!FROM_CLIENT.has(packet.cmd)) throw new Error(`a packet ${packet.cmd}`);
    if (packet.cmd === 'subscribe') return this.#subscribe(packet, this.#broker);
    if (packet.cmd === 'publish') this.#mayPublish(packet.topic);
    // Written anew: what was judged here is what the broker reads.
    this.#broker.write(generate(packet));
    if (packet.cmd !== 'disconnect') return undefined;
    this.#client.end();
    return this.#leave();
  }

  #connect(packet: Packet): void {
    if (packet.cmd !== 'connect') throw new Error('the first packet is not CONNECT');
    const { keepalive, will } = packet;
    this.#clientId = packet.clientId;
    const refusal = this.#refusal(packet);
    if (refusal !== null) {
      const { code, why } = refusal;
      this.#options.logger.warn({ client: this.#clientId, code: 'OUT_BUS_REFUSED', why }, 'a client was refused');
      return this.#refuse(code);
    }
    const { credentials, open, clock } = this.#options;
    this.#timer.stop();
    this.#timer = clock.after(ANSWER_SEC, () => this.#broker?.destroy(new Error(`no answer within ${ANSWER_SEC} s`)));
    const broker = open();
    this.#broker = broker;
    let problem = 'the broker closed the connection';
    broker.on('data', (chunk: Buffer) => this.#handle(() => this.#fromBroker.parse(chunk)));
    broker.on('drain', () => this.#balance());
    broker.on('error', (error) => (problem = error.message));
    broker.on('close', () => this.#gone(problem));
    // An id of its own: two browsers never push each other off, and nobody takes that of a part of the site.
    const clientId = `gateway-${randomBytes(12).toString('hex')}`;
    const own = credentials === null ? {} : { username: credentials.username, password: Buffer.from(credentials.password) };
    broker.write(
      generate({ cmd: 'connect', clientId, clean: true, keepalive: keepalive ?? 0, ...(will === undefined ? {} : { will }), ...own }),
    );
    return undefined;
  }

  #refusal(connect: IConnectPacket): { readonly code: number; readonly why: string } | null {
    const { clientId, keepalive: keepAliveSec = 0, will, protocolVersion } = connect;
    const { role, name } = this.identity;
    if (protocolVersion !== 4) return { code: REFUSED.version, why: 'another protocol than MQTT 3.1.1' };
    // Rovers and hosts have certificates that the broker itself knows: only people come through here.
    if ((role !== 'operator' && role !== 'viewer') || !mayUseClientId(this.identity, clientId))
      return { code: REFUSED.notAuthorized, why: `${role} ${name} may not use the client id ${clientId}` };
    if (keepAliveSec === 0 || keepAliveSec > MAX_KEEP_ALIVE_SEC)
      return { code: REFUSED.keepAlive, why: `a keep-alive of ${keepAliveSec} s; 1 to ${MAX_KEEP_ALIVE_SEC} s are allowed` };
    if (will !== undefined && !(isTopic(will.topic) && mayPublish(this.identity, this.#options.site, will.topic)))
      return { code: REFUSED.notAuthorized, why: `${role} ${name} may not leave a will to ${will.topic}` };
    return null;
  }

  #mayPublish(topic: string): void {
    if (!isTopic(topic)) throw new Error('a message to no topic or to several');
    if (mayPublish(this.identity, this.#options.site, topic)) return;
    const told = { client: this.#clientId, topic, code: 'OUT_EDGE_UNAUTHORIZED' };
    this.#options.logger.warn(told, 'publish not permitted; client closed');
    throw new Error(`${topic}: not permitted`);
  }

  /** Asks the broker for what is permitted; the rest is answered with a failure, in its place [MQTT-3.9.3-1]. */
  #subscribe(packet: ISubscribePacket, broker: Duplex): void {
    const { site, logger } = this.#options;
    const { messageId: id = 0, subscriptions } = packet;
    if (subscriptions.length === 0) throw new Error('a subscription without filters');
    const allowed = subscriptions.map(({ topic: filter }) => isValidFilter(filter) && maySubscribe(this.identity, site, filter));
    for (const [index, { topic: filter }] of subscriptions.entries()) {
      if (allowed[index] === true) continue;
      logger.warn({ client: this.#clientId, filter, code: 'OUT_EDGE_UNAUTHORIZED' }, 'subscription not permitted');
    }
    if (!allowed.includes(true)) {
      this.#client.write(generate({ cmd: 'suback', messageId: id, granted: allowed.map(() => NOT_GRANTED) }));
      return;
    }
    if (this.#pending.has(id) || this.#pending.size >= MAX_PENDING) throw new Error('too many subscriptions at a time');
    this.#pending.set(id, allowed);
    broker.write(generate({ ...packet, subscriptions: subscriptions.filter((_, index) => allowed[index]) }));
  }

  #give(packet: Packet): void {
    if (this.#over) return;
    if (packet.cmd === 'connack') this.#answered(packet.returnCode ?? 0);
    else this.#client.write(generate(packet.cmd === 'suback' ? this.#completed(packet) : packet));
  }

  #answered(returnCode: number): void {
    this.#accepted = true;
    this.#timer.stop();
    this.#options.reached(returnCode === 0 ? null : `it refuses the site a connection, with return code ${returnCode}`);
    if (returnCode === 0) this.#client.write(connack(0));
    else this.#refuse(returnCode);
  }

  #completed(packet: ISubackPacket): ISubackPacket {
    const { messageId: id = 0, granted } = packet;
    const allowed = this.#pending.get(id) ?? granted.map(() => true);
    this.#pending.delete(id);
    let next = 0;
    return { ...packet, granted: allowed.map((asked) => (asked ? (granted[next++] ?? NOT_GRANTED) : NOT_GRANTED)) };
  }

  #refuse(returnCode: number): void {
    this.#over = true;
    this.#client.end(connack(returnCode));
  }

  /** The broker's side has ended: the browser connects again, and learns why not while there is no broker. */
  #gone(problem: string): void {
    this.#timer.stop();
    if (this.#over) return;
    this.#options.reached(problem);
    if (this.#accepted) this.cut();
    else this.#refuse(REFUSED.unavailable);
  }

  /** The browser has gone: what it said last still goes to the broker, which publishes its will unless it said goodbye. */
  #leave(): void {
    this.#timer.stop();
    const broker = this.#broker;
    this.#over = true;
    if (broker === null || broker.destroyed) return;
    broker.resume();
    this.#timer = this.#options.clock.after(GOODBYE_SEC, () => broker.destroy());
    broker.end();
  }

  /** Reads from a side only while the other one takes it: who does not listen makes nobody buffer. */
  #balance(): void {
    const clientFull = !this.#over && this.#client.writableNeedDrain;
    const brokerFull = !this.#over && this.#broker?.writableNeedDrain === true;
    this.#broker?.[clientFull ? 'pause' : 'resume']();
    this.#client[clientFull || brokerFull ? 'pause' : 'resume']();
  }
}

/** Throws from `parse` what is wrong with a packet, or what `take` throws. */
function reader(take: (packet: Packet) => void): Parser {
  return parser({ protocolVersion: 4 }).on('packet', take);
}

const connack = (returnCode: number): Buffer => generate({ cmd: 'connack', returnCode, sessionPresent: false });

/** Whether it names one topic [MQTT-3.3.2-2, MQTT-4.7.3]. */
const isTopic = (topic: string): boolean => topic !== '' && !/[+#\0]/.test(topic);
