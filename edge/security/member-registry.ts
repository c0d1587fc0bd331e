// Who belongs to a site: one file per token and per member, so that the running site and `outrider site …` in another shell can work on
// it at the same time. A token is redeemed by renaming its file, which only one of two can do. Secrets are kept as hashes.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import { idSchema } from '../../shared/protocol/message.ts';
import { hashSecret } from '../../shared/security/enrolment-token.ts';
import { MEMBER_ROLES, type MemberRole } from '../../shared/security/member-roles.ts';
import { writePrivateFile } from '../../shared/security/private-file.ts';

const memberSchema = z.strictObject({
  role: z.enum(MEMBER_ROLES),
  id: idSchema,
  tenant: idSchema,
  /** Of the certificate [hex]. */
  serial: z.string(),
  /** Of the certificate that was renewed: it counts until it ends, in case the new one did not arrive. */
  previousSerial: z.string().nullable().default(null),
  credentialHash: z.string(),
  enrolledAt: z.string(),
  revokedAt: z.string().nullable(),
});

const pendingSchema = z.strictObject({
  role: z.enum(MEMBER_ROLES),
  id: idSchema,
  tenant: idSchema,
  addresses: z.array(z.string().max(256)).max(16),
  expiresAt: z.string(),
});

export type Member = z.infer<typeof memberSchema>;
export type PendingMember = z.infer<typeof pendingSchema>;

/** Client ids of the site's own parts begin so: a member of such a name could take their connections over. */
const RESERVED = /^(manager-|host-|dashboard-|coordinator$|site$)/;

export class MemberRegistry {
  readonly #tokens: string;
  readonly #used: string;
  readonly #members: string;
  readonly #now: () => Date;

  constructor(folder: string, now: () => Date) {
    this.#tokens = join(folder, 'tokens');
    this.#used = join(folder, 'tokens-used');
    this.#members = join(folder, 'members');
    this.#now = now;
  }

  /** Makes the secret of a token. Throws OUT_SITE_EXISTS for a member that is enrolled and not revoked. */
  async invite(pending: Omit<PendingMember, 'expiresAt'>, validSec: number): Promise<string> {
    if (RESERVED.test(pending.id)) {
      throw new OutriderError(
        'OUT_CLI_USAGE',
        `${pending.id}: ids that begin with manager-, host- or dashboard- are the site's own; take another`,
      );
    }
    const known = await this.member(pending.role, pending.id);
    if (known !== null && known.revokedAt === null) {
      throw new OutriderError('OUT_SITE_EXISTS', `${pending.role} ${pending.id} is enrolled since ${known.enrolledAt}; revoke it first`);
    }
    // A rover connects as its id, or as `rover-` and its id: these must not be another's.
    const twin = pending.id.startsWith('rover-') ? pending.id.slice('rover-'.length) : `rover-${pending.id}`;
    if (pending.role === 'rover' && idSchema.safeParse(twin).success && (await this.member('rover', twin)) !== null) {
      throw new OutriderError(
        'OUT_SITE_EXISTS',
        `rover ${twin} is enrolled: ${pending.id} could take its connections over; take another id`,
      );
    }
    await mkdir(this.#tokens, { recursive: true, mode: 0o700 });
    const secret = randomBytes(32).toString('base64url');
    const expiresAt = new Date(this.#now().getTime() + validSec * 1000).toISOString();
    await writePrivateFile(join(this.#tokens, `${hashSecret(secret)}.json`), JSON.stringify({ ...pending, expiresAt }));
    return secret;
  }

  /** Uses a token up. Throws OUT_SITE_TOKEN_USED, OUT_SITE_TOKEN_EXPIRED, OUT_SITE_TOKEN_UNKNOWN or (the token stays) OUT_SITE_TOKEN_OTHER. */
  async redeem(secret: string, id: string): Promise<PendingMember> {
    const name = `${hashSecret(secret)}.json`;
    const pending = await this.#read(join(this.#tokens, name), pendingSchema);
    if (pending === null) {
      const used = await stat(join(this.#used, name)).catch(() => null);
      if (used !== null) throw new OutriderError('OUT_SITE_TOKEN_USED', `the token was used at ${used.ctime.toISOString()}`);
      throw new OutriderError('OUT_SITE_TOKEN_UNKNOWN', 'the token names this site’s CA, but its secret is not known here');
    }
    if (pending.id !== id) throw new OutriderError('OUT_SITE_TOKEN_OTHER', `the token is for ${pending.id}, not for ${id}`);
    await mkdir(this.#used, { recursive: true, mode: 0o700 });
    try {
      await rename(join(this.#tokens, name), join(this.#used, name));
    } catch (cause) {
      throw new OutriderError('OUT_SITE_TOKEN_USED', 'the token was used at this moment', { cause });
    }
    if (Date.parse(pending.expiresAt) < this.#now().getTime()) {
      throw new OutriderError('OUT_SITE_TOKEN_EXPIRED', `the token for ${id} expired at ${pending.expiresAt}`);
    }
    return pending;
  }

  /** Takes a member in; a revoked one of that name is replaced. */
  async admit(member: Omit<Member, 'enrolledAt' | 'revokedAt' | 'previousSerial'>): Promise<void> {
    await this.#write({ ...member, previousSerial: null, enrolledAt: this.#now().toISOString(), revokedAt: null });
  }

  /** A member that showed the certificate `shown` has a new one. */
  async renew(member: Member, shown: string, serial: string): Promise<void> {
    await this.#write({ ...member, serial, previousSerial: shown });
  }

  /** Throws OUT_EDGE_UNKNOWN when there is no such member. Its unused tokens are withdrawn. */
  async revoke(role: MemberRole, id: string): Promise<Member> {
    const member = await this.member(role, id);
    if (member === null) throw new OutriderError('OUT_EDGE_UNKNOWN', `${role} ${id} is not enrolled here`);
    for (const name of await names(this.#tokens)) {
      const pending = await this.#read(join(this.#tokens, name), pendingSchema);
      if (pending?.role === role && pending.id === id) await rm(join(this.#tokens, name), { force: true });
    }
    const revoked = { ...member, revokedAt: member.revokedAt ?? this.#now().toISOString() };
    await this.#write(revoked);
    return revoked;
  }

  async member(role: MemberRole, id: string): Promise<Member | null> {
    return this.#read(join(this.#members, `${role}-${idSchema.parse(id)}.json`), memberSchema);
  }

  async members(): Promise<Member[]> {
    const found = await Promise.all((await names(this.#members)).map((name) => this.#read(join(this.#members, name), memberSchema)));
    return found.filter((member) => member !== null);
  }

  async #write(member: Member): Promise<void> {
    await mkdir(this.#members, { recursive: true, mode: 0o700 });
    const path = join(this.#members, `${member.role}-${member.id}.json`);
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, JSON.stringify(member), { mode: 0o600, flush: true });
    await rename(temporary, path);
  }

  async #read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    const text = textOf(path);
    if (text === null) return null;
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      if (isOutriderError(cause)) throw cause;
      throw new OutriderError('OUT_SITE_FOLDER', `${path} is broken`, { cause });
    }
  }
}

/** At once: some hundred bytes that the system has in memory. By the thread pool it takes 1 ms, in each request of a rover. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new OutriderError('OUT_SITE_FOLDER', `${path}: ${message}`, { cause: error });
  }
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
}
