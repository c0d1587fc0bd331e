// The elastic modules of a rover: the shared Map Server and its own Object Detection.
import type { ElasticModule } from '../shared/elastic/elastic-module.ts';
import type { MapServerHandle } from '../shared/modules/map-server/handle.ts';
import type { ObjectDetectorHandle } from '../shared/modules/object-detection/handle.ts';
import type { Clock, Timer } from '../shared/ports/clock.ts';
import type { RoverState } from '../shared/protocol/rover.ts';

export interface RoverModulesOptions {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: ElasticModule<ObjectDetectorHandle>;
  readonly clock: Clock;
  /** `edge`: the Map Server is offloaded (or joined, where it runs already) at the start. */
  readonly mapServerPlacement: 'edge' | 'onboard';
  /** True where on-board latencies come from a device model. */
  readonly modelled: boolean;
}

/** A refused or failed offload of the Map Server is tried again after this long. */
const RETRY_SEC = 3;

export class RoverModules {
  readonly mapServer: ElasticModule<MapServerHandle>;
  readonly detector: ElasticModule<ObjectDetectorHandle>;
  readonly #options: RoverModulesOptions;
  #retry: Timer | null = null;
  #closed = false;

  constructor(options: RoverModulesOptions) {
    this.#options = options;
    this.mapServer = options.mapServer;
    this.detector = options.detector;
  }

  /** Starts both on board, then moves the Map Server to the edge if it is to be there. */
  async start(): Promise<void> {
    await this.mapServer.start();
    await this.detector.start();
    if (this.#options.mapServerPlacement === 'edge') await this.#placeMapServer();
  }

  /** For telemetry. */
  placements(): RoverState['modules'] {
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
        modelled: this.#options.modelled,
      };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.stop();
    await Promise.all([this.mapServer.close(), this.detector.close()]);
  }

  async #placeMapServer(): Promise<void> {
    const report = await this.mapServer.offload({ reason: 'shared by the mission' });
    if (report.outcome === 'moved' || report.outcome === 'unneeded' || this.#closed) return;
    this.#retry = this.#options.clock.after(RETRY_SEC, () => void this.#placeMapServer());
  }
}
