// Keeps the placement book true to what the hosts say: instances that begin to run, fail, move away, or are lost with their host.
import type { Clock } from '../../shared/ports/clock.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { HostedInstance, HostPresent } from '../../shared/protocol/host.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';
import type { Failover } from './failover.ts';
import type { HostCommander } from './host-commander.ts';
import { COMMAND_TIMEOUT_SEC } from './manager-options.ts';
import type { PlacementBook } from './placement-book.ts';
import type { Reservations } from './reservations.ts';
import type { ResourceManager } from './resource-manager.ts';

export interface PlacementKeeperOptions {
  readonly book: PlacementBook;
  readonly failover: Failover;
  readonly hosts: HostCommander;
  readonly reservations: Reservations;
  readonly resources: () => ResourceManager;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tellLost: (mission: string, text: string) => void;
}

/** How long a record may be without a host that says anything [s]: hosts speak every second. */
const ORPHAN_GRACE_SEC = 1.2;

export class PlacementKeeper {
  readonly #options: PlacementKeeperOptions;
  readonly #orphanSinceSec = new Map<string, number>();

  constructor(options: PlacementKeeperOptions) {
    this.#options = options;
  }

  get book(): PlacementBook {
    return this.#options.book;
  }

  /** A host said what it runs. */
  hostChanged(status: HostPresent): void {
    const { book, failover } = this.#options;
    for (const hosted of status.instances) this.#observe(status.host, hosted);
    const listed = new Set(status.instances.map(({ instance }) => instance));
    for (const record of book.onHost(status.host)) {
      if (!listed.has(record.instance) && record.status === 'running') this.#lost(record, `${status.host} does not run it any more`);
    }
    failover.step();
  }

  hostLost(host: string, why: string): void {
    const { book, reservations, resources, logger, tellLost } = this.#options;
    logger.warn({ host, why }, 'edge host lost');
    for (const { instance } of reservations.dropOnHost(host)) resources().settle(instance);
    const records = book.onHost(host);
    for (const mission of new Set(records.map((record) => record.mission))) tellLost(mission, `${host} is lost: ${why}`);
    for (const record of records) this.#lost(record, `${host} was lost: ${why}`);
  }

  /** A new manager: looks after what its predecessor had under way, and what was on hosts that are gone by now. */
  adoptOrphans(): void {
    const { book, failover, resources } = this.#options;
    for (const record of book.all()) {
      if (record.status === 'restarting') failover.begin(record, 'the manager changed while it was being restarted');
      else if (record.host === null || resources().host(record.host) === null) this.#lost(record, `${record.host ?? 'its host'} is gone`);
    }
  }

  /**
   * Called about every second: looks after records that nobody looks after. A new manager may get what the broker retains, and what
   * hosts say, later than it began to act.
   */
  tendOrphans(): void {
    const { book, failover, resources, clock } = this.#options;
    const now = clock.nowSec();
    const orphans = new Set<string>();
    for (const record of book.all()) {
      const tended = record.status === 'restarting' ? failover.tends(record.instance) : this.#isPresent(record, resources());
      if (tended) continue;
      orphans.add(record.instance);
      const since = this.#orphanSinceSec.get(record.instance) ?? now;
      this.#orphanSinceSec.set(record.instance, since);
      if (now - since < ORPHAN_GRACE_SEC) continue;
      this.#orphanSinceSec.delete(record.instance);
      if (record.status === 'restarting') failover.begin(record, 'the manager changed while it was being restarted');
      else this.#lost(record, `${record.host ?? 'its host'} is gone`);
    }
    for (const instance of this.#orphanSinceSec.keys()) if (!orphans.has(instance)) this.#orphanSinceSec.delete(instance);
  }

  #isPresent({ host }: PlacementRecord, resources: ResourceManager): boolean {
    return host !== null && resources.host(host) !== null;
  }

  /** Ends every instance of a mission. */
  endMission(mission: string): void {
    const { book } = this.#options;
    for (const { instance, host, epoch } of book.all().filter((record) => record.mission === mission)) {
      this.forget(instance);
      if (host !== null) this.#stop(host, instance, epoch, 'discard');
    }
  }

  /** The instance is over: nobody is to bring it back. */
  forget(instance: string): void {
    this.#options.book.remove(instance);
    this.#options.failover.forget(instance);
  }

  #observe(host: string, hosted: HostedInstance): void {
    const { book } = this.#options;
    const { instance, epoch, state } = hosted;
    const record = book.get(instance);
    if (state === 'running') {
      const obsolete = record === null ? book.isGone(instance) : epoch < record.epoch;
      // What the store has of a newer incarnation, or of one that is about to be, must outlive the old one.
      if (obsolete) this.#stop(host, instance, epoch, record === null ? 'discard' : 'leave');
      else if (record === null || epoch > record.epoch || (record.status === 'running' && record.host !== host)) this.#runs(host, hosted);
      return;
    }
    if (state === 'reserved' || state === 'preparing' || state === 'embryo') {
      const { reservations, clock } = this.#options;
      if (record === null && reservations.get(instance) === null && !book.isGone(instance))
        reservations.adopt(host, hosted, clock.nowSec());
      return;
    }
    if (record === null || record.host !== host || record.epoch !== epoch) return;
    if (state === 'failed') this.#lost(record, `it failed on ${host}`);
    else if (state === 'retired') this.forget(instance);
  }

  #runs(host: string, hosted: HostedInstance): void {
    const { book, reservations, resources, logger } = this.#options;
    const { instance, module, mission, rover, tenant, epoch, memoryMaxBytes, addresses } = hosted;
    const needs = reservations.get(instance)?.request.needs;
    const known = book.get(instance);
    reservations.remove(instance);
    resources().settle(instance);
    book.put({
      instance,
      module,
      mission,
      rover,
      tenant,
      epoch,
      memoryMaxBytes,
      host,
      status: 'running',
      addresses: [...addresses],
      needsAccelerator: needs?.accelerator ?? known?.needsAccelerator ?? false,
      hostInterfaces: [...(needs?.hostInterfaces ?? known?.hostInterfaces ?? [])],
    });
    logger.info({ instance, module: module.name, host, epoch, rover }, 'instance runs');
  }

  #lost(record: PlacementRecord, why: string): void {
    // The rover brings its own instance back on board from the checkpoint that it holds.
    if (record.rover === null) this.#options.failover.begin(record, why);
    else this.forget(record.instance);
  }

  #stop(host: string, instance: string, epoch: number, checkpoint: 'leave' | 'discard'): void {
    this.#options.hosts
      .command(host, { kind: 'stop', instance, epoch, checkpoint }, COMMAND_TIMEOUT_SEC)
      .catch((error: unknown) => this.#options.logger.debug({ host, instance, error: (error as Error).message }, 'stop not answered'));
  }
}
