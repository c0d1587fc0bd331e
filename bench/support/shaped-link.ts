// A TCP relay with the rate of a slow link: a token bucket in each direction, so that real sockets see a real bottleneck on loopback.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ShapedLink {
  readonly port: number;
  /** Bytes that have passed since the start, both connections' lives together. */
  readonly upBytes: number;
  readonly downBytes: number;
  /** Breaks the present connections without a goodbye. */
  cut(): void;
  close(): Promise<void>;
}

export interface ShapedLinkOptions {
  readonly targetPort: number;
  /** 10⁶ bits per second, each way. */
  readonly mbitPerSec: number;
}

/** Tokens that may gather while nothing is sent [s]: bridges the timers' jitter, short against a query. */
const BURST_SEC = 0.02;
const PACKET_BYTES = 1460;

export async function startShapedLink(options: ShapedLinkOptions): Promise<ShapedLink> {
  const bytesPerSec = (options.mbitPerSec * 1e6) / 8;
  const sockets = new Set<Socket>();
  const passed = { up: 0, down: 0 };
  const server: Server = createServer({ noDelay: true }, (client) => {
    const host = connect({ port: options.targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, host]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    shape(client, host, bytesPerSec, (bytes) => (passed.up += bytes));
    shape(host, client, bytesPerSec, (bytes) => (passed.down += bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get upBytes() {
      return passed.up;
    },
    get downBytes() {
      return passed.down;
    },
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

/** One direction: what arrives waits until there are tokens for it; meanwhile nothing more is read. */
function shape(from: Socket, to: Socket, bytesPerSec: number, count: (bytes: number) => void): void {
  const burstBytes = Math.max(2 * PACKET_BYTES, bytesPerSec * BURST_SEC);
  let queue: Buffer[] = [];
  let tokens = burstBytes;
  let lastMs = performance.now();
  let timer: NodeJS.Timeout | null = null;
  let ended = false;
  const pump = (): void => {
    timer = null;
    const nowMs = performance.now();
    tokens = Math.min(burstBytes, tokens + ((nowMs - lastMs) / 1000) * bytesPerSec);
    lastMs = nowMs;
    for (let head = queue[0]; head !== undefined && tokens >= 1; head = queue[0]) {
      const bytes = head.subarray(0, Math.floor(tokens));
      tokens -= bytes.byteLength;
      count(bytes.byteLength);
      to.write(bytes);
      if (bytes.byteLength === head.byteLength) queue.shift();
      else queue[0] = head.subarray(bytes.byteLength);
    }
    if (queue.length > 0) timer = setTimeout(pump, Math.ceil((PACKET_BYTES / bytesPerSec) * 1000));
    else if (ended) to.end();
    else from.resume();
  };
  from.on('data', (chunk) => {
    queue.push(chunk);
    from.pause();
    if (timer === null) pump();
  });
  from.on('end', () => {
    ended = true;
    if (queue.length === 0) to.end();
  });
  from.on('close', () => {
    if (!ended) {
      queue = [];
      to.destroy();
    }
  });
}
