// A rover of a live site in tests: real broker, real sockets, and one elastic module behind its Offload Handler.
import { randomBytes } from 'node:crypto';
import { OffloadHandler } from '../../robot/offload/offload-handler.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../../shared/elastic/instantiate.ts';
import type { HostFunctions, ModuleInstance } from '../../shared/elastic/module-instance.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { OutriderError } from '../../shared/errors.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';

export interface LiveRover<H> {
  readonly module: ElasticModule<H>;
  readonly handler: OffloadHandler;
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
  const { rover, brokerUrl, bundle, site = 'test', mission = 'drill' } = options;
  const clock = new SystemClock();
  const bus = await connectMqttBus({ url: brokerUrl, clientId: `rover-${rover}`, reconnectSec: 0.2 });
  const encoded = encodeBundle(bundle);
  const handler = new OffloadHandler({
    ...{ site, mission, rover, clock, bus },
    session: randomBytes(4).toString('hex'),
    dataPlane: new TcpDataPlane(),
    bundles: {
      get: (manifest) => {
        if (manifest.name !== bundle.manifest.name) throw new OutriderError('OUT_MODULE_BUNDLE', `${manifest.name} is not carried`);
        return { digest: bundle.digest, bytes: encoded.byteLength, encoded: () => encoded };
      },
    },
  });
  await handler.start();
  const module = new ElasticModule<H>({
    manifest: bundle.manifest,
    channelId: `${rover}-${bundle.manifest.name}`,
    clock,
    site: handler,
    createLocal: options.createLocal ?? (() => instantiateOnboard(bundle, options.host ?? {})),
  });
  await module.start();
  return {
    ...{ module, handler, bus },
    close: async () => {
      await module.close();
      await handler.close();
      await bus.close();
    },
  };
}
