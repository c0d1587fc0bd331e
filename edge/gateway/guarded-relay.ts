// MQTT between browsers and a broker that knows the site alone: each browser gets a connection of its own, made by the gateway as the site,
// and its packets are held here to what its user may do. Sessions, retained messages, wills and QoS stay the broker's.
import type { Duplex } from 'node:stream';
import type { ClientIdentity } from '../broker/access-rules.ts';
import { limitPackets } from '../broker/limited-connection.ts';
import { RelayedClient, type RelayedClientOptions } from './relayed-client.ts';

/** Longest packet of a browser [bytes], as at the embedded broker: the bound on what it makes the gateway buffer. */
const MAX_PACKET_BYTES = 1024 * 1024;
/** Browsers at a time: each costs the broker a connection of the site. */
const MAX_CLIENTS = 1024;

export type GuardedRelayOptions = Omit<RelayedClientOptions, 'reached'>;

export class GuardedRelay {
  readonly #options: GuardedRelayOptions;
  readonly #clients = new Set<RelayedClient>();
  #reachable = true;

  constructor(options: GuardedRelayOptions) {
    this.#options = options;
  }

  serve(stream: Duplex, identity: ClientIdentity): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      stream.destroy();
      return;
    }
    const limited = limitPackets(stream, MAX_PACKET_BYTES);
    const client = new RelayedClient(limited, identity, { ...this.#options, reached: (problem) => this.#reached(problem) });
    this.#clients.add(client);
    limited.once('close', () => this.#clients.delete(client));
  }

  cutIdentity(matches: (identity: ClientIdentity) => boolean): void {
    for (const client of this.#clients) if (matches(client.identity)) client.cut();
  }

  /** Every page asks again each second or so: an outage is told once. */
  #reached(problem: string | null): void {
    if ((problem === null) === this.#reachable) return;
    this.#reachable = problem === null;
    const { logger } = this.#options;
    if (problem === null) logger.info({}, 'dashboards reach the broker again');
    else logger.warn({ code: 'OUT_BUS_UNREACHABLE', problem }, 'dashboards do not reach the broker');
  }
}
