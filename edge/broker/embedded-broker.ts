// The embedded broker: Aedes (MQTT 3.1.1) on TCP, and on any stream that the gateway hands over (MQTT over WebSocket).
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer, type TlsOptions } from 'node:tls';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Aedes, type AuthenticateError } from 'aedes';
import type { Logger } from '../../shared/ports/logger.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type PeerIdentity, peerIdentity } from '../../shared/security/peer-identity.ts';
import { type ClientIdentity, mayPublish, maySubscribe, mayUseClientId } from './access-rules.ts';
import { limitPackets } from './limited-connection.ts';

export interface ConnectAttempt {
  readonly clientId: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly remoteAddress: string | null;
  /** By its certificate. */
  readonly peer: PeerIdentity | null;
  /** What the gateway knows of a WebSocket already: its login. */
  readonly proven: ClientIdentity | null;
}

export interface EmbeddedBrokerOptions {
  readonly site: string;
  /** Default 127.0.0.1: outside loopback a site asks for TLS and authentication. */
  readonly host?: string;
  /** 0: any free port; null: no TCP listener. */
  readonly port: number | null;
  readonly tls?: TlsOptions;
  /** Longest packet that a client may send [bytes]: the bound on what it makes the broker buffer. Default 1 MiB. */
  readonly maxPacketBytes?: number;
  /** Connections at a time; default 4096. */
  readonly maxConnections?: number;
  /** Who a client is, or null to refuse it. Absent: everybody is trusted (loopback only). */
  readonly identify?: (attempt: ConnectAttempt) => ClientIdentity | null | Promise<ClientIdentity | null>;
  readonly logger?: Logger;
}

export interface EmbeddedBroker {
  /** The TCP port, or null. */
  readonly port: number | null;
  readonly connectedClients: number;
  /** Serves MQTT on a stream, e.g. a WebSocket of the gateway, which may have proven who is at its other end. */
  serve(stream: Duplex, request?: IncomingMessage, proven?: ClientIdentity | null): void;
  /** Breaks a client's connection without a goodbye, as a lost link would: its last will is published. False: not connected. */
  cut(clientId: string): boolean;
  /** Cuts everybody of whom this holds, e.g. a member that was revoked. */
  cutIdentity(matches: (identity: ClientIdentity) => boolean): void;
  /** Shows another certificate to whoever connects from now on; without TLS nothing happens. */
  renew(tls: TlsOptions): void;
  close(): Promise<void>;
}

/** MQTT return codes of a refused CONNECT. */
const UNAVAILABLE = 3;
const BAD_CREDENTIALS = 4;
const NOT_AUTHORIZED = 5;
const DEFAULT_MAX_PACKET_BYTES = 1024 * 1024;

export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { site, identify } = options;
  const logger = options.logger ?? SILENT_LOGGER;
  const identities = new WeakMap<object, ClientIdentity>();
  const streams = new Set<Duplex>();
  const connections = new Map<string, Duplex>();
  const clients = new Map<object, Duplex>();
  const origins = new WeakMap<object, { readonly stream: Duplex; readonly proven: ClientIdentity | null }>();
  const aedes = await Aedes.createBroker({
    maxClientsIdLength: 64,
    queueLimit: 1000,
    keepaliveLimit: 60,
    connectTimeout: 5000,
    drainTimeout: 10_000,
    authenticate: (client, username, password, done) => {
      if (identify === undefined) return done(null, true);
      const socket = client.req?.socket ?? origins.get(client.conn)?.stream ?? null;
      const attempt: ConnectAttempt = {
        clientId: client.id,
        username: username ?? null,
        password: password?.toString() ?? null,
        remoteAddress: (socket as Partial<Socket> | null)?.remoteAddress ?? null,
        peer: socket === null ? null : peerIdentity(socket),
        proven: origins.get(client.conn)?.proven ?? null,
      };
      Promise.resolve(identify(attempt)).then(
        (identity) => {
          if (identity !== null && mayUseClientId(identity, client.id)) {
            identities.set(client, identity);
            done(null, true);
            return;
          }
          const why =
            identity === null ? 'unknown credentials' : `${identity.role} ${identity.name} may not use the client id ${client.id}`;
          logger.warn({ client: client.id, code: 'OUT_BUS_REFUSED', why }, 'a client was refused');
          done(refusal(why, identity === null ? BAD_CREDENTIALS : NOT_AUTHORIZED), false);
        },
        (error: Error) => {
          logger.error({ client: client.id, error: error.message }, 'a client could not be identified');
          done(refusal(error.message, UNAVAILABLE), false);
        },
      );
      return undefined;
    },
    authorizePublish: (client, packet, done) => {
      if (packet.topic.startsWith('$')) return done(new Error('topics of the broker itself are not for clients'));
      const identity = client === null ? undefined : identities.get(client);
      if (identify === undefined || client === null || (identity !== undefined && mayPublish(identity, site, packet.topic)))
        return done(null);
      logger.warn({ client: client.id, topic: packet.topic, code: 'OUT_EDGE_UNAUTHORIZED' }, 'publish not permitted; client closed');
      return done(new Error(`${packet.topic}: not permitted`));
    },
    authorizeSubscribe: (client, subscription, done) => {
      const identity = identities.get(client);
      if (identify === undefined || (identity !== undefined && maySubscribe(identity, site, subscription.topic)))
        return done(null, subscription);
      logger.warn({ client: client.id, filter: subscription.topic, code: 'OUT_EDGE_UNAUTHORIZED' }, 'subscription not permitted');
      return done(null, null);
    },
  });
  aedes.on('clientReady', (client) => {
    connections.set(client.id, client.conn);
    clients.set(client, client.conn);
  });
  aedes.on('clientDisconnect', (client) => {
    clients.delete(client);
    if (connections.get(client.id) === client.conn) connections.delete(client.id);
  });
  aedes.on('clientError', (client, error) => logger.debug({ client: client.id, error: error.message }, 'client error'));
  aedes.on('connectionError', (client, error) => logger.debug({ client: client.id, error: error.message }, 'connection error'));

  const maxBytes = options.maxPacketBytes ?? DEFAULT_MAX_PACKET_BYTES;
  const maxConnections = options.maxConnections ?? 4096;
  const serve = (stream: Duplex, request?: IncomingMessage, proven: ClientIdentity | null = null): void => {
    if (streams.size >= maxConnections) {
      stream.destroy();
      return;
    }
    const limited = limitPackets(stream, maxBytes);
    streams.add(limited);
    origins.set(limited, { stream, proven });
    limited.once('close', () => streams.delete(limited));
    limited.on('error', (error) => logger.debug({ error: error.message }, 'MQTT connection cut'));
    aedes.handle(limited, request);
  };

  const server = options.port === null ? null : await listen(options, serve);
  return {
    port: server === null ? null : (server.address() as AddressInfo).port,
    get connectedClients() {
      return aedes.connectedClients;
    },
    serve,
    cut: (clientId) => connections.get(clientId)?.destroy() !== undefined,
    cutIdentity: (matches) => {
      for (const [client, connection] of clients) {
        const identity = identities.get(client);
        if (identity !== undefined && matches(identity)) connection.destroy();
      }
    },
    renew: (tls) => {
      if (server instanceof TlsServer) server.setSecureContext(tls);
    },
    close: async () => {
      const closed = server === null ? null : new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const stream of streams) stream.destroy();
      await closed;
    },
  };
}

async function listen(options: EmbeddedBrokerOptions, serve: (stream: Duplex) => void): Promise<Server> {
  const accept = (socket: Socket): void => {
    socket.setNoDelay(true);
    serve(socket);
  };
  const server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  // A peer that breaks its TLS handshake ends its own connection only.
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  return server;
}

function refusal(why: string, returnCode: number): AuthenticateError {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment, typescript/no-unnecessary-type-assertion -- the enum exists in Aedes' types only
  return Object.assign(new Error(why), { returnCode }) as AuthenticateError;
}
