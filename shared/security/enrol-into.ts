// Enrolment into a folder: looks first whether the folder can take the identity, since the token works only once.
import { existsSync } from 'node:fs';
import { OutriderError } from '../errors.ts';
import { enrol, type EnrolOptions } from './enrol.ts';
import { type Identity, saveIdentity } from './identity-folder.ts';

/** Throws OUT_SITE_EXISTS where the folder holds something, and what {@link enrol} throws. */
export async function enrolInto(folder: string, options: EnrolOptions): Promise<Identity> {
  if (existsSync(folder)) {
    throw new OutriderError(
      'OUT_SITE_EXISTS',
      `${folder} is there: to use that identity say --identity ${folder} without --enroll; to replace it, remove it first`,
    );
  }
  const identity = await enrol(options);
  await saveIdentity(folder, identity);
  process.stderr.write(`enrolled as ${identity.role} ${identity.id} of site ${identity.site}; identity in ${folder}\n`);
  return identity;
}
