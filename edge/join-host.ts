// `outrider edge --join`: one edge host on this machine for a site elsewhere. It has an identity of its own, never the site's keys.
import { join } from 'node:path';
import { OutriderError } from '../shared/errors.ts';
import { enrolInto } from '../shared/security/enrol-into.ts';
import { certificateNames } from '../shared/security/certificate-life.ts';
import { decodeToken } from '../shared/security/enrolment-token.ts';
import { type Identity, loadIdentity } from '../shared/security/identity-folder.ts';
import type { SiteConfig } from './config.ts';
import type { HostProcessConfig } from './host/process-config.ts';

export interface JoinHostOptions {
  readonly enroll?: string;
  readonly siteUrl?: string;
  readonly identity?: string;
}

/** The identity and its folder. Throws OUT_SITE_… for everything that is wrong with token or identity. */
export async function hostIdentity({
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

/** The host's own configuration, from its identity and (for limits and grants) a site configuration. */
export function joinedHostConfig(identity: Identity, config: SiteConfig, listen: string): HostProcessConfig {
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
