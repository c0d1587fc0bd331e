// `outrider/rover`: a program of one's own as a rover of a site. It opens its modules on board, and from then on they can be offloaded.
import { randomBytes } from 'node:crypto';
import { memberClientId } from '../shared/bus/member-client-id.ts';
import { connectMqttBus, type MqttBusOptions } from '../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../shared/clock/system-clock.ts';
import type { ModuleBundle } from '../shared/elastic/bundle.ts';
import { ElasticModule, type ElasticModuleOptions } from '../shared/elastic/elastic-module.ts';
import { instantiateOnboard } from '../shared/elastic/instantiate.ts';
import type { HostFunctions } from '../shared/elastic/module-instance.ts';
import type { RemoteSite } from '../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../shared/elastic/transports/tcp.ts';
import { OutriderError } from '../shared/errors.ts';
import { SILENT_LOGGER } from '../shared/ports/logger.ts';
import type { MessageBus } from '../shared/ports/message-bus.ts';
import { openTracer } from '../shared/tracing/open-tracer.ts';
import { carriedBundles } from './offload/carried-bundles.ts';
import { keepMembership, roverMembership } from './rover-membership.ts';
import { OffloadHandler, type OffloadHandlerOptions } from './offload/offload-handler.ts';

export interface JoinOptions {
  /** `mqtt://host:1883`, `mqtts://…`, `ws://…`, `wss://…`: the broker of the site; with an identity, default as it says. */
  readonly broker?: string;
  /** Folder of the identity that enrolment made (`outrider site join`): TLS with its certificate everywhere. */
  readonly identity?: string;
  /** Id of the site; default `site`, as `outrider edge` has it. */
  readonly site?: string;
  /** Id of this rover, `[A-Za-z0-9_-]{1,64}`, unique at the site; with an identity, its. */
  readonly rover?: string;
  /** Rovers of one mission share the instances of shared modules; default `default`. */
  readonly mission?: string;
  /** What the site knows this rover by, where it asks for it. */
  readonly credential?: string;
  /** The bundles of all modules that are to be opened, as `readBundle` or `buildModule` gives them. */
  readonly bundles: readonly ModuleBundle[];
  /** PEM texts for mutual TLS with the broker; name and password where the broker asks for them. */
  readonly bus?: Pick<MqttBusOptions, 'tls' | 'username' | 'password' | 'connectTimeoutSec' | 'reconnectSec' | 'logger'>;
  /** Use a broker outside loopback without TLS, on a network that everybody on is trusted. */
  readonly insecure?: boolean;
  /** Picks among the offers of the site. */
  readonly choose?: OffloadHandlerOptions['choose'];
}

export interface OpenOptions extends Pick<
  ElasticModuleOptions,
  'latest' | 'defaultDeadlineMs' | 'reconnectSec' | 'upgradeEverySec' | 'createLocal'
> {
  /** Host functions that the module needs on board, by interface. */
  readonly host?: HostFunctions;
}

export interface JoinedSite {
  /** The connection to the broker, for messages of one's own. */
  readonly bus: MessageBus;
  /** Places at the edge, as the modules ask for them. */
  readonly edge: RemoteSite;
  /**
   * Opens a module on board; `H` is its generated handle. `module.offload()` and `module.recall()` move it, `module.handle` is the same
   * wherever it runs. Throws OUT_MODULE_BUNDLE for a module that is not among the bundles.
   */
  open<H>(name: string, options?: Partial<OpenOptions>): Promise<ElasticModule<H>>;
  /** Closes what was opened, gives places at the edge back, and leaves. */
  close(): Promise<void>;
}

/**
 * Joins a site. Rejects with OUT_BUS_UNREACHABLE or OUT_BUS_REFUSED, OUT_SITE_INSECURE for a broker elsewhere without TLS or identity,
 * OUT_SITE_FOLDER and OUT_SITE_KEY_PERMISSIONS for a broken identity.
 */
export async function joinSite(options: JoinOptions): Promise<JoinedSite> {
  const { mission = 'default', choose, bundles } = options;
  const membership = await roverMembership({
    ...(options.rover === undefined ? {} : { id: options.rover }),
    ...(options.site === undefined ? {} : { site: options.site }),
    ...(options.broker === undefined ? {} : { broker: options.broker }),
    ...(options.identity === undefined ? {} : { identity: options.identity }),
    insecure: options.bus?.tls !== undefined || options.insecure === true,
  });
  const { id: rover, site, broker, identity } = membership;
  const credential = options.credential ?? identity?.credential;
  const tls = identity?.tls ?? options.bus?.tls;
  const clock = new SystemClock();
  const carried = carriedBundles(bundles);
  const logger = options.bus?.logger ?? SILENT_LOGGER;
  const tracing = await openTracer({ service: 'outrider-rover', attributes: { site, rover } }, logger);
  const bus = await connectMqttBus({
    ...options.bus,
    url: broker,
    clientId: memberClientId('rover', rover),
    ...(tls === undefined ? {} : { tls }),
  });
  const handler = new OffloadHandler({
    site,
    mission,
    rover,
    session: randomBytes(4).toString('hex'),
    clock,
    bus,
    dataPlane: new TcpDataPlane(tls === undefined ? {} : { tls: { client: tls } }),
    bundles: carried,
    tracer: tracing.tracer,
    ...(credential === undefined ? {} : { credential }),
    ...(choose === undefined ? {} : { choose }),
  });
  await handler.start();
  const stopKeeping = keepMembership(membership, logger);
  const opened: ElasticModule<unknown>[] = [];
  return {
    bus,
    edge: handler,
    open: async <H>(name: string, { host = {}, ...more }: Partial<OpenOptions> = {}) => {
      const bundle = bundles.find(({ manifest }) => manifest.name === name) ?? missing(name, bundles);
      const module = new ElasticModule<H>({
        manifest: bundle.manifest,
        channelId: `${rover}-${name}`,
        clock,
        site: handler,
        tracer: tracing.tracer,
        createLocal: () => instantiateOnboard(bundle, host),
        ...more,
      });
      opened.push(module);
      await module.start();
      return module;
    },
    close: async () => {
      stopKeeping();
      for (const module of opened) await module.close();
      await handler.close();
      await bus.close();
      await tracing.close();
    },
  };
}

function missing(name: string, bundles: readonly ModuleBundle[]): never {
  const known = bundles.map(({ manifest }) => manifest.name).join(', ') || 'none';
  throw new OutriderError('OUT_MODULE_BUNDLE', `no bundle of ${name} was given to joinSite; given: ${known}`);
}
