// Keys and tokens: one site key, from which the key of each instance follows; a token says which rover may use an instance.
import { createHmac, timingSafeEqual } from 'node:crypto';

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

/**
 * Checks the tokens of one instance. A channel belongs to the rover that opened it first:
 * another rover's valid token does not open it.
 */
export function tokenAuthority(key: string): (hello: { readonly channelId: string; readonly token: string }) => boolean {
  const owners = new Map<string, string>();
  return ({ channelId, token }) => {
    const rover = verifyToken(key, token);
    if (rover === null) return false;
    const owner = owners.get(channelId) ?? rover;
    if (owner !== rover) return false;
    owners.set(channelId, owner);
    return true;
  };
}
