// The one-time token that brings a rover or a host into a site. It names the site's CA by fingerprint, so that the newcomer knows whom
// it talks to before it says anything, and carries the secret that the site keeps only as a hash.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { OutriderError } from '../errors.ts';
import { idSchema } from '../protocol/message.ts';
import { MEMBER_ROLES } from './member-roles.ts';

const tokenSchema = z.strictObject({
  site: idSchema,
  role: z.enum(MEMBER_ROLES),
  id: idSchema,
  /** SHA-256 of the CA certificate [64 hex digits]. */
  ca: z.string().regex(/^[0-9a-f]{64}$/),
  /** 32 random bytes [base64url]. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  /** Where the site's gateway was to be found when the token was made. */
  url: z.string().max(256),
});

export type EnrolmentToken = z.infer<typeof tokenSchema>;

const PREFIX = 'outrider1';
const MAX_LENGTH = 2048;
const checksum = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 8);

/** One word: `outrider1.<content>.<checksum>`. */
export function encodeToken(token: EnrolmentToken): string {
  const content = Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${PREFIX}.${content}.${checksum(content)}`;
}

/** Throws OUT_SITE_TOKEN, saying what is wrong; the message does not repeat the token. */
export function decodeToken(text: string): EnrolmentToken {
  const broken = (why: string): OutriderError => new OutriderError('OUT_SITE_TOKEN', why);
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) throw broken(`${trimmed.length} characters are too many for a token`);
  const [prefix, content, sum, ...rest] = trimmed.split('.');
  if (prefix !== PREFIX) throw broken(`a token begins with ${PREFIX}. and this does not`);
  if (content === undefined || sum === undefined || rest.length > 0)
    throw broken('a token has three parts joined by dots; a part is missing');
  if (checksum(content) !== sum) throw broken('the checksum does not fit: characters are missing or were changed');
  try {
    return tokenSchema.parse(JSON.parse(Buffer.from(content, 'base64url').toString()));
  } catch (cause) {
    throw new OutriderError('OUT_SITE_TOKEN', 'the content of the token is not understood by this version', { cause });
  }
}

/** What the site keeps of a secret. It is 256 bits of chance, so a plain hash cannot be searched. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(`outrider-secret-1\n${secret}`).digest('hex');
}
