// Chooses the way to an instance by what is reachable: the addresses of an instance in order of preference (direct first, MQTT last). The
// next way is tried before the one before has failed, since a firewall may swallow a connection without a word (RFC 8305).
import { OutriderError } from '../../errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { DataPlane } from '../../ports/data-plane.ts';
import type { Transport } from '../../ports/transport.ts';

/** The data plane for a scheme of addresses (`tcp`, `tls`, `mqtt`, `in-process`), if there is one here. */
export type PlaneOf = (scheme: string) => DataPlane | undefined;

/** How long a way may be tried alone before the next one is tried beside it [s]. */
const HEAD_START_SEC = 1;
/** How long a better way may be looked for while a worse one serves [s]. */
const BETTER_SEC = 2;

/** How to reach one instance, best way first; for `RemoteEndpoint.connect` and `connectBetter`. */
export class ReachablePlane {
  readonly #planeOf: PlaneOf;
  readonly #addresses: readonly string[];
  readonly #clock: Clock;
  /** Which address each open transport came by. */
  readonly #rank = new WeakMap<Transport, number>();

  constructor(planeOf: PlaneOf, addresses: readonly string[], clock: Clock) {
    this.#planeOf = planeOf;
    this.#addresses = addresses;
    this.#clock = clock;
  }

  /** The best address that answers. Rejects with OUT_TRANSPORT_UNREACHABLE, naming why each did not. */
  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const failures: string[] = [];
    const transport = await this.#race(this.#addresses.length, options.signal, failures);
    if (transport !== null) return transport;
    throw new OutriderError('OUT_TRANSPORT_UNREACHABLE', failures.join('; ') || 'no address');
  }

  /** A connection by a better address than `current` has, or null. */
  async connectBetter(current: Transport): Promise<Transport | null> {
    const rank = this.#rank.get(current) ?? 0;
    if (rank === 0) return null;
    const patience = new AbortController();
    const timer = this.#clock.after(BETTER_SEC, () => patience.abort());
    return this.#race(rank, patience.signal, []).finally(() => timer.stop());
  }

  /** The first of the `count` best addresses that answers, each tried {@link HEAD_START_SEC} after the one before, or at once when that failed. */
  #race(count: number, signal: AbortSignal | undefined, failures: string[]): Promise<Transport | null> {
    const losers = new AbortController();
    const abort = (): void => losers.abort();
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    return new Promise<Transport | null>((resolve) => {
      let next = 0;
      let running = 0;
      let over = false;
      let timer: Timer | null = null;
      const finish = (transport: Transport | null): void => {
        over = true;
        timer?.stop();
        losers.abort();
        resolve(transport);
      };
      const begin = (): void => {
        timer?.stop();
        if (over) return;
        if (next >= count || losers.signal.aborted) {
          if (running === 0) finish(null);
          return;
        }
        const rank = next;
        next += 1;
        running += 1;
        if (next < count) timer = this.#clock.after(HEAD_START_SEC, begin);
        this.#attempt(this.#addresses[rank] as string, losers.signal).then(
          (transport) => {
            running -= 1;
            this.#rank.set(transport, rank);
            if (over) transport.close();
            else finish(transport);
          },
          (error: unknown) => {
            running -= 1;
            failures.push(error instanceof Error ? error.message : String(error));
            begin();
          },
        );
      };
      begin();
    }).finally(() => signal?.removeEventListener('abort', abort));
  }

  async #attempt(address: string, signal: AbortSignal): Promise<Transport> {
    const plane = this.#planeOf(address.slice(0, address.indexOf(':')));
    if (plane === undefined) throw new OutriderError('OUT_TRANSPORT_UNREACHABLE', `${address}: no such data plane here`);
    return plane.connect(address, { signal });
  }
}
