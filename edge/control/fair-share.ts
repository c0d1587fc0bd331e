// Fair queueing between fleets (tenants) when a site is full: max-min fairness. Who has more than its share waits while somebody
// with less is waiting for a place. After Demers, Keshav and Shenker, 1989, with memory as the resource.
import { OutriderError } from '../../shared/errors.ts';

export interface TenantUse {
  readonly tenant: string;
  readonly memoryBytes: number;
}

/** A tenant that was turned away counts as waiting for so long [s]: rovers ask again every few seconds. */
const WAITING_SEC = 15;

export class FairShare {
  readonly #waiting = new Map<string, { untilSec: number; memoryBytes: number }>();

  /** There was no room for this tenant. */
  turnedAway(tenant: string, memoryBytes: number, nowSec: number): void {
    this.#waiting.set(tenant, { untilSec: nowSec + WAITING_SEC, memoryBytes });
  }

  served(tenant: string): void {
    this.#waiting.delete(tenant);
  }

  /**
   * Throws OUT_EDGE_QUOTA when `tenant` would go beyond its equal share of `totalBytes` while a tenant below its own share waits.
   * Without anybody waiting everything free may be used.
   */
  check(tenant: string, memoryBytes: number, use: readonly TenantUse[], totalBytes: number, nowSec: number): void {
    for (const [name, { untilSec }] of [...this.#waiting]) if (untilSec <= nowSec) this.#waiting.delete(name);
    const used = new Map<string, number>();
    for (const one of use) used.set(one.tenant, (used.get(one.tenant) ?? 0) + one.memoryBytes);
    const tenants = new Set([...used.keys(), ...this.#waiting.keys(), tenant]);
    const share = totalBytes / tenants.size;
    if ((used.get(tenant) ?? 0) + memoryBytes <= share) return;
    for (const [other, waiting] of this.#waiting) {
      if (other === tenant || (used.get(other) ?? 0) + waiting.memoryBytes > share) continue;
      throw new OutriderError(
        'OUT_EDGE_QUOTA',
        `${tenant} uses ${used.get(tenant) ?? 0} bytes of a fair share of ${Math.floor(share)}, and ${other}, which has less, waits for a place`,
      );
    }
  }
}
