// Moves instances while they are in use: off a host that is being drained, and from busy hosts to idle ones.
// A rover's own instance is moved by its rover (which is advised to); a shared one by the manager, over a last checkpoint.
import type { MessageChannel } from '../../shared/bus/message-channel.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { HostPresent } from '../../shared/protocol/host.ts';
import { offloadAdvice } from '../../shared/protocol/offload.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import type { Failover } from './failover.ts';
import type { PlacementBook } from './placement-book.ts';
import { type ResourceManager, needsOf } from './resource-manager.ts';

export interface BalanceRule {
  /** Difference in price between the busiest and the idlest host that starts a rebalancing, and the one that ends it: hysteresis. */
  readonly startSpread: number;
  readonly stopSpread: number;
  /** How long the difference must last [s]: a burst is not worth a move. */
  readonly holdSec: number;
  /** Pause between two moves [s], so that the load shows the effect of the last. */
  readonly pauseSec: number;
}

export const DEFAULT_BALANCE: BalanceRule = { startSpread: 0.4, stopSpread: 0.15, holdSec: 10, pauseSec: 5 };

export interface EvacuationOptions {
  readonly site: string;
  readonly clock: Clock;
  readonly channel: MessageChannel;
  readonly book: PlacementBook;
  readonly failover: Failover;
  readonly resources: ResourceManager;
  readonly balance: BalanceRule;
}

/** A rover that does not follow is advised again after this [s]. */
const ADVICE_SEC = 3;

export class Evacuation {
  readonly #options: EvacuationOptions;
  readonly #advised = new Map<string, number>();
  #unevenSinceSec: number | null = null;
  #notBeforeSec = 0;
  #advisedMoves = 0;

  constructor(options: EvacuationOptions) {
    this.#options = options;
  }

  /** Moves for the sake of even load so far. */
  get rebalanced(): number {
    return this.#advisedMoves;
  }

  /** A host said what it has and runs. */
  hostChanged({ host, status }: HostPresent): void {
    if (status !== 'draining') return;
    const why = `${host} is being drained`;
    for (const record of this.#options.book.onHost(host)) {
      if (record.status !== 'running') continue;
      // Better slow where it is than nowhere.
      if (!this.#fits(record, host)) continue;
      if (record.rover === null) void this.#options.failover.move(record, why);
      else this.#advise(record, record.rover, null, why);
    }
  }

  /** Called about every second: one move at a time while the load of the hosts is uneven. */
  balance(): void {
    const { clock, resources, balance } = this.#options;
    const now = clock.nowSec();
    const hosts = resources.hosts().filter(({ status }) => status === 'online');
    const priced = hosts.map((status) => ({ status, price: resources.price(status) })).toSorted((a, b) => a.price - b.price);
    const [idlest, busiest] = [priced[0], priced.at(-1)];
    const spread = idlest === undefined || busiest === undefined ? 0 : busiest.price - idlest.price;
    if (this.#unevenSinceSec === null ? spread <= balance.startSpread : spread <= balance.stopSpread) {
      this.#unevenSinceSec = null;
      return;
    }
    this.#unevenSinceSec ??= now;
    if (now - this.#unevenSinceSec < balance.holdSec || now < this.#notBeforeSec || idlest === undefined || busiest === undefined) return;
    const movable = this.#busiestInstance(busiest.status, idlest.status.host);
    if (movable === null) return;
    this.#notBeforeSec = now + balance.pauseSec;
    const why = `${busiest.status.host} is busy (${busiest.price.toFixed(2)}), ${idlest.status.host} is not (${idlest.price.toFixed(2)})`;
    if (this.#advise(movable, movable.rover ?? '', idlest.status.host, why)) this.#advisedMoves += 1;
  }

  forget(instance: string): void {
    this.#advised.delete(instance);
  }

  /** The per-rover instance with the most calls that the other host can take: moving it helps most. */
  #busiestInstance(from: HostPresent, to: string): PlacementRecord | null {
    const calls = new Map(from.instances.map((hosted) => [hosted.instance, hosted.calls]));
    const records = this.#options.book.onHost(from.host).filter((record) => record.rover !== null && record.status === 'running');
    const ranked = records.toSorted((a, b) => (calls.get(b.instance) ?? 0) - (calls.get(a.instance) ?? 0));
    return ranked.find((record) => this.#fits(record, from.host, to)) ?? null;
  }

  #fits(record: PlacementRecord, exclude: string, to: string | null = null): boolean {
    const { fit } = this.#options.resources.candidates({
      needs: needsOf(record),
      tenant: record.tenant,
      digest: record.module.digest,
      exclude,
    });
    return to === null ? fit.length > 0 : fit.some(({ host }) => host === to);
  }

  #advise(record: PlacementRecord, rover: string, preferHost: string | null, reason: string): boolean {
    const { site, clock, channel } = this.#options;
    const { instance, epoch, host } = record;
    const now = clock.nowSec();
    if (host === null || now < (this.#advised.get(instance) ?? 0)) return false;
    this.#advised.set(instance, now + ADVICE_SEC);
    channel.tell(offloadAdvice, { site, rover }, { instance, epoch, leaveHost: host, preferHost, reason: reason.slice(0, 200) });
    return true;
  }
}
