// Places that were offered or reserved and do not run yet. Each lapses by itself.
import type { HostedInstance } from '../../shared/protocol/host.ts';
import type { ModuleReference, OffloadRequest } from '../../shared/protocol/offload.ts';

/** How long a rover may take to bring what was reserved [s]. */
export const RESERVATION_VALID_SEC = 30;

export type Negotiation = Extract<OffloadRequest, { kind: 'negotiate' }>;

export interface Reservation {
  readonly instance: string;
  readonly tenant: string;
  readonly request: Negotiation;
  /** Offer id → host, best first. */
  readonly offers: ReadonlyMap<string, string>;
  /** The host that reserved it, once an offer was taken. */
  host: string | null;
  untilSec: number;
}

export class Reservations {
  readonly #byInstance = new Map<string, Reservation>();

  all(): Reservation[] {
    return [...this.#byInstance.values()];
  }

  add(reservation: Reservation): void {
    this.#byInstance.set(reservation.instance, reservation);
  }

  /** A place that a host keeps for a rover at the word of an earlier manager: its rover is on its way. */
  adopt(host: string, hosted: HostedInstance, nowSec: number): void {
    const { instance, tenant, module, mission, epoch, memoryMaxBytes, requestedBy } = hosted;
    const needs = { memoryBytes: memoryMaxBytes, accelerator: false, hostInterfaces: [], maxLatencyMs: null };
    const asked = { rover: requestedBy ?? '', credential: null, reason: '', preferHost: null, excludeHost: null };
    const request: Negotiation = { kind: 'negotiate', id: instance, ...asked, mission, module, needs, epoch };
    this.add({ instance, tenant, request, offers: new Map(), host, untilSec: nowSec + RESERVATION_VALID_SEC });
  }

  get(instance: string): Reservation | null {
    return this.#byInstance.get(instance) ?? null;
  }

  remove(instance: string): void {
    this.#byInstance.delete(instance);
  }

  byOffer(offer: string): Reservation | null {
    return this.all().find((reservation) => reservation.offers.has(offer)) ?? null;
  }

  /** Who is bringing a shared module just now. */
  bringing(mission: string, module: ModuleReference, tenant: string): Reservation | null {
    return (
      this.all().find(
        ({ request, tenant: owner }) =>
          request.module.sharing === 'shared' && request.mission === mission && request.module.name === module.name && owner === tenant,
      ) ?? null
    );
  }

  /** Offers of a rover for a module that it did not take: it asks anew, so they are void. */
  dropOffers(rover: string, module: string): Reservation[] {
    return this.#drop(
      (reservation) => reservation.host === null && reservation.request.rover === rover && reservation.request.module.name === module,
    );
  }

  dropOnHost(host: string): Reservation[] {
    return this.#drop((reservation) => reservation.host === host);
  }

  expire(nowSec: number): Reservation[] {
    return this.#drop((reservation) => reservation.untilSec <= nowSec);
  }

  #drop(condition: (reservation: Reservation) => boolean): Reservation[] {
    const dropped = this.all().filter(condition);
    for (const { instance } of dropped) this.#byInstance.delete(instance);
    return dropped;
  }
}
