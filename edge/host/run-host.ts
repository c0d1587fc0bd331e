// A live edge host: real broker, real sockets, worker sandbox, files. Runs in a process of its own.
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectSiteBus } from '../../shared/bus/site-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { MqttDataPlane } from '../../shared/elastic/transports/mqtt.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { networkThread } from '../../shared/services/network-thread.ts';
import { openTracer } from '../../shared/tracing/open-tracer.ts';
import { FileCheckpointStore } from '../control/file-checkpoint-store.ts';
import { FileModuleRepository } from '../control/module-repository.ts';
import { NatsCheckpointStore } from '../control/nats-checkpoint-store.ts';
import { SharedModuleRepository } from '../control/shared-module-repository.ts';
import { EdgeHost, hostWill } from './edge-host.ts';
import { startExecutionRest } from './execution-rest.ts';
import { machineResources } from './host-resources.ts';
import type { HostProcessConfig } from './process-config.ts';
import { bundleLoader } from './sandbox/bundle-loader.ts';
import { DEFAULT_LIMITS } from './sandbox/sandbox.ts';
import { WorkerSandbox } from './sandbox/worker-sandbox.ts';

/** As `tls.createServer` wants them. */
const TICKET_KEY_BYTES = 48;
/** What a handshake proved counts no longer without another one; OpenSSL's own limit is two hours. */
const RESUMABLE_SEC = 300;

export interface LiveHost {
  readonly edgeHost: EdgeHost;
  /** Base URL of the Execution Handler's REST API. */
  readonly rest: string;
  /** Shows a renewed certificate of the same key to whoever connects from now on. Without TLS nothing happens. */
  showCertificate(cert: string): void;
  close(): Promise<void>;
}

export async function runHost(config: HostProcessConfig, logger: Logger): Promise<LiveHost> {
  const { site, host, bindHost, advertisedHost, tls } = config;
  const session = newHostSession();
  // Both ends of the data plane show a certificate of the site: a stranger cannot even say HELLO. A rover that brought a bundle to this process
  // resumes that session with the instance.
  const resumable = { ticketKeys: randomBytes(TICKET_KEY_BYTES), sessionIdContext: session, sessionTimeout: RESUMABLE_SEC };
  const dataPlaneTls = tls === null ? null : { ...tls, requestCert: true, ...resumable };
  const clock = new SystemClock();
  const tracing = await openTracer({ service: 'outrider-host', attributes: { site, host } }, logger);
  const bus = await connectSiteBus({
    url: config.brokerUrl,
    clientId: memberClientId('host', host),
    will: hostWill(site, host, session),
    canaryTopic: `outrider/${site}/host/${host}/session`,
    logger,
    ...(config.username === null ? {} : { username: config.username }),
    ...(config.password === null ? {} : { password: config.password }),
    ...(tls === null ? {} : { tls }),
  });
  const stores = await openStores(config, logger);
  const sandbox = new WorkerSandbox({
    site,
    bindHost,
    advertisedHost,
    tls: dataPlaneTls,
    loader: bundleLoader({ trustedKeys: config.trustedKeys }),
    spareWorkers: config.spareWorkers,
    services: { inference: config.inference },
    logger,
  });
  await sandbox.warm(config.grants);
  const accelerator = await sandbox.accelerator(config.grants);
  const networks = networkThread({ threads: config.inference.threads ?? 0 });
  const dataPlane = new TcpDataPlane({
    bindHost,
    advertisedHost,
    ...(dataPlaneTls === null ? {} : { tls: { server: dataPlaneTls } }),
  });
  const edgeHost = new EdgeHost({
    site,
    host,
    session,
    clock,
    bus,
    sandbox,
    networks,
    logger,
    tracer: tracing.tracer,
    grants: config.grants,
    ...(config.tenants === undefined ? {} : { tenants: config.tenants }),
    dataPlane,
    ...(config.dataOverBroker ? { overBroker: new MqttDataPlane({ bus, clock, site, self: host, session: session.slice(-8) }) } : {}),
    repository: stores.repository,
    checkpoints: stores.checkpoints,
    resources: machineResources({ ...config, accelerator }),
    limits: {
      ...DEFAULT_LIMITS,
      callDeadlineSec: config.callDeadlineMs / 1e3,
      effectsPerSec: config.effectsPerSec,
    },
  });
  await edgeHost.start();
  const rest = await startExecutionRest({ edgeHost, host, listen: bindHost, advertise: advertisedHost, tls });
  logger.info({ host, rest: rest.url, accelerator }, 'edge host runs');
  return {
    edgeHost,
    rest: rest.url,
    showCertificate: (cert) => {
      if (tls === null || dataPlaneTls === null) return;
      // The broker's connection and later instances read these.
      Object.assign(tls, { cert });
      Object.assign(dataPlaneTls, { cert });
      dataPlane.renew(dataPlaneTls);
      sandbox.renew(dataPlaneTls);
      rest.renew(tls);
    },
    close: async () => {
      await rest.close();
      await edgeHost.close();
      await sandbox.close();
      await networks.close();
      await bus.close();
      await stores.close();
      await tracing.close();
    },
  };
}

/** Later ones are greater: what the broker says of an earlier process of this host, late or again, is told from news. */
function newHostSession(): string {
  const startedMs = Math.round(performance.timeOrigin + performance.now());
  return `${startedMs.toString(36).padStart(10, '0')}-${randomBytes(4).toString('hex')}`;
}

/** On this machine's disk, or in a cluster that all machines of the site share. */
async function openStores(config: HostProcessConfig, logger: Logger) {
  const files = new FileModuleRepository(join(config.data, 'bundles'));
  if (config.checkpoints === null) {
    const checkpoints = new FileCheckpointStore(join(config.data, 'checkpoints'));
    return { repository: files, checkpoints, close: async () => undefined };
  }
  const options = { url: config.checkpoints, site: config.site, logger };
  const checkpoints = await NatsCheckpointStore.open(options);
  const repository = await SharedModuleRepository.open(files, options);
  const close = async (): Promise<void> => {
    await checkpoints.close();
    await repository.close();
  };
  return { repository, checkpoints, close };
}
