// Who a rover is and what it may: a hook with two implementations, trust (loopback, simulation) and a table of credentials.
import { createHash, timingSafeEqual } from 'node:crypto';
import { hashSecret } from '../../shared/security/enrolment-token.ts';
import type { MemberRegistry } from '../security/member-registry.ts';

export interface RoverIdentity {
  readonly rover: string;
  /** Fleets share a site but nothing else: quotas and shared instances are per tenant. */
  readonly tenant: string;
}

/** Null: refused. */
export type Authenticator = (claim: {
  readonly rover: string;
  readonly credential: string | null;
}) => RoverIdentity | null | Promise<RoverIdentity | null>;

/** Believes every rover. For sites that only listen on loopback, or whose broker proves the identity (access rules tie topics to it). */
export const trustEveryone: Authenticator = ({ rover }) => ({ rover, tenant: 'default' });

export interface RoverCredential {
  readonly rover: string;
  readonly tenant: string;
  /** SHA-256 of the credential [hex]: the configuration file holds no secret. */
  readonly credentialSha256: string;
}

/** Accepts the rovers of a table, each with its credential. */
export function credentialTable(entries: readonly RoverCredential[]): Authenticator {
  const table = new Map(entries.map((entry) => [entry.rover, entry]));
  const nobody = Buffer.alloc(32);
  return ({ rover, credential }) => {
    const entry = table.get(rover);
    const given = createHash('sha256')
      .update(credential ?? '')
      .digest();
    // Compared for unknown rovers, too, so that the time does not tell which rovers exist.
    const matches = timingSafeEqual(given, entry === undefined ? nobody : Buffer.from(entry.credentialSha256, 'hex'));
    return entry !== undefined && matches ? { rover, tenant: entry.tenant } : null;
  };
}

/** Accepts enrolled rovers that were not revoked, each with the credential that enrolment gave it; also behind a broker that proves nothing. */
export function registryAuthenticator(registry: MemberRegistry): Authenticator {
  return async ({ rover, credential }) => {
    const member = await registry.member('rover', rover);
    const given = Buffer.from(hashSecret(credential ?? ''));
    const expected = Buffer.from(member?.credentialHash ?? hashSecret(''));
    const matches = given.length === expected.length && timingSafeEqual(given, expected);
    return member !== null && member.revokedAt === null && matches ? { rover, tenant: member.tenant } : null;
  };
}
