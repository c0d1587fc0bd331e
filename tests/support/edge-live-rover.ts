// A rover of a live site in tests: real broker, real sockets, and one elastic module behind its Offload Handler.
import { joinSite } from '../../robot/join-site.ts';
import type { ModuleBundle } from '../../shared/elastic/bundle.ts';
import type { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { HostFunctions, ModuleInstance } from '../../shared/elastic/module-instance.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';

export interface LiveRover<H> {
  readonly module: ElasticModule<H>;
  readonly handler: RemoteSite;
  readonly bus: MessageBus;
  close(): Promise<void>;
}

export async function liveRover<H>(options: {
  readonly rover: string;
  readonly brokerUrl: string;
  readonly bundle: ModuleBundle;
  readonly site?: string;
  readonly mission?: string;
  readonly host?: HostFunctions;
  /** Default: the module itself, on board. */
  readonly createLocal?: () => Promise<ModuleInstance>;
}): Promise<LiveRover<H>> {
  const { rover, brokerUrl, bundle, site = 'test', mission = 'drill', host, createLocal } = options;
  const joined = await joinSite({ broker: brokerUrl, site, mission, rover, bundles: [bundle], bus: { reconnectSec: 0.2 } });
  const module = await joined.open<H>(bundle.manifest.name, {
    ...(host === undefined ? {} : { host }),
    ...(createLocal === undefined ? {} : { createLocal }),
  });
  return { module, handler: joined.edge, bus: joined.bus, close: () => joined.close() };
}
