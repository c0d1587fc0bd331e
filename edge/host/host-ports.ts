// What an edge host is made of; everything that touches the world comes through a port.
import type { OpenNetwork } from '../../shared/onnx/ort-session.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { DataPlane } from '../../shared/ports/data-plane.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import type { Tracer } from '../../shared/ports/tracer.ts';
import type { CheckpointStore } from '../control/checkpoint-store.ts';
import type { ModuleRepository } from '../control/module-repository.ts';
import type { InstanceLimits, Sandbox } from './sandbox/sandbox.ts';

/** What the machine has and how busy it is. */
export interface HostResources {
  readonly cores: number;
  /** What the host gives to modules [bytes]. */
  readonly memoryTotalBytes: number;
  readonly instancesMax: number;
  readonly accelerator: string | null;
  /** Busy share of all cores; above 1 work is waiting. */
  loadFraction(): number;
}

/** Where a host computes its parts of networks that rovers share with it. */
export interface HostNetworks {
  readonly open: OpenNetwork;
  /** Extra time [s] to hold a result of `<module>.detect` back, by the share of the network: the device model of a simulated host. */
  readonly holdBackSec?: (task: string, share: number) => number;
}

export interface HostPorts {
  readonly site: string;
  readonly host: string;
  /** New with each start of the process, and greater than the ones before. */
  readonly session: string;
  readonly clock: Clock;
  readonly bus: MessageBus;
  readonly dataPlane: DataPlane;
  /** The way in for rovers that reach the broker only; absent: there is none. */
  readonly overBroker?: DataPlane;
  readonly sandbox: Sandbox;
  /** Absent: this host shares no networks. */
  readonly networks?: HostNetworks;
  readonly repository: ModuleRepository;
  readonly checkpoints: CheckpointStore;
  readonly resources: HostResources;
  /** Host interfaces that the site grants to modules. */
  readonly grants: readonly string[];
  /** Fleets whose modules alone run here; absent: any. */
  readonly tenants?: readonly string[];
  readonly limits: InstanceLimits;
  readonly logger: Logger;
  /** Goes on with the traces of rovers; default: nothing is traced. */
  readonly tracer?: Tracer;
}
