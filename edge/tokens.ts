// Keys and tokens: one site key, from which the key of each instance follows; a token says which rover may use an instance.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PeerIdentity } from '../shared/security/peer-identity.ts';

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Key of an instance [64 hex digits]: the same after a restart of the manager and on every host that runs the instance. */
export function instanceKey(siteKey: Uint8Array, instance: string): string {
  return hmac(siteKey, `instance/${instance}`).toString('hex');
}

/** The right of `rover` to use the instance whose key this is. */
export function issueToken(key: string, rover: string): string {
  return `${rover}.${hmac(Buffer.from(key, 'hex'), `token/${rover}`).toString('base64url')}`;
}

/** Whose token this is, or null when it is forged. Takes the same time wherever it differs. */
export function verifyToken(key: string, token: string): string | null {
  const rover = token.slice(0, Math.max(0, token.indexOf('.')));
  const expected = Buffer.from(issueToken(key, rover));
  const given = Buffer.from(token);
  return rover !== '' && given.length === expected.length && timingSafeEqual(given, expected) ? rover : null;
}

/** A one-time ticket for a transfer. */
export function issueTicket(siteKey: Uint8Array, reservation: string): string {
  return hmac(siteKey, `ticket/${reservation}`).toString('base64url');
}

/** What a fixed end shows when it connects. */
interface Shown {
  readonly channelId: string;
  readonly token: string;
  /** Proven by the transport; null where it proves nothing (loopback). */
  readonly peer: PeerIdentity | null;
}

/**
 * Checks the tokens of one instance. A channel belongs to the rover that opened it first: another rover's valid token does not open it.
 * Where the transport proves who the peer is, a token is of use to its own rover alone: a stolen one opens nothing.
 */
export class TokenAuthority {
  readonly #key: string;
  readonly #owners = new Map<string, string>();
  #revoked: ReadonlySet<string>;

  constructor(key: string, revoked: readonly string[]) {
    this.#key = key;
    this.#revoked = new Set(revoked);
  }

  authorize({ channelId, token, peer }: Shown): boolean {
    const rover = verifyToken(this.#key, token);
    if (rover === null || this.#revoked.has(rover)) return false;
    if (peer !== null && (peer.role !== 'rover' || peer.name !== rover)) return false;
    const owner = this.#owners.get(channelId) ?? rover;
    if (owner !== rover) return false;
    this.#owners.set(channelId, owner);
    return true;
  }

  /** These rovers, and no others, are refused from now on. */
  revoke(rovers: readonly string[]): void {
    this.#revoked = new Set(rovers);
  }

  /** Whether the channel belongs to a rover that was revoked. */
  isRevoked(channelId: string): boolean {
    return this.#revoked.has(this.#owners.get(channelId) ?? '');
  }
}
