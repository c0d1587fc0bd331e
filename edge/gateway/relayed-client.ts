// One browser's MQTT connection to a broker that knows the site alone: what its user may not do never gets there.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { isValidFilter } from '../../shared/bus/topic-filter.ts';
import type { Clock, Timer } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { type ClientIdentity, mayPublish, maySubscribe, mayUseClientId } from '../broker/access-rules.ts';
import {
  type Connect,
  PACKET,
  type Packet,
  PacketSplitter,
  readConnect,
  readSuback,
  readSubscribe,
  topicOfPublish,
  writeConnack,
  writeConnect,
  writeSuback,
  writeSubscribe,
} from './mqtt-packets.ts';

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

/** What a client may send besides CONNECT; the broker takes most of them as they are. */
const FROM_CLIENT: ReadonlySet<number> = new Set([
  ...[PACKET.publish, PACKET.puback, PACKET.pubrec, PACKET.pubrel, PACKET.pubcomp],
  ...[PACKET.subscribe, PACKET.unsubscribe, PACKET.pingreq, PACKET.disconnect],
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
  readonly #fromClient = new PacketSplitter();
  readonly #fromBroker = new PacketSplitter();
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
    client.on('data', (chunk: Buffer) => this.#handle(() => this.#fromClient.push(chunk).forEach((packet) => this.#take(packet))));
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
    if (!FROM_CLIENT.has(packet.type)) throw new Error(`a packet of type ${packet.type}`);
    if (packet.type === PACKET.subscribe) return this.#subscribe(packet, this.#broker);
    if (packet.type === PACKET.publish) this.#mayPublish(topicOfPublish(packet));
    this.#broker.write(packet.bytes);
    if (packet.type !== PACKET.disconnect) return undefined;
    this.#client.end();
    return this.#leave();
  }

  #connect(packet: Packet): void {
    if (packet.type !== PACKET.connect) throw new Error('the first packet is not CONNECT');
    const connect = readConnect(packet);
    this.#clientId = connect?.clientId ?? '';
    const refusal = connect === null ? { code: REFUSED.version, why: 'another protocol than MQTT 3.1.1' } : this.#refusal(connect);
    if (connect === null || refusal !== null) {
      const { code = REFUSED.version, why = '' } = refusal ?? {};
      this.#options.logger.warn({ client: this.#clientId, code: 'OUT_BUS_REFUSED', why }, 'a client was refused');
      return this.#refuse(code);
    }
    const { credentials, open, clock } = this.#options;
    this.#timer.stop();
    this.#timer = clock.after(ANSWER_SEC, () => this.#broker?.destroy(new Error(`no answer within ${ANSWER_SEC} s`)));
    const broker = open();
    this.#broker = broker;
    let problem = 'the broker closed the connection';
    broker.on('data', (chunk: Buffer) => this.#handle(() => this.#fromBroker.push(chunk).forEach((one) => this.#give(one))));
    broker.on('drain', () => this.#balance());
    broker.on('error', (error) => (problem = error.message));
    broker.on('close', () => this.#gone(problem));
    // An id of its own: two browsers never push each other off, and nobody takes that of a part of the site.
    const clientId = `gateway-${randomBytes(12).toString('hex')}`;
    const { username = null, password = null } = credentials ?? {};
    const own = { username, password: password === null ? null : Buffer.from(password) };
    broker.write(writeConnect({ ...connect, clientId, clean: true, ...own }));
    return undefined;
  }

  #refusal({ clientId, keepAliveSec, will }: Connect): { readonly code: number; readonly why: string } | null {
    const { role, name } = this.identity;
    // Rovers and hosts have certificates that the broker itself knows: only people come through here.
    if ((role !== 'operator' && role !== 'viewer') || !mayUseClientId(this.identity, clientId))
      return { code: REFUSED.notAuthorized, why: `${role} ${name} may not use the client id ${clientId}` };
    if (keepAliveSec === 0 || keepAliveSec > MAX_KEEP_ALIVE_SEC)
      return { code: REFUSED.keepAlive, why: `a keep-alive of ${keepAliveSec} s; 1 to ${MAX_KEEP_ALIVE_SEC} s are allowed` };
    if (will !== null && !mayPublish(this.identity, this.#options.site, will.topic))
      return { code: REFUSED.notAuthorized, why: `${role} ${name} may not leave a will to ${will.topic}` };
    return null;
  }

  #mayPublish(topic: string): void {
    if (mayPublish(this.identity, this.#options.site, topic)) return;
    const told = { client: this.#clientId, topic, code: 'OUT_EDGE_UNAUTHORIZED' };
    this.#options.logger.warn(told, 'publish not permitted; client closed');
    throw new Error(`${topic}: not permitted`);
  }

  /** Asks the broker for what is permitted; the rest is answered with a failure, in its place [MQTT-3.9.3-1]. */
  #subscribe(packet: Packet, broker: Duplex): void {
    const { site, logger } = this.#options;
    const { id, wanted } = readSubscribe(packet);
    const allowed = wanted.map(({ filter }) => isValidFilter(filter) && maySubscribe(this.identity, site, filter));
    for (const [index, { filter }] of wanted.entries()) {
      if (allowed[index] === true) continue;
      logger.warn({ client: this.#clientId, filter, code: 'OUT_EDGE_UNAUTHORIZED' }, 'subscription not permitted');
    }
    if (!allowed.includes(true)) {
      this.#client.write(writeSuback({ id, codes: allowed.map(() => NOT_GRANTED) }));
      return;
    }
    if (this.#pending.has(id) || this.#pending.size >= MAX_PENDING) throw new Error('too many subscriptions at a time');
    this.#pending.set(id, allowed);
    broker.write(writeSubscribe({ id, wanted: wanted.filter((_, index) => allowed[index]) }));
  }

  #give(packet: Packet): void {
    if (this.#over) return;
    if (packet.type === PACKET.connack) this.#answered(packet.body[1] ?? 0);
    else this.#client.write(packet.type === PACKET.suback ? this.#completed(packet) : packet.bytes);
  }

  #answered(returnCode: number): void {
    this.#accepted = true;
    this.#timer.stop();
    this.#options.reached(returnCode === 0 ? null : `it refuses the site a connection, with return code ${returnCode}`);
    if (returnCode === 0) this.#client.write(writeConnack(0));
    else this.#refuse(returnCode);
  }

  #completed(packet: Packet): Buffer {
    const { id, codes } = readSuback(packet);
    const allowed = this.#pending.get(id) ?? codes.map(() => true);
    this.#pending.delete(id);
    let next = 0;
    return writeSuback({ id, codes: allowed.map((asked) => (asked ? (codes[next++] ?? NOT_GRANTED) : NOT_GRANTED)) });
  }

  #refuse(returnCode: number): void {
    this.#over = true;
    this.#client.end(writeConnack(returnCode));
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
