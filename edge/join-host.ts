// `outrider edge --join`: one edge host on this machine for a site elsewhere. It has an identity of its own, never the site's keys. This
// process keeps the identity and runs no module: the host is its child, under the limits of the configuration, started again when it dies.
import { join } from 'node:path';
import { SystemClock } from '../shared/clock/system-clock.ts';
import { OutriderError } from '../shared/errors.ts';
import { enrolInto } from '../shared/security/enrol-into.ts';
import { certificateNames } from '../shared/security/certificate-life.ts';
import { decodeToken } from '../shared/security/enrolment-token.ts';
import { type Identity, loadIdentity } from '../shared/security/identity-folder.ts';
import { keepCertificate } from '../shared/security/renew.ts';
import { limitsText } from '../shared/process-limits/process-limits.ts';
import type { SiteConfig } from './config.ts';
import type { HostProcessConfig } from './host/process-config.ts';
import { type HostProcess, superviseHost } from './host-processes.ts';
import { pinoLogger } from './logging.ts';

export interface JoinHostOptions {
  readonly enroll?: string;
  readonly siteUrl?: string;
  readonly identity?: string;
  /** Interface of its data plane and REST API; default: all. */
  readonly listen?: string;
  readonly json?: boolean;
}

/**
 * Runs the host until SIGINT, until SIGTERM, which drains it first, or until the host's own process was told so. Throws OUT_SITE_…
 * for the identity, what superviseHost does for the start.
 */
export async function runJoinedHost(config: SiteConfig, options: JoinHostOptions): Promise<boolean> {
  const { identity, folder } = await hostIdentity(options);
  const logger = pinoLogger(config.logLevel, { site: identity.site });
  const settings = joinedHostConfig(identity, config, options.listen ?? '0.0.0.0');
  const host = await superviseHost(settings, { logger, limits: config.host.limits });
  const renewed = (): void => host.showCertificate(identity.tls.cert);
  const stopKeeping = keepCertificate({ identity, folder, clock: new SystemClock(), logger, renewed });
  process.once('SIGINT', () => void host.stop());
  process.once('SIGTERM', () => void host.drain());
  print(host, identity.site, options.json === true);
  await host.ended;
  stopKeeping();
  return true;
}

function print({ host, pid, rest, limits }: HostProcess, site: string, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ site, host, pid, rest, limits }));
    return;
  }
  console.log(`Edge host ${host} of site ${site} (process ${pid})`);
  console.log(`  REST    ${rest}/docs`);
  if (limits.length > 0) console.log(`  limits  ${limitsText({ enforced: limits, unenforced: [] })}`);
  console.log('Ctrl-C ends it; SIGTERM lets what runs in it move to other hosts first.');
}

/** The identity and its folder. Throws OUT_SITE_… for everything that is wrong with token or identity. */
async function hostIdentity({
  enroll,
  siteUrl,
  identity,
}: JoinHostOptions): Promise<{ readonly folder: string; readonly identity: Identity }> {
  const folder = identity ?? (enroll === undefined ? missing() : join('out', 'identity', decodeToken(enroll).id));
  const found =
    enroll === undefined
      ? await loadIdentity(folder)
      : await enrolInto(folder, { token: enroll, ...(siteUrl === undefined ? {} : { siteUrl }) });
  if (found.role !== 'host')
    throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${found.role} ${found.id}, not a host's`);
  return { folder, identity: found };
}

/** The host's own configuration, from its identity and (for memory, grants and the like) a site configuration. Without `limits`, which the process itself does not see. */
function joinedHostConfig(identity: Identity, config: SiteConfig, listen: string): HostProcessConfig {
  const { data, logLevel, host: configured, broker, advertise, brokerCredentials, checkpoints } = config;
  const { limits: _limits, ...host } = configured;
  return {
    ...host,
    site: identity.site,
    host: identity.id,
    brokerUrl: broker ?? identity.brokerUrl,
    username: brokerCredentials?.username ?? null,
    password: brokerCredentials?.password ?? null,
    tls: identity.tls,
    data,
    checkpoints,
    logLevel,
    bindHost: listen,
    advertisedHost: advertise ?? firstAddress(identity),
  };
}

/** The first name that the certificate holds for: what rovers can check. */
function firstAddress({ id, tls }: Identity): string {
  const [first] = certificateNames(tls.cert);
  if (first === undefined)
    throw new OutriderError('OUT_SITE_FOLDER', `the certificate of ${id} names no address; enroll it again with --address`);
  return first;
}

function missing(): never {
  throw new OutriderError('OUT_CLI_USAGE', '--join wants --enroll TOKEN the first time, and --identity DIR afterwards');
}
