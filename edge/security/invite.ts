// Makes the token that brings a member into a site: what the registry remembers of it, and where the newcomer finds the gateway.
import { join } from 'node:path';
import { z } from 'zod';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { OutriderError } from '../../shared/errors.ts';
import { idSchema } from '../../shared/protocol/message.ts';
import { encodeToken } from '../../shared/security/enrolment-token.ts';
import type { PendingMember } from './member-registry.ts';
import { openSite, SITE_FILES } from './site-folder.ts';

/** Of the site's configuration, what a newcomer must know. */
const placeSchema = z.looseObject({
  site: idSchema,
  listen: z.string(),
  advertise: z.string().nullish(),
  gatewayPort: z.number().int(),
});

export interface Invitation {
  readonly token: string;
  readonly expiresAt: string;
  readonly url: string;
}

/** Throws OUT_SITE_FOLDER, OUT_SITE_EXISTS for a member that is in already, OUT_CLI_USAGE for a reserved id or where the URL is unknown. */
export async function inviteMember(
  directory: string,
  pending: Omit<PendingMember, 'expiresAt'>,
  options: { readonly validSec: number; readonly siteUrl: string | undefined; readonly now: () => Date },
): Promise<Invitation> {
  const { fingerprint, registry } = await openSite(directory, options.now);
  const place = await loadYaml(join(directory, SITE_FILES.config), placeSchema);
  const host = place.advertise ?? place.listen;
  const url = options.siteUrl ?? `https://${host.includes(':') ? `[${host}]` : host}:${place.gatewayPort}`;
  if (options.siteUrl === undefined && place.gatewayPort === 0) {
    throw new OutriderError('OUT_CLI_USAGE', 'site.yaml has gatewayPort 0 (any free one): say --site-url');
  }
  const secret = await registry.invite(pending, options.validSec);
  const expiresAt = new Date(options.now().getTime() + options.validSec * 1000).toISOString();
  const token = encodeToken({ site: place.site, role: pending.role, id: pending.id, ca: fingerprint, secret, url });
  return { token, expiresAt, url };
}
