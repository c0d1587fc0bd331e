// Who connects to the embedded broker of a live site: members by their certificate, the site's own parts by theirs or by a secret of this
// run, rovers of a plain configuration by their credential.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ClientIdentity } from './broker/access-rules.ts';
import type { ConnectAttempt } from './broker/embedded-broker.ts';
import type { RoverCredential } from './control/authenticator.ts';
import type { PeerIdentity } from '../shared/security/peer-identity.ts';
import type { Member, MemberRegistry } from './security/member-registry.ts';

const SITE_USER = 'site';

export interface SiteIdentities {
  /** For the manager and the hosts. */
  readonly username: string;
  readonly password: string;
  identify(attempt: ConnectAttempt): ClientIdentity | null;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Clients without credentials may look on (dashboards); everything else needs one. */
export function siteIdentities(password: string, rovers: readonly RoverCredential[]): SiteIdentities {
  const table = new Map(rovers.map((entry) => [entry.rover, Buffer.from(entry.credentialSha256, 'hex')]));
  const own = digest(password);
  return {
    username: SITE_USER,
    password,
    identify: ({ username, password: given }) => {
      if (username === null && given === null) return { role: 'viewer', name: 'anonymous' };
      const proof = digest(given ?? '');
      if (username === SITE_USER) return timingSafeEqual(proof, own) ? { role: 'site', name: SITE_USER } : null;
      const expected = table.get(username ?? '');
      return expected !== undefined && timingSafeEqual(proof, expected) ? { role: 'rover', name: username ?? '' } : null;
    },
  };
}

/** The identity that a certificate proves, if its member is enrolled, not revoked, and it is of the member's newest enrolment. */
export async function memberIdentity(registry: MemberRegistry, peer: PeerIdentity | null): Promise<ClientIdentity | null> {
  if (peer === null) return null;
  const { role, name, serial } = peer;
  if (role === 'site') return { role, name };
  const member = await registry.member(role, name);
  return member !== null && isCertified(member, serial) ? { role, name } : null;
}

/** Whether a certificate counts for a member: its newest, or the one that was renewed; none of one that was revoked. */
export function isCertified({ revokedAt, serial, previousSerial }: Member, shown: string): boolean {
  return revokedAt === null && [serial, previousSerial].some((known) => known?.toUpperCase() === shown.toUpperCase());
}

/** Everybody shows a certificate, or comes from the gateway with a login. There are no anonymous clients. */
export function certifiedIdentities(registry: MemberRegistry): (attempt: ConnectAttempt) => Promise<ClientIdentity | null> {
  return async ({ peer, proven }) => proven ?? memberIdentity(registry, peer);
}
