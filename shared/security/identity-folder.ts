// The identity of a rover or host: its key (made here, never sent), its certificate, the CA of its site, and where the site is.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OutriderError } from '../errors.ts';
import { idSchema } from '../protocol/message.ts';
import { MEMBER_ROLES } from './member-roles.ts';
import { readPrivateFile, readSiteFile, writePrivateFile } from './private-file.ts';

/** What the site tells a member when it takes it in. */
export const membershipSchema = z.strictObject({
  site: idSchema,
  role: z.enum(MEMBER_ROLES),
  id: idSchema,
  tenant: idSchema,
  /** `mqtts://…` of the site's broker. */
  brokerUrl: z.string().max(256),
  gatewayUrl: z.string().max(256),
  /** For the control plane; the certificate proves the same to the broker. */
  credential: z.string().min(16).max(256),
});

export type Membership = z.infer<typeof membershipSchema>;

export interface Identity extends Membership {
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

const FILES = { ca: 'ca.crt', cert: 'member.crt', key: 'member.key', membership: 'membership.json' } as const;

/** Writes an identity into a new folder: whole, or not at all. Throws OUT_SITE_EXISTS where there is one. */
export async function saveIdentity(folder: string, { tls, ...membership }: Identity): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  await writeFile(join(partial, FILES.ca), tls.ca);
  await writeFile(join(partial, FILES.cert), tls.cert);
  await writePrivateFile(join(partial, FILES.key), tls.key);
  await writePrivateFile(join(partial, FILES.membership), `${JSON.stringify(membership, null, 2)}\n`);
  try {
    await rename(partial, folder);
  } catch (cause) {
    throw new OutriderError('OUT_SITE_EXISTS', `${folder} holds something already`, { cause });
  }
}

/** Another certificate for the key that is there; a reader finds the old one or the new one, whole. */
export async function replaceCertificate(folder: string, certPem: string): Promise<void> {
  const partial = join(folder, `${FILES.cert}.partial`);
  await writeFile(partial, certPem, { flush: true });
  await rename(partial, join(folder, FILES.cert));
}

/** Throws OUT_SITE_FOLDER where something is missing or broken, OUT_SITE_KEY_PERMISSIONS where others can read the key. */
export async function loadIdentity(folder: string): Promise<Identity> {
  const [ca, cert, key, text] = await Promise.all([
    readSiteFile(join(folder, FILES.ca)),
    readSiteFile(join(folder, FILES.cert)),
    readPrivateFile(join(folder, FILES.key)),
    readPrivateFile(join(folder, FILES.membership)),
  ]);
  try {
    return { ...membershipSchema.parse(JSON.parse(text)), tls: { ca, cert, key } };
  } catch (cause) {
    throw new OutriderError('OUT_SITE_FOLDER', `${join(folder, FILES.membership)} is broken: ${(cause as Error).message}`, { cause });
  }
}
