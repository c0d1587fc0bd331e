// What a live site does for its security, put together: TLS of each listener, who may connect, where newcomers are taken in.
import type { TlsOptions } from 'node:tls';
import { connectSiteBus } from '../shared/bus/site-bus.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { EmbeddedBroker, EmbeddedBrokerOptions } from './broker/embedded-broker.ts';
import type { SiteConfig } from './config.ts';
import { type Authenticator, credentialTable, registryAuthenticator, trustEveryone } from './control/authenticator.ts';
import { Access } from './gateway/access.ts';
import type { GatewayOptions } from './gateway/gateway.ts';
import { LEAF_DAYS } from './security/authority.ts';
import { EnrolmentDesk } from './security/enrolment-desk.ts';
import { RevocationWatch, type RevocationWatchOptions } from './security/revocation-watch.ts';
import type { SiteSecurity } from './security/site-folder.ts';
import { certifiedIdentities, siteIdentities } from './site-identities.ts';

export interface SecurityPosture {
  /** For the embedded broker. */
  readonly broker: Pick<EmbeddedBrokerOptions, 'tls' | 'identify'>;
  /** How the manager and the local hosts connect to the broker. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  readonly tls: SiteSecurity['tls'] | null;
  readonly authenticate: Authenticator;
}

export function securityPosture(config: SiteConfig, security: SiteSecurity | null, password: string): SecurityPosture {
  if (security !== null) {
    const { ca, cert, key } = security.tls;
    // A client without a certificate of the site is let through TLS and refused by MQTT, which can say why.
    const tls: TlsOptions = {
      ca,
      cert: cert + ca,
      key,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 5000,
    };
    return {
      broker: { tls, identify: certifiedIdentities(security.registry) },
      credentials: config.brokerCredentials,
      tls: security.tls,
      authenticate: registryAuthenticator(security.registry),
    };
  }
  if (config.rovers === null) return { broker: {}, credentials: config.brokerCredentials, tls: null, authenticate: trustEveryone };
  const identities = siteIdentities(password, config.rovers);
  const credentials = config.broker === null ? identities : config.brokerCredentials;
  return { broker: { identify: identities.identify }, credentials, tls: null, authenticate: credentialTable(config.rovers) };
}

/** The certificate of the site after it was renewed, for what the broker is made of and for the broker that runs. */
export function showRenewed({ broker, tls }: SecurityPosture, running: Pick<EmbeddedBroker, 'renew'> | null): void {
  if (tls === null || broker.tls === undefined) return;
  Object.assign(broker.tls, { cert: tls.cert + tls.ca });
  running?.renew(broker.tls);
}

export function gatewaySecurity(
  config: SiteConfig,
  security: SiteSecurity,
  options: { readonly brokerPort: number | null; readonly gatewayPort: () => number; readonly logger: Logger },
): NonNullable<GatewayOptions['security']> {
  const { site, broker } = config;
  const { registry, logins, tls } = security;
  const desk = new EnrolmentDesk({
    site,
    security,
    memberDays: config.security?.memberDays ?? LEAF_DAYS,
    logger: options.logger.child({ part: 'enrolment' }),
    now: () => new Date(),
    urls: (hostname) => {
      const host = hostname === '' ? advertisedHost(config) : hostname;
      return { brokerUrl: broker ?? `mqtts://${host}:${options.brokerPort}`, gatewayUrl: `https://${host}:${options.gatewayPort()}` };
    },
  });
  return { tls, access: new Access({ site, registry, logins }), desk };
}

export interface WatchOptions {
  readonly site: string;
  readonly session: string;
  readonly security: SiteSecurity;
  readonly brokerUrl: string;
  readonly credentials: SecurityPosture['credentials'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cut: RevocationWatchOptions['cut'];
}

/** Acts on revocations from now on; returns the way to end it. */
export async function watchRevocations(options: WatchOptions): Promise<() => Promise<void>> {
  const { site, session, security, brokerUrl, credentials, clock, cut } = options;
  const logger = options.logger.child({ part: 'revocation' });
  const bus = await connectSiteBus({
    url: brokerUrl,
    clientId: `manager-revocation-${session}`,
    canaryTopic: `outrider/${site}/manager/revocation`,
    logger,
    tls: security.tls,
    ...credentials,
  });
  const watch = new RevocationWatch({ site, security, clock, bus, logger, cut });
  await watch.start();
  return async () => {
    watch.stop();
    await bus.close();
  };
}

/** Where others find what listens on all interfaces. */
export function advertisedHost({ listen, advertise }: Pick<SiteConfig, 'listen' | 'advertise'>): string {
  if (advertise !== null) return advertise;
  return listen === '0.0.0.0' || listen === '::' ? '127.0.0.1' : listen;
}

/** A listener's URL as others are told it: nobody can open 0.0.0.0. */
export function reachableUrl(listening: string, config: Pick<SiteConfig, 'listen' | 'advertise'>): string {
  const host = advertisedHost(config);
  const url = new URL(listening);
  url.hostname = host.includes(':') ? `[${host}]` : host;
  return url.origin;
}
