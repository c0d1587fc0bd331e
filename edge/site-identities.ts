// Who connects to the embedded broker of a live site: the site's own parts by a secret of this run, rovers by their credential.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ClientIdentity } from './broker/access-rules.ts';
import type { ConnectAttempt } from './broker/embedded-broker.ts';
import type { RoverCredential } from './control/authenticator.ts';

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
