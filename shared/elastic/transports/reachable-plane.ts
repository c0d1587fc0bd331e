// Chooses the way to an instance by what is reachable: the addresses of an instance in order of preference (direct first, MQTT last).
import { OutriderError } from '../../errors.ts';
import type { DataPlane } from '../../ports/data-plane.ts';
import type { Transport } from '../../ports/transport.ts';

/** A data plane by the scheme of its addresses: `tcp`, `tls`, `mqtt`, `in-process`. */
export type PlanesByScheme = Readonly<Record<string, DataPlane>>;

/** How to reach one instance, best way first; for `RemoteEndpoint.connect` and `connectBetter`. */
export class ReachablePlane {
  readonly #planes: PlanesByScheme;
  readonly #addresses: readonly string[];
  /** Which address each open transport came by. */
  readonly #rank = new WeakMap<Transport, number>();

  constructor(planes: PlanesByScheme, addresses: readonly string[]) {
    this.#planes = planes;
    this.#addresses = addresses;
  }

  /** The first address that answers. Rejects with OUT_TRANSPORT_UNREACHABLE, naming why each did not. */
  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<Transport> {
    const failures: string[] = [];
    const transport = await this.#first(this.#addresses.length, options, failures);
    if (transport !== null) return transport;
    throw new OutriderError('OUT_TRANSPORT_UNREACHABLE', failures.join('; ') || 'no address');
  }

  /** A connection by a better address than `current` has, or null. */
  connectBetter(current: Transport): Promise<Transport | null> {
    return this.#first(this.#rank.get(current) ?? 0, {}, []);
  }

  async #first(count: number, options: { readonly signal?: AbortSignal }, failures: string[]): Promise<Transport | null> {
    for (const [rank, address] of this.#addresses.slice(0, count).entries()) {
      const plane = this.#planes[address.slice(0, address.indexOf(':'))];
      if (plane === undefined) {
        failures.push(`${address}: no such data plane here`);
        continue;
      }
      try {
        const transport = await plane.connect(address, options);
        this.#rank.set(transport, rank);
        return transport;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        if (options.signal?.aborted === true) break;
      }
    }
    return null;
  }
}
