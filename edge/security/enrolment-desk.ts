// Where newcomers get their certificate: checks the token, signs the key of the request, and writes the member down.
import { randomBytes, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { OutriderError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { idSchema } from '../../shared/protocol/message.ts';
import { hashSecret } from '../../shared/security/enrolment-token.ts';
import type { Membership } from '../../shared/security/identity-folder.ts';
import { readRequest } from './authority.ts';
import type { SiteSecurity } from './site-folder.ts';

const requestSchema = z.strictObject({
  secret: z.string().max(64),
  id: idSchema,
  csr: z.string().max(8192),
  nowSec: z.number(),
});

/** Certificates are dated: with clocks further apart than this the newcomer could not use its own [s]. */
const MAX_SKEW_SEC = 120;

export interface EnrolmentDeskOptions {
  readonly site: string;
  readonly security: SiteSecurity;
  readonly logger: Logger;
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
    const { site, security, logger, now, urls } = this.#options;
    const parsed = requestSchema.safeParse(body);
    if (!parsed.success) throw new OutriderError('OUT_PROTOCOL_MESSAGE', `enrolment: ${parsed.error.issues[0]?.message ?? 'malformed'}`);
    const { secret, id, csr, nowSec } = parsed.data;
    const authority = await security.authority();
    await readRequest(csr, id);
    const skewSec = nowSec - now().getTime() / 1000;
    if (Math.abs(skewSec) > MAX_SKEW_SEC) {
      const how = `${Math.abs(skewSec).toFixed(0)} s ${skewSec < 0 ? 'behind' : 'ahead of'}`;
      throw new OutriderError(
        'OUT_SITE_CLOCK',
        `the newcomer's clock is ${how} the site's (${now().toISOString()}); the token can still be used`,
      );
    }
    const { role, tenant, addresses } = await security.registry.redeem(secret, id);
    // A host that gave no addresses is called by the one that it calls from: nobody can claim another's.
    const names = role === 'host' && addresses.length === 0 ? [remoteAddress.replace(/^::ffff:/, '')] : addresses;
    const certificate = await authority.signRequest(csr, { role, name: id, addresses: names }, now());
    const credential = randomBytes(32).toString('base64url');
    const serial = new X509Certificate(certificate).serialNumber;
    await security.registry.admit({ role, id, tenant, serial, credentialHash: hashSecret(credential) });
    logger.info({ role, id, tenant, serial, remoteAddress }, 'a member was enrolled');
    return { certificate, membership: { site, role, id, tenant, credential, ...urls(calledHost) } };
  }
}
