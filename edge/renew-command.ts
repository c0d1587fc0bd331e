// `outrider site renew`: a new certificate for a member (from its site), or for the site itself (from its CA).
import { join } from 'node:path';
import { OutriderError } from '../shared/errors.ts';
import { certificateLife } from '../shared/security/certificate-life.ts';
import { loadIdentity } from '../shared/security/identity-folder.ts';
import { readSiteFile } from '../shared/security/private-file.ts';
import { renewIdentity } from '../shared/security/renew.ts';
import { renewServer, SITE_FILES } from './security/site-folder.ts';

export interface Renewed {
  readonly who: { readonly role: string; readonly id: string };
  readonly until: Date;
}

/** Throws OUT_CLI_USAGE where not one of both is given, OUT_SITE_… for what is wrong with folder or site. */
export async function renewFolder({ identity, dir }: { readonly identity?: string; readonly dir?: string }, now: Date): Promise<Renewed> {
  if ((identity === undefined) === (dir === undefined))
    throw new OutriderError('OUT_CLI_USAGE', 'whose certificate? Say --identity DIR for a member, or --dir DIR for the site itself');
  if (identity !== undefined) {
    const known = await loadIdentity(identity);
    const cert = await renewIdentity(identity, known);
    return { who: { role: known.role, id: known.id }, until: certificateLife(cert).until };
  }
  const folder = dir as string;
  if (!(await renewServer(folder, now, true)))
    throw new OutriderError('OUT_SITE_FOLDER', `${join(folder, SITE_FILES.caKey)} is not there: the CA's key is needed`);
  return { who: { role: 'site', id: folder }, until: certificateLife(await readSiteFile(join(folder, SITE_FILES.serverCert))).until };
}
