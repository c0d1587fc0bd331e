// The elastic modules of a rover: the shared Map Server and its own Object Detection.
import type { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { MapServerHandle } from '../shared/modules/map-server/handle.ts';
import type { RoverState } from '../shared/protocol/rover.ts';

/** What a rover needs of a module: an elastic one, or a detector whose network is shared with a host. */
export type RoverModule = Pick<ElasticModule<unknown>, 'name' | 'placement' | 'stats' | 'start' | 'close' | 'offload' | 'recall' | 'on'> & {
  readonly sharing?: RoverState['modules'][number]['shared'] | null;
};

export interface RoverModulesOptions {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: RoverModule;
  /** Which latencies a device or network model makes: none on real rovers, those on board in live simulations, all on a virtual clock. */
  readonly modelled: 'none' | 'onboard' | 'all';
}

export class RoverModules {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: RoverModule;
  readonly #options: RoverModulesOptions;

  constructor(options: RoverModulesOptions) {
    this.#options = options;
    this.mapServer = options.mapServer;
    this.detector = options.detector;
  }

  /** Starts both on board. */
  async start(): Promise<void> {
    await this.mapServer.start();
    await this.detector.start();
  }

  /** For telemetry. */
  placements(): RoverState['modules'] {
    const { modelled } = this.#options;
    return [this.mapServer, this.detector].map((module: RoverModule) => {
      const { kind, hostId, epoch } = module.placement;
      const { calls, latencyMs } = module.stats;
      const latency = kind === 'onboard' ? latencyMs.onboard : latencyMs.edge;
      return {
        module: module.name,
        placement: kind === 'edge' ? (hostId ?? 'edge') : kind,
        epoch,
        calls: calls.onboard + calls.edge,
        ...(module.sharing ? { shared: module.sharing } : {}),
        latencyMs: latency === null ? null : latency.p50,
        modelled: modelled === 'all' || (modelled === 'onboard' && kind === 'onboard'),
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.mapServer.close(), this.detector.close()]);
  }
}
