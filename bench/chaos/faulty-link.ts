// The network of one participant as TCP relays on loopback that can be cut, slowed down and partitioned, all at once.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { DataPlane, Listener } from '../../shared/ports/data-plane.ts';
import type { Transport } from '../../shared/ports/transport.ts';

interface Parcel {
  readonly to: Socket;
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Relays in both directions; what is under way keeps its order. */
export class FaultyLink {
  readonly #relays = new Map<string, Promise<{ readonly server: Server; readonly port: number }>>();
  readonly #sockets = new Set<Socket>();
  readonly #parcels: Parcel[] = [];
  readonly #timer: NodeJS.Timeout;
  #delayMs = 0;
  #partitioned = false;

  constructor() {
    this.#timer = setInterval(() => this.#deliver(), 5);
  }

  /** The port of a relay to `host:port`. */
  async relayTo(host: string, port: number): Promise<number> {
    const key = `${host}:${port}`;
    let relay = this.#relays.get(key);
    if (relay === undefined) this.#relays.set(key, (relay = this.#listen(host, port)));
    return (await relay).port;
  }

  /** Breaks all connections without a goodbye. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Each byte takes so much longer in each direction. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** Nothing passes, and nobody is told: connections stand, bytes wait. */
  partition(partitioned: boolean): void {
    this.#partitioned = partitioned;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.drop();
    for (const relay of this.#relays.values()) (await relay).server.close();
  }

  async #listen(host: string, port: number): Promise<{ readonly server: Server; readonly port: number }> {
    const server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host, port, noDelay: true });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => undefined);
        from.on('data', (bytes: Buffer) => this.#send(to, bytes));
        from.on('close', () => {
          this.#sockets.delete(from);
          // A goodbye does not cross a partition either.
          const end = (): void => void (this.#partitioned ? setTimeout(end, 50) : to.destroy());
          end();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: (server.address() as AddressInfo).port };
  }

  #send(to: Socket, bytes: Buffer): void {
    if (!this.#partitioned && this.#delayMs === 0 && this.#parcels.length === 0) to.write(bytes);
    else this.#parcels.push({ to, bytes, dueMs: performance.now() + this.#delayMs });
  }

  #deliver(): void {
    if (this.#partitioned) return;
    const now = performance.now();
    while (this.#parcels[0] !== undefined && this.#parcels[0].dueMs <= now) {
      const parcel = this.#parcels.shift() as Parcel;
      if (!parcel.to.destroyed) parcel.to.write(parcel.bytes);
    }
  }
}

/** A data plane whose connections go over the link. */
export class FaultyDataPlane implements DataPlane {
  readonly #plane: DataPlane;
  readonly #link: FaultyLink;

  constructor(plane: DataPlane, link: FaultyLink) {
    this.#plane = plane;
    this.#link = link;
  }

  listen(name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    return this.#plane.listen(name, onTransport);
  }

  async connect(address: string, options?: { readonly signal?: AbortSignal }): Promise<Transport> {
    const url = new URL(address);
    const port = await this.#link.relayTo(url.hostname, Number(url.port));
    return this.#plane.connect(`${url.protocol}//127.0.0.1:${port}`, options);
  }
}
