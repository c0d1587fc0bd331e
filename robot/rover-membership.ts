// How a rover comes to its site: by an identity that it has, by a token that it makes one with, or plainly where all is on loopback.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../shared/clock/system-clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { keepCertificate } from '../shared/security/renew.ts';
import { OutriderError } from '../shared/errors.ts';
import { decodeToken } from '../shared/security/enrolment-token.ts';
import { enrolInto } from '../shared/security/enrol-into.ts';
import { type Identity, loadIdentity } from '../shared/security/identity-folder.ts';

export interface MembershipOptions {
  readonly id?: string;
  readonly broker?: string;
  readonly site?: string;
  readonly enroll?: string;
  readonly siteUrl?: string;
  readonly identity?: string;
  readonly insecure?: boolean;
}

export interface RoverMembership {
  readonly id: string;
  readonly site: string;
  readonly broker: string;
  readonly identity: Identity | null;
  /** Folder of the identity. */
  readonly folder: string | null;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Throws OUT_SITE_… for everything that is wrong with token or identity, OUT_SITE_INSECURE for a broker elsewhere without TLS. */
export async function roverMembership(options: MembershipOptions): Promise<RoverMembership> {
  const found = await identityOf(options);
  const identity = found?.identity ?? null;
  if (identity !== null) {
    if (identity.role !== 'rover')
      throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${identity.role} ${identity.id}, not a rover's`);
    if (options.id !== undefined && options.id !== identity.id) {
      throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${identity.id}, not of ${options.id}`);
    }
    return {
      id: identity.id,
      site: options.site ?? identity.site,
      broker: options.broker ?? identity.brokerUrl,
      identity,
      folder: found?.folder ?? null,
    };
  }
  const broker = options.broker ?? 'mqtt://127.0.0.1:1883';
  const plain = /^(mqtt|ws):/.test(broker) && !LOOPBACK.test(URL.canParse(broker) ? new URL(broker).hostname : '');
  if (plain && options.insecure !== true) throw new OutriderError('OUT_SITE_INSECURE', `${broker} would be used without TLS`);
  return { id: options.id ?? 'rover-1', site: options.site ?? 'site', broker, identity: null, folder: null };
}

/** Renews the rover's certificate as long as it runs; returns the way to end that. */
export function keepMembership({ identity, folder }: Pick<RoverMembership, 'identity' | 'folder'>, logger: Logger): () => void {
  if (identity === null || folder === null) return () => undefined;
  return keepCertificate({ identity, folder, clock: new SystemClock(), logger });
}

async function identityOf({
  enroll,
  identity,
  id,
  siteUrl,
  broker,
}: MembershipOptions): Promise<{ readonly identity: Identity; readonly folder: string } | null> {
  if (enroll !== undefined) {
    const folder = identity ?? join('out', 'identity', decodeToken(enroll).id);
    const more = { ...(id === undefined ? {} : { id }), ...(siteUrl === undefined ? {} : { siteUrl }) };
    return { identity: await enrolInto(folder, { token: enroll, ...more }), folder };
  }
  if (identity !== undefined) return { identity: await loadIdentity(identity), folder: identity };
  // An identity of an earlier enrolment is used without being named.
  const usual = id === undefined || broker !== undefined ? null : join('out', 'identity', id);
  return usual !== null && existsSync(usual) ? { identity: await loadIdentity(usual), folder: usual } : null;
}
