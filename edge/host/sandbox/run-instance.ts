// One instance in this thread: the module's code, its shell, and the listener that fixed ends connect to. Both sandboxes use it.
import { InstanceShell } from '../../../shared/elastic/instance-shell.ts';
import { isOutriderError, OutriderError } from '../../../shared/errors.ts';
import type { ModuleInstance } from '../../../shared/elastic/module-instance.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataPlane } from '../../../shared/ports/data-plane.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { TokenAuthority } from '../../tokens.ts';
import { grantHostFunctions, type HostFunctionRegistry } from '../host-functions/host-function-source.ts';
import type { RunnableModule } from './module-loader.ts';
import type { InstanceStart, InstanceStats } from './sandbox.ts';

export interface RunPorts {
  readonly site: string;
  readonly clock: Clock;
  readonly dataPlane: Pick<DataPlane, 'listen'>;
  readonly registry: HostFunctionRegistry;
  /** Extra time [s] to hold a call's result back: the device model of a simulated host. */
  readonly holdBackSec?: (task: string) => number;
  /** Wraps the instance, e.g. to watch how long its calls take. */
  readonly guard?: (instance: ModuleInstance) => ModuleInstance;
}

export interface RunningInstance {
  readonly address: string;
  stats(): InstanceStats;
  freeze(): Promise<Uint8Array>;
  /** A call by the host; encoded arguments and result. */
  invoke(functionName: string, args: Uint8Array): Promise<Uint8Array>;
  /** These rovers may not use it (any more). */
  revoke(rovers: readonly string[]): void;
  /** A fixed end that did not come to the address. */
  accept(transport: Transport): void;
  close(): Promise<void>;
}

/** How soon a call's effect is durable: the recovery-point objective of shared instances without acknowledgement; replay covers the rest. */
const CHECKPOINT_EVERY_SEC = 1;
const CHECKPOINT_EVERY_CALLS = 64;

export async function runInstance(module: RunnableModule, start: InstanceStart, ports: RunPorts): Promise<RunningInstance> {
  const { instance: instanceId, epoch, key, mission, grants, checkpoint, held, storeCheckpoint } = start;
  const { site, clock, dataPlane, registry, holdBackSec, guard } = ports;
  const context = { site, mission, instance: instanceId, nowSec: () => clock.nowSec(), emit: start.onEffect };
  const host = await clock.hold(grantHostFunctions(module.manifest, grants, registry, context));
  const made = await clock.hold(module.instantiate(host));
  const instance = guard?.(made) ?? made;
  const name = module.manifest.name;
  const authority = new TokenAuthority(key, start.revoked);
  const shell = new InstanceShell({
    manifest: module.manifest,
    instance,
    clock,
    instanceId,
    epoch,
    embryo: checkpoint === null,
    held,
    authorize: (hello) => authority.authorize(hello),
    checkpointEverySec: CHECKPOINT_EVERY_SEC,
    checkpointEveryCalls: CHECKPOINT_EVERY_CALLS,
    ...(storeCheckpoint === null ? {} : { storeCheckpoint: fenceAware(storeCheckpoint) }),
    ...(holdBackSec === undefined ? {} : { holdBackSec: (functionName: string) => holdBackSec(`${name}.${functionName}`) }),
    onFault: start.onFailed,
    onActivated: start.onActivated,
    onRetired: start.onRetired,
  });
  if (checkpoint !== null) shell.restore(checkpoint);
  const listener = await dataPlane.listen(`${instanceId}-${epoch}`, (transport) => shell.accept(transport));
  return {
    address: listener.address,
    stats: () => ({ ...shell.stats, memoryBytes: instance.memoryBytes() }),
    freeze: () => shell.freeze(),
    invoke: (functionName, args) => shell.invoke(functionName, args),
    accept: (transport) => shell.accept(transport),
    revoke: (rovers) => {
      authority.revoke(rovers);
      shell.dismiss((channelId) => authority.isRevoked(channelId));
    },
    close: async () => {
      await listener.close();
      await shell.close();
    },
  };
}

/** The runtime's word for a store that knows a newer incarnation. */
function fenceAware(store: (bytes: Uint8Array) => Promise<void>): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    try {
      await store(bytes);
    } catch (error) {
      if (!isOutriderError(error, 'OUT_EDGE_FENCED')) throw error;
      throw new OutriderError('OUT_ELASTIC_RETIRED', error.message, { cause: error });
    }
  };
}
