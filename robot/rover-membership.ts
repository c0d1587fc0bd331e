// How a rover comes to its site: by an identity that it has, by a token that it makes one with, or plainly where all is on loopback.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Throws OUT_SITE_… for everything that is wrong with token or identity, OUT_SITE_INSECURE for a broker elsewhere without TLS. */
export async function roverMembership(options: MembershipOptions): Promise<RoverMembership> {
  const identity = await identityOf(options);
  if (identity !== null) {
    if (identity.role !== 'rover')
      throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${identity.role} ${identity.id}, not a rover's`);
    if (options.id !== undefined && options.id !== identity.id) {
      throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${identity.id}, not of ${options.id}`);
    }
    return { id: identity.id, site: options.site ?? identity.site, broker: options.broker ?? identity.brokerUrl, identity };
  }
  const broker = options.broker ?? 'mqtt://127.0.0.1:1883';
  const plain = /^(mqtt|ws):/.test(broker) && !LOOPBACK.test(URL.canParse(broker) ? new URL(broker).hostname : '');
  if (plain && options.insecure !== true) throw new OutriderError('OUT_SITE_INSECURE', `${broker} would be used without TLS`);
  return { id: options.id ?? 'rover-1', site: options.site ?? 'site', broker, identity: null };
}

async function identityOf({ enroll, identity, id, siteUrl, broker }: MembershipOptions): Promise<Identity | null> {
  if (enroll !== undefined) {
    const folder = identity ?? join('out', 'identity', decodeToken(enroll).id);
    return enrolInto(folder, { token: enroll, ...(id === undefined ? {} : { id }), ...(siteUrl === undefined ? {} : { siteUrl }) });
  }
  if (identity !== undefined) return loadIdentity(identity);
  // An identity of an earlier enrolment is used without being named.
  const usual = id === undefined || broker !== undefined ? null : join('out', 'identity', id);
  return usual !== null && existsSync(usual) ? loadIdentity(usual) : null;
}
