// Who asks, for commands of operators: an identity folder of `outrider site join`.
import { OutriderError } from '../shared/errors.ts';
import { type Identity, loadIdentity } from '../shared/security/identity-folder.ts';

/** Null without a folder. Throws OUT_SITE_TOKEN_OTHER for a rover's or host's, OUT_SITE_… for a broken one. */
export async function operatorIdentity(folder: string | undefined): Promise<Identity | null> {
  const identity = folder === undefined ? null : await loadIdentity(folder);
  if (identity !== null && identity.role !== 'operator')
    throw new OutriderError('OUT_SITE_TOKEN_OTHER', `this identity is that of ${identity.role} ${identity.id}, not an operator's`);
  return identity;
}
