// A live edge site: broker, manager and gateway in this process, each edge host in one of its own.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../shared/clock/system-clock.ts';
import { OutriderError } from '../shared/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { readSiteFile } from '../shared/security/private-file.ts';
import { openTracer } from '../shared/tracing/open-tracer.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from './broker/embedded-broker.ts';
import { plannedHosts, type SiteConfig } from './config.ts';
import type { OffloadManager } from './control/offload-manager.ts';
import { externalBroker } from './gateway/external-broker.ts';
import { type Gateway, startGateway } from './gateway/gateway.ts';
import { type HostProcess, superviseHost } from './host-processes.ts';
import type { HostProcessConfig } from './host/process-config.ts';
import { localHost } from './local-host.ts';
import { pinoLogger } from './logging.ts';
import { startManagerService } from './manager-service.ts';
import { keepServerCertificate } from './security/server-certificate.ts';
import { openSite, renewServer, SITE_FILES, type SiteSecurity } from './security/site-folder.ts';
import {
  advertisedHost,
  gatewaySecurity,
  reachableUrl,
  type SecurityPosture,
  securityPosture,
  showRenewed,
  watchRevocations,
} from './site-security.ts';

export interface LiveSite {
  /** Of the gateway: dashboard, REST, `/mqtt`. */
  readonly url: string;
  /** What rovers connect to. */
  readonly brokerUrl: string;
  /** Throws OUT_EDGE_FENCED while another process's manager acts. */
  readonly manager: OffloadManager;
  readonly hosts: readonly HostProcess[];
  /** Takes the embedded broker away and brings it back, as an outage would. No-ops with an external broker. */
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  close(): Promise<void>;
}

export interface StartSiteOptions {
  /** Whose seconds the events of the site are stamped with; default real time from now. */
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Built dashboard, from the built file (dist/edge/) and from the source tree (edge/). */
const DASHBOARD = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/dashboard' : '../dashboard', import.meta.url));

export async function startEdgeSite(config: SiteConfig, options: StartSiteOptions = {}): Promise<LiveSite> {
  const { site, listen } = config;
  const logger = options.logger ?? pinoLogger(config.logLevel, { site });
  const clock = options.clock ?? new SystemClock();
  const undo: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const siteKey = await siteKeyOf(config.data);
    if (config.security !== null && (await renewServer(config.security.folder, new Date())))
      logger.info({ folder: config.security.folder }, 'the certificate of the site was renewed');
    const security = config.security === null ? null : await openSite(config.security.folder);
    const posture = securityPosture(config, security, randomBytes(24).toString('base64url'));
    const broker = config.broker === null ? await restartableBroker(config, posture, logger) : null;
    if (broker !== null) undo.push(() => broker.stop());
    const brokerUrl = config.broker ?? `${security === null ? 'mqtt' : 'mqtts'}://${localHost(listen)}:${broker?.port}`;
    const { credentials, tls, authenticate } = posture;
    const visitor = { role: config.rovers === null ? 'operator' : 'viewer', name: 'anonymous' } as const;
    const ofGateway = { site, brokerUrl, tls, credentials, visitor, clock: new SystemClock(), logger: logger.child({ part: 'gateway' }) };
    const external = broker === null ? externalBroker(ofGateway) : null;
    const session = randomBytes(4).toString('hex');
    const tracing = await openTracer({ service: 'outrider-manager', attributes: { site } }, logger);
    undo.push(() => tracing.close());
    const service = !config.manager
      ? null
      : await startManagerService({
          site,
          session,
          brokerUrl,
          credentials,
          tls,
          logger: logger.child({ part: 'manager' }),
          manager: { site, clock, siteKey, session, quotas: config.quotas, authenticate, tracer: tracing.tracer },
        });
    if (service !== null) undo.push(() => service.close());
    if (security !== null) {
      undo.push(
        await watchRevocations({
          site,
          session,
          security,
          brokerUrl,
          credentials,
          clock,
          logger,
          cut: (matches) => (external ?? broker)?.cutIdentity(matches),
        }),
      );
    }
    const trustedKeys = await trustedKeysOf(config, security);
    // All of them settle first, so that what did start is ended when another one does not.
    const settled = await Promise.allSettled(
      plannedHosts(config).map(async ({ name, settings, limits }, turn) => {
        const host = await superviseHost(hostConfig(config, { name, settings, brokerUrl, trustedKeys }, posture), { logger, limits, turn });
        undo.push(() => host.stop());
        return host;
      }),
    );
    const hosts = settled.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    const gatewayPort = (): number => gateway.port;
    const gateway: Gateway = await startGateway({
      listen,
      port: config.gatewayPort,
      dashboard: DASHBOARD,
      logger,
      view: {
        site,
        manager: () => ({ role: service?.role ?? 'none', term: service?.term ?? 0, session }),
        hosts: () => service?.manager?.resources.hosts() ?? [],
        placements: () => service?.manager?.book.all() ?? [],
        brokerUp: () => service?.connected ?? broker?.running ?? true,
        failovers: () => service?.manager?.failover.completed ?? 0,
        drain: async (host, draining) => {
          if (service?.manager == null)
            throw new OutriderError('OUT_EDGE_FENCED', `the manager of ${site} does not act in this process now`);
          await service.manager.drain(host, draining);
        },
        malformed: () => service?.manager?.malformed ?? 0,
        processes: () => hosts,
      },
      serveMqtt: (stream, request, proven) => (external === null ? broker?.serve(stream, request, proven) : external.serve(stream, proven)),
      ...(security === null
        ? {}
        : { security: gatewaySecurity(config, security, { brokerPort: broker?.port ?? null, gatewayPort, logger }) }),
    });
    undo.push(() => gateway.close());
    if (security !== null) {
      const renewed = (): void => {
        showRenewed(posture, broker);
        gateway.renew(security.tls);
        for (const host of hosts) host.showCertificate(security.tls.cert);
      };
      const stopKeeping = keepServerCertificate({ security, clock: new SystemClock(), logger, renewed });
      undo.push(async () => stopKeeping());
    }
    return {
      url: reachableUrl(gateway.url, config),
      brokerUrl,
      get manager() {
        if (service?.manager == null) throw new OutriderError('OUT_EDGE_FENCED', `the manager of ${site} does not act in this process now`);
        return service.manager;
      },
      hosts,
      close,
      stopBroker: async () => broker?.stop(),
      startBroker: async () => broker?.start(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface PlannedHost {
  readonly name: string;
  readonly settings: Omit<SiteConfig['host'], 'limits'>;
  readonly brokerUrl: string;
  readonly trustedKeys: readonly string[];
}

function hostConfig(
  config: SiteConfig,
  { name: host, settings, brokerUrl, trustedKeys }: PlannedHost,
  { credentials, tls }: SecurityPosture,
): HostProcessConfig {
  const { site, data, listen: bindHost, logLevel, checkpoints } = config;
  const { username = null, password = null } = credentials ?? {};
  const where = { bindHost, advertisedHost: advertisedHost(config) };
  return {
    ...settings,
    trustedKeys: [...trustedKeys],
    site,
    host,
    brokerUrl,
    username,
    password,
    data,
    checkpoints,
    logLevel,
    tls,
    ...where,
  };
}

/** The keys whose signature a bundle needs here; none: any bundle runs. */
async function trustedKeysOf({ host, security: wanted }: SiteConfig, security: SiteSecurity | null): Promise<readonly string[]> {
  if (security === null || wanted?.requireSigned !== true) return host.trustedKeys;
  return [...host.trustedKeys, await readSiteFile(join(security.folder, SITE_FILES.signingPublic))];
}

/** The embedded broker behind a handle that survives stop and start: same port, state said again by its clients. */
async function restartableBroker(config: SiteConfig, posture: SecurityPosture, logger: Logger) {
  const { site, listen: host } = config;
  const start = (port: number): Promise<EmbeddedBroker> =>
    startEmbeddedBroker({ site, host, port, ...posture.broker, logger: logger.child({ part: 'broker' }) });
  let broker: EmbeddedBroker | null = await start(config.mqttPort);
  const port = broker.port as number;
  return {
    port,
    get running() {
      return broker !== null;
    },
    serve: (...[stream, request, proven]: Parameters<EmbeddedBroker['serve']>) =>
      void (broker === null ? stream.destroy() : broker.serve(stream, request, proven)),
    renew: (...[tls]: Parameters<EmbeddedBroker['renew']>) => broker?.renew(tls),
    cutIdentity: (...[matches]: Parameters<EmbeddedBroker['cutIdentity']>) => broker?.cutIdentity(matches),
    stop: async () => {
      const stopping = broker;
      broker = null;
      await stopping?.close();
    },
    start: async () => {
      broker ??= await start(port);
    },
  };
}

/** The secret that all keys of a site follow from: made once, readable by the owner alone. */
async function siteKeyOf(data: string): Promise<Uint8Array> {
  await mkdir(data, { recursive: true });
  const path = join(data, 'site.key');
  await writeFile(path, randomBytes(32), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return createHash('sha256')
    .update(await readFile(path))
    .digest();
}
