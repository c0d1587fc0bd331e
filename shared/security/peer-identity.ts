// Who the other end of a TLS connection is: common name and organisational unit of a certificate that the site's CA signed.
import type { TLSSocket } from 'node:tls';
import { MEMBER_ROLES, type MemberRole } from './member-roles.ts';

export interface PeerIdentity {
  /** `site`: the server's own certificate, for its parts. */
  readonly role: MemberRole | 'site';
  readonly name: string;
  /** Upper-case hex, as in the certificate. */
  readonly serial: string;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The proven identity, or null where no certificate was shown or it is not one of the site's CA. */
export function peerIdentity(socket: object): PeerIdentity | null {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) return null;
  const { subject, serialNumber } = (socket as TLSSocket).getPeerCertificate();
  // Node gives an array where a name has a part several times; its types say otherwise.
  const [name, unit] = [subject?.CN as unknown, subject?.OU as unknown];
  if (typeof name !== 'string' || !ID.test(name)) return null;
  const role = unit === 'site' ? 'site' : MEMBER_ROLES.find((known) => known === unit);
  return role === undefined ? null : { role, name, serial: serialNumber };
}
