// Where newcomers get their certificate: checks the token, signs the key of the request, and writes the member down.
import { randomBytes, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { OutriderError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { idSchema } from '../../shared/protocol/message.ts';
import { certificateNames } from '../../shared/security/certificate-life.ts';
import { hashSecret } from '../../shared/security/enrolment-token.ts';
import type { Membership } from '../../shared/security/identity-folder.ts';
import type { PeerIdentity } from '../../shared/security/peer-identity.ts';
import { X509Certificate as Certificate } from '../../shared/security/x509.ts';
import { isCertified } from '../site-identities.ts';
import { readRequest } from './authority.ts';
import type { SiteSecurity } from './site-folder.ts';

const requestSchema = z.strictObject({
  secret: z.string().max(64),
  id: idSchema,
  csr: z.string().max(8192),
  nowSec: z.number(),
});

const renewalSchema = z.strictObject({ csr: z.string().max(8192), nowSec: z.number() });

/** Certificates are dated: with clocks further apart than this the newcomer could not use its own [s]. */
const MAX_SKEW_SEC = 120;

export interface EnrolmentDeskOptions {
  readonly site: string;
  readonly security: SiteSecurity;
  readonly logger: Logger;
  /** How long certificates of members hold [days]. */
  readonly memberDays: number;
  readonly now: () => Date;
  /** Addresses of broker and gateway for somebody who reaches this machine by `hostname`. */
  readonly urls: (hostname: string) => Pick<Membership, 'brokerUrl' | 'gatewayUrl'>;
}

export interface Caller {
  /** By which name or address the newcomer called this machine. */
  readonly calledHost: string;
  readonly remoteAddress: string;
}

export interface EnrolmentAnswer {
  readonly certificate: string;
  readonly membership: Membership;
}

export class EnrolmentDesk {
  readonly #options: EnrolmentDeskOptions;

  constructor(options: EnrolmentDeskOptions) {
    this.#options = options;
  }

  /** Throws OUT_PROTOCOL_MESSAGE, OUT_SITE_CLOCK, OUT_SITE_TOKEN…; what fails before the token is looked at does not use it up. */
  async enrol(body: unknown, { calledHost, remoteAddress }: Caller): Promise<EnrolmentAnswer> {
    const { site, security, logger, now, urls, memberDays } = this.#options;
    const { secret, id, csr, nowSec } = checked(requestSchema, body);
    const authority = await security.authority();
    await readRequest(csr, id);
    checkClock(nowSec, now(), 'the token can still be used');
    const { role, tenant, addresses } = await security.registry.redeem(secret, id);
    // A host that gave no addresses is called by the one that it calls from: nobody can claim another's.
    const names = role === 'host' && addresses.length === 0 ? [remoteAddress.replace(/^::ffff:/, '')] : addresses;
    const certificate = await authority.signRequest(csr, { role, name: id, addresses: names, days: memberDays }, now());
    const credential = randomBytes(32).toString('base64url');
    const serial = new X509Certificate(certificate).serialNumber;
    await security.registry.admit({ role, id, tenant, serial, credentialHash: hashSecret(credential) });
    logger.info({ role, id, tenant, serial, remoteAddress }, 'a member was enrolled');
    return { certificate, membership: { site, role, id, tenant, credential, ...urls(calledHost) } };
  }

  /**
   * Another certificate for a member that shows one which counts: for the same key, the same names. Throws OUT_SITE_LOGIN for anybody else,
   * OUT_PROTOCOL_MESSAGE, OUT_SITE_CLOCK, OUT_SITE_TOKEN_OTHER for the request of another member or another key.
   */
  async renew(body: unknown, peer: PeerIdentity | null, shownPem: string): Promise<{ readonly certificate: string }> {
    const { security, logger, now, memberDays } = this.#options;
    const { csr, nowSec } = checked(renewalSchema, body);
    const member = peer === null || peer.role === 'site' ? null : await security.registry.member(peer.role, peer.name);
    if (peer === null || member === null || !isCertified(member, peer.serial))
      throw new OutriderError('OUT_SITE_LOGIN', 'a renewal wants a certificate of a member that is enrolled and has not ended');
    const request = await readRequest(csr, member.id);
    if (request.publicKey.toString('pem') !== new Certificate(shownPem).publicKey.toString('pem'))
      throw new OutriderError('OUT_SITE_TOKEN_OTHER', `the renewal is for another key than the certificate of ${member.id}`);
    checkClock(nowSec, now(), 'nothing was changed');
    const authority = await security.authority();
    const leaf = { role: member.role, name: member.id, addresses: certificateNames(shownPem), days: memberDays };
    const certificate = await authority.signRequest(csr, leaf, now());
    const serial = new X509Certificate(certificate).serialNumber;
    await security.registry.renew(member, peer.serial, serial);
    logger.info({ role: member.role, id: member.id, serial }, 'a certificate was renewed');
    return { certificate };
  }
}

function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new OutriderError('OUT_PROTOCOL_MESSAGE', `enrolment: ${parsed.error.issues[0]?.message ?? 'malformed'}`);
  return parsed.data;
}

function checkClock(nowSec: number, now: Date, consequence: string): void {
  const skewSec = nowSec - now.getTime() / 1000;
  if (Math.abs(skewSec) <= MAX_SKEW_SEC) return;
  const how = `${Math.abs(skewSec).toFixed(0)} s ${skewSec < 0 ? 'behind' : 'ahead of'}`;
  throw new OutriderError('OUT_SITE_CLOCK', `the member's clock is ${how} the site's (${now.toISOString()}); ${consequence}`);
}
