// The elastic modules of a rover: the shared Map Server and its own Object Detection.
import type { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { MapServerHandle } from '../shared/modules/map-server/handle.ts';
import type { RoverState } from '../shared/protocol/rover.ts';

export interface RoverModulesOptions {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: ElasticModule<unknown>;
  /** Which latencies a device or network model makes: none on real rovers, those on board in live simulations, all on a virtual clock. */
  readonly modelled: 'none' | 'onboard' | 'all';
}

export class RoverModules {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: ElasticModule<unknown>;
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
    return [this.mapServer, this.detector].map((module) => {
      const { kind, hostId, epoch } = module.placement;
      const { calls, latencyMs } = module.stats;
      const latency = kind === 'onboard' ? latencyMs.onboard : latencyMs.edge;
      return {
        module: module.name,
        placement: kind === 'edge' ? (hostId ?? 'edge') : kind,
        epoch,
        calls: calls.onboard + calls.edge,
        latencyMs: latency === null ? null : latency.p50,
        modelled: modelled === 'all' || (modelled === 'onboard' && kind === 'onboard'),
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.mapServer.close(), this.detector.close()]);
  }
}
