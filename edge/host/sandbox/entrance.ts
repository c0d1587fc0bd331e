// The listener of a worker's instance, open while the worker is spare: with TLS, opening it takes longer than the rest of starting an
// instance. Who comes while there is none is turned away.
import type { DataPlane, Listener } from '../../../shared/ports/data-plane.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import type { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import { liveDataPlane, serverTls } from './live-ports.ts';
import type { WorkerEnvironment, WorkerTls } from './worker-messages.ts';

interface Door {
  open: ((transport: Transport) => void) | null;
}

export class Entrance implements Pick<DataPlane, 'listen'> {
  readonly environment: WorkerEnvironment;
  readonly #dataPlane: TcpDataPlane;
  readonly #listener: Listener;
  readonly #door: Door;
  #shown: string | undefined;

  private constructor(environment: WorkerEnvironment, dataPlane: TcpDataPlane, listener: Listener, door: Door) {
    this.environment = environment;
    this.#dataPlane = dataPlane;
    this.#listener = listener;
    this.#door = door;
    this.#shown = environment.tls?.cert;
  }

  /** Rejects where the address cannot be listened on or the certificate is not that of the key. */
  static async open(environment: WorkerEnvironment): Promise<Entrance> {
    const dataPlane = liveDataPlane(environment);
    const door: Door = { open: null };
    const listener = await dataPlane.listen('instance', (transport) => {
      if (door.open === null) transport.close();
      else door.open(transport);
    });
    return new Entrance(environment, dataPlane, listener, door);
  }

  get address(): string {
    return this.#listener.address;
  }

  /** From now on, until its listener is closed, who comes is this instance's. */
  listen(_name: string, onTransport: (transport: Transport) => void): Promise<Listener> {
    this.#door.open = onTransport;
    const close = async (): Promise<void> => void (this.#door.open = null);
    return Promise.resolve({ address: this.address, close });
  }

  /** Shows this certificate from now on, if it is another one. */
  show(tls: WorkerTls | null): void {
    if (tls === null || tls.cert === this.#shown) return;
    this.#shown = tls.cert;
    this.#dataPlane.renew(serverTls(tls));
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}
