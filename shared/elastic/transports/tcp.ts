// The direct data plane: TCP or TLS 1.3 between rover and host, from a main thread or a worker.
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type ConnectionOptions, Server as TlsServer, type TlsOptions } from 'node:tls';
import { OutriderError } from '../../errors.ts';
import type { DataPlane, Listener } from '../../ports/data-plane.ts';
import type { Transport } from '../../ports/transport.ts';
import { SocketTransport } from './socket-transport.ts';
import { TlsClient } from './tls-client.ts';

export interface TcpDataPlaneOptions {
  /** Interface to listen on, and the address that others are told. Default 127.0.0.1. */
  readonly bindHost?: string;
  readonly advertisedHost?: string;
  /** Port to listen on. Default 0: any free one. */
  readonly port?: number;
  /** Given: connections are TLS. `server` needs key and cert; `client` the ca that signed it, or an identity for mutual TLS. */
  readonly tls?: { readonly server?: TlsOptions; readonly client?: ConnectionOptions };
  /** How long a connection may take [ms]. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Connections at a time per listener. Default 1024. */
  readonly maxConnections?: number;
}

export class TcpDataPlane implements DataPlane {
  readonly #options: TcpDataPlaneOptions;
  readonly #scheme: 'tcp' | 'tls';
  readonly #tlsServers = new Set<TlsServer>();
  readonly #tlsClient: TlsClient | null;

  constructor(options: TcpDataPlaneOptions = {}) {
    this.#options = options;
    this.#tlsClient = options.tls === undefined ? null : new TlsClient(options.tls.client ?? {});
    this.#scheme = options.tls === undefined ? 'tcp' : 'tls';
  }

  async listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    const { bindHost = '127.0.0.1', advertisedHost = bindHost, port = 0, tls, maxConnections = 1024 } = this.#options;
    const sockets = new Set<Socket>();
    const accept = (socket: Socket): void => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      onTransport(new SocketTransport(socket, `${this.#scheme}://${socket.remoteAddress}:${socket.remotePort}#${name}`));
    };
    const server: Server =
      tls === undefined
        ? createTcpServer({ noDelay: true }, accept)
        : createTlsServer({ minVersion: 'TLSv1.3', handshakeTimeout: 5000, ...tls.server }, accept);
    if (server instanceof TlsServer) {
      this.#tlsServers.add(server);
      server.once('close', () => this.#tlsServers.delete(server));
    }
    server.maxConnections = maxConnections;
    // A peer that breaks its TLS handshake ends its own connection only.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, bindHost, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', () => undefined);
    const { port: bound } = server.address() as AddressInfo;
    return {
      address: `${this.#scheme}://${advertisedHost.includes(':') ? `[${advertisedHost}]` : advertisedHost}:${bound}`,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        }),
    };
  }

  /** Listeners show this certificate to whoever connects from now on. */
  renew(server: TlsOptions): void {
    for (const listening of this.#tlsServers) listening.setSecureContext(server);
  }

  connect(address: string, options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const { signal } = options;
    const { connectTimeoutMs = 5000 } = this.#options;
    const url = URL.canParse(address) ? new URL(address) : null;
    const unreachable = (why: string, cause?: unknown): OutriderError =>
      new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: ${why}`, { cause });
    if (url === null || url.protocol !== `${this.#scheme}:` || url.port === '') {
      return Promise.reject(unreachable(`not an address of this data plane (${this.#scheme}://host:port)`));
    }
    if (signal?.aborted === true) return Promise.reject(unreachable('aborted'));
    const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port), noDelay: true };
    return new Promise((resolve, reject) => {
      const socket = this.#tlsClient === null ? connectTcp(target) : this.#tlsClient.connect(target);
      const fail = (why: string, cause?: unknown): void => {
        done();
        socket.on('error', () => undefined);
        socket.destroy();
        reject(unreachable(why, cause));
      };
      const onAbort = (): void => fail('aborted');
      const onError = (error: Error): void => fail(error.message, error);
      const timer = setTimeout(() => fail(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
      const connected = this.#tlsClient === null ? 'connect' : 'secureConnect';
      const done = (): void => {
        clearTimeout(timer);
        socket.off('error', onError);
        socket.off(connected, onConnect);
        signal?.removeEventListener('abort', onAbort);
      };
      const onConnect = (): void => {
        done();
        // Who connects has had TLS make sure of the host; nobody asks which of its names it went by.
        resolve(new SocketTransport(socket, address, null));
      };
      socket.once('error', onError);
      socket.once(connected, onConnect);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
