// Admission control: what each fleet (tenant) may use of a site, so that one cannot crowd out another.
import { OutriderError } from '../../shared/errors.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';

export interface TenantQuota {
  readonly maxInstances: number;
  readonly maxMemoryBytes: number;
}

/** By tenant; `default` is for tenants not listed. None: no limit but the hosts'. */
export type TenantQuotas = Readonly<Record<string, TenantQuota>>;

/** Throws OUT_EDGE_QUOTA when one more instance of `memoryBytes` would be too much for the tenant. */
export function checkQuota(tenant: string, memoryBytes: number, records: readonly PlacementRecord[], quotas: TenantQuotas): void {
  const quota = quotas[tenant] ?? quotas['default'];
  if (quota === undefined) return;
  const used = records.filter((record) => record.tenant === tenant);
  if (used.length >= quota.maxInstances) {
    throw new OutriderError('OUT_EDGE_QUOTA', `${tenant} runs ${used.length} of ${quota.maxInstances} instances`);
  }
  const memory = used.reduce((sum, record) => sum + record.memoryMaxBytes, 0);
  if (memory + memoryBytes > quota.maxMemoryBytes) {
    throw new OutriderError(
      'OUT_EDGE_QUOTA',
      `${tenant} uses ${memory} of ${quota.maxMemoryBytes} bytes, and ${memoryBytes} more are asked for`,
    );
  }
}
