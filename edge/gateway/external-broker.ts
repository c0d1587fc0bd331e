// MQTT over WebSocket at a site whose broker is of another make: how the gateway serves browsers there.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { ClientIdentity } from '../broker/access-rules.ts';
import { type BrokerTls, openBrokerStream } from './broker-stream.ts';
import { GuardedRelay } from './guarded-relay.ts';

export interface ExternalBrokerOptions {
  readonly site: string;
  readonly brokerUrl: string;
  /** The site's own certificate; renewed in place. */
  readonly tls: BrokerTls | null;
  /** The site's own name and password at the broker. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** Who visitors are at a gateway that asks nobody for a login. */
  readonly visitor: ClientIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExternalBroker {
  /** `proven`: who logged in at the gateway. */
  serve(stream: Duplex, proven: ClientIdentity | null): void;
  /** Cuts everybody of whom this holds. */
  cutIdentity(matches: (identity: ClientIdentity) => boolean): void;
}

/**
 * A broker that wants to know its clients lets the gateway in as the site, so each browser is held to its own rights here. One that asks
 * nobody, behind a gateway that asks nobody either, gets the browser's bytes as they are.
 */
export function externalBroker(options: ExternalBrokerOptions): ExternalBroker {
  const { brokerUrl, tls, visitor } = options;
  const credentials = options.credentials ?? credentialsOf(brokerUrl);
  if (tls === null && credentials === null) return { serve: (stream) => passOn(stream, brokerUrl), cutIdentity: () => undefined };
  const open = (): Duplex => openBrokerStream(brokerUrl, tls);
  const relay = new GuardedRelay({ ...options, credentials, open });
  return { serve: (stream, proven) => relay.serve(stream, proven ?? visitor), cutIdentity: (matches) => relay.cutIdentity(matches) };
}

/** The same bytes on a connection to the broker. */
function passOn(stream: Duplex, brokerUrl: string): void {
  const upstream = openBrokerStream(brokerUrl, null);
  stream.pipe(upstream).pipe(stream);
  upstream.on('error', () => stream.destroy());
  stream.on('close', () => upstream.destroy());
}

function credentialsOf(brokerUrl: string): ExternalBrokerOptions['credentials'] {
  const { username, password } = new URL(brokerUrl);
  return username === '' ? null : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}
