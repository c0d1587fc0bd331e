// An edge site inside one process, everything through ports: what headless runs use, and what tests build on.
// Live sites run the same manager and host code, with hosts as processes of their own (start-site.ts).
import type { Clock } from '../shared/ports/clock.ts';
import type { DataPlane } from '../shared/ports/data-plane.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { SILENT_LOGGER } from '../shared/ports/logger.ts';
import type { LastWill, MessageBus } from '../shared/ports/message-bus.ts';
import type { Tracer } from '../shared/ports/tracer.ts';
import { trustEveryone } from './control/authenticator.ts';
import { type CheckpointStore, MemoryCheckpointStore } from './control/checkpoint-store.ts';
import type { ManagerOptions } from './control/manager-options.ts';
import { MemoryModuleRepository, type ModuleRepository } from './control/module-repository.ts';
import { OffloadManager } from './control/offload-manager.ts';
import { EdgeHost, hostWill } from './host/edge-host.ts';
import type { HostNetworks, HostResources } from './host/host-ports.ts';
import { DEFAULT_LIMITS, type InstanceLimits, type Sandbox } from './host/sandbox/sandbox.ts';

export interface SiteHost {
  readonly host: string;
  readonly dataPlane: DataPlane;
  readonly sandbox: Sandbox;
  /** Absent: the host shares no networks. */
  readonly networks?: HostNetworks;
  readonly resources: HostResources;
  readonly grants: readonly string[];
  /** Fleets whose modules alone run there; absent: any. */
  readonly tenants?: readonly string[];
  readonly limits?: InstanceLimits;
}

export interface EdgeSiteOptions {
  readonly site: string;
  readonly clock: Clock;
  /** Connects a client of the site to the broker; `node` is where it runs: `manager` or the host's id. */
  readonly connectBus: (clientId: string, options: { readonly node: string; readonly will?: LastWill }) => Promise<MessageBus>;
  readonly hosts: readonly SiteHost[];
  /** 32 bytes; in simulation any fixed ones. */
  readonly siteKey: Uint8Array;
  /** New with each start; fixed in simulation. */
  readonly session: string;
  readonly manager?: Partial<Omit<ManagerOptions, 'site' | 'clock' | 'bus' | 'siteKey' | 'session'>>;
  readonly repository?: ModuleRepository;
  readonly checkpoints?: CheckpointStore;
  readonly logger?: Logger;
  /** Of the hosts (the manager's is among its options). */
  readonly hostTracer?: Tracer;
}

export interface EdgeSite {
  readonly manager: OffloadManager;
  readonly hosts: ReadonlyMap<string, EdgeHost>;
  /** Ends a host as a crash would: no goodbye, nothing saved. Its connections are the caller's to cut (the simulated network's). */
  crashHost(host: string): Promise<void>;
  close(): Promise<void>;
}

export async function createEdgeSite(options: EdgeSiteOptions): Promise<EdgeSite> {
  const { site, clock, connectBus, siteKey, session } = options;
  const logger = options.logger ?? SILENT_LOGGER;
  const repository = options.repository ?? new MemoryModuleRepository();
  const checkpoints = options.checkpoints ?? new MemoryCheckpointStore();
  const buses: MessageBus[] = [];
  const hosts = new Map<string, EdgeHost>();
  const managerBus = await connectBus(`manager-${site}`, { node: 'manager' });
  buses.push(managerBus);
  const manager = new OffloadManager({
    authenticate: trustEveryone,
    logger: logger.child({ part: 'manager' }),
    ...options.manager,
    site,
    clock,
    bus: managerBus,
    siteKey,
    session,
  });
  for (const { host, dataPlane, sandbox, networks, resources, grants, tenants, limits } of options.hosts) {
    const hostSession = `${session}-${host}`.slice(0, 64);
    const bus = await connectBus(`host-${host}`, { node: host, will: hostWill(site, host, hostSession) });
    buses.push(bus);
    const edgeHost = new EdgeHost({
      site,
      host,
      clock,
      ...(options.hostTracer === undefined ? {} : { tracer: options.hostTracer }),
      bus,
      dataPlane,
      sandbox,
      ...(networks === undefined ? {} : { networks }),
      repository,
      checkpoints,
      resources,
      grants,
      ...(tenants === undefined ? {} : { tenants }),
      session: hostSession,
      limits: limits ?? DEFAULT_LIMITS,
      logger: logger.child({
        part: 'host',
        host,
      }),
    });
    await edgeHost.start();
    hosts.set(host, edgeHost);
  }
  await manager.start();
  return {
    manager,
    hosts,
    crashHost: async (host) => {
      await hosts.get(host)?.abandon();
      hosts.delete(host);
    },
    close: async () => {
      for (const host of hosts.values()) await host.close();
      await manager.close();
      for (const { sandbox } of options.hosts) await sandbox.close();
      for (const bus of buses) await bus.close();
    },
  };
}
