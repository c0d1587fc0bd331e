// A TCP relay whose links a test can cut and block: what a cable, a switch or a node's death does to one client.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Breaks the present connections without a goodbye. */
  cut(): void;
  /** Refuses new connections (and cuts the present ones) until unblocked. */
  block(blocked: boolean): void;
  close(): Promise<void>;
}

/** Relays to the first of `targets` (ports on loopback) that answers; listens at `at`, by default at any free port of loopback. */
export async function startTcpProxy(targets: () => readonly number[], at = { host: '127.0.0.1', port: 0 }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let blocked = false;
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const relay = (client: Socket, ports: readonly number[]): void => {
    const [port, ...others] = ports;
    if (port === undefined) {
      client.destroy();
      return;
    }
    const upstream = track(connect({ port, host: '127.0.0.1', noDelay: true }));
    upstream.once('error', () => {
      if (client.bytesRead === 0 && upstream.bytesWritten === 0) relay(client, others);
      else client.destroy();
    });
    upstream.once('connect', () => {
      upstream.on('error', () => undefined);
      client.pipe(upstream).pipe(client);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
  };
  const server = createServer({ noDelay: true }, (client) => {
    client.on('error', () => undefined);
    if (blocked) client.resetAndDestroy();
    else relay(track(client), targets());
  });
  await new Promise<void>((resolve) => server.listen(at.port, at.host, resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    block: (value) => {
      blocked = value;
      if (value) cut();
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
