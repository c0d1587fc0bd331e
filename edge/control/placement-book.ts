// The manager's record of which instance runs where, kept as retained messages: a new manager reads it back from the broker.
import type { MessageChannel } from '../../shared/bus/message-channel.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { placement, type PlacementRecord } from '../../shared/protocol/placement.ts';

export class PlacementBook {
  readonly #channel: MessageChannel;
  readonly #site: string;
  readonly #clock: Clock;
  readonly #records = new Map<string, PlacementRecord>();
  /** Instances that were given back: a host's status that still lists them must not bring them back. */
  readonly #gone = new Set<string>();

  constructor(options: { readonly channel: MessageChannel; readonly site: string; readonly clock: Clock }) {
    this.#channel = options.channel;
    this.#site = options.site;
    this.#clock = options.clock;
  }

  /** Reads what an earlier manager left; later, messages that are not our own word are corrected. */
  async start(): Promise<void> {
    await this.#channel.on(placement, { site: this.#site }, (record) => {
      const mine = this.#records.get(record.instance);
      if (mine !== undefined || this.#gone.has(record.instance)) return;
      this.#records.set(record.instance, record);
      // Now it is this manager's to remember: a broker that comes back empty is told again what its client had said, not what it had read.
      this.#channel.tell(placement, { site: this.#site, instance: record.instance }, record);
    });
  }

  /** By instance id. */
  all(): PlacementRecord[] {
    return [...this.#records.values()].toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  }

  get(instance: string): PlacementRecord | null {
    return this.#records.get(instance) ?? null;
  }

  /** The shared instance of a module in a mission. */
  shared(mission: string, module: string, tenant: string): PlacementRecord | null {
    const found = this.all().filter(
      (record) =>
        record.module.sharing === 'shared' && record.mission === mission && record.module.name === module && record.tenant === tenant,
    );
    return found.toSorted((a, b) => b.epoch - a.epoch)[0] ?? null;
  }

  onHost(host: string): PlacementRecord[] {
    return this.all().filter((record) => record.host === host);
  }

  isGone(instance: string): boolean {
    return this.#gone.has(instance);
  }

  put(record: Omit<PlacementRecord, 'stampSec'>): void {
    const stamped = { ...record, stampSec: this.#clock.nowSec() };
    this.#records.set(record.instance, stamped);
    this.#channel.tell(placement, { site: this.#site, instance: record.instance }, stamped);
  }

  remove(instance: string): void {
    this.#gone.add(instance);
    if (!this.#records.delete(instance)) return;
    this.#channel.clear(placement, { site: this.#site, instance }).catch(() => undefined);
  }
}
