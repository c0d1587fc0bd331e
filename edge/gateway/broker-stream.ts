// A connection to a broker of another make as a stream of bytes, by the kind of its URL.
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';

/** PEM texts; the site's own certificate is shown where the broker asks for one. */
export interface BrokerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Writes wait for the connection; failures are the stream's errors. */
export function openBrokerStream(brokerUrl: string, tls: BrokerTls | null): Duplex {
  const { protocol, hostname, port } = new URL(brokerUrl);
  const shown = tls === null ? {} : { ca: tls.ca, cert: tls.cert, key: tls.key };
  if (protocol === 'ws:' || protocol === 'wss:') return createWebSocketStream(new WebSocket(brokerUrl, 'mqtt', shown));
  const secure = protocol === 'mqtts:';
  const target = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || (secure ? 8883 : 1883) };
  const socket = secure ? connectTls({ ...target, ...shown }) : connectTcp(target);
  return socket.setNoDelay(true);
}
