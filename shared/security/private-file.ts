// Files that hold secrets: readable by their owner alone, made so and checked to be so (as ssh does with its keys).
import { open, readFile, stat } from 'node:fs/promises';
import { OutriderError } from '../errors.ts';

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/** Writes a new file with mode 0600. Throws OUT_SITE_EXISTS where there is one, OUT_SITE_FOLDER where it cannot be written. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', OWNER_ONLY);
    try {
      // The umask can only take rights away; a file system that ignores modes is found when it is read.
      await file.chmod(OWNER_ONLY);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new OutriderError('OUT_SITE_EXISTS', `${path} is there already`, { cause });
    throw new OutriderError('OUT_SITE_FOLDER', `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Reads a file that holds a secret. Throws OUT_SITE_KEY_PERMISSIONS where others can read it, OUT_SITE_FOLDER where it is missing. */
export async function readPrivateFile(path: string): Promise<string> {
  const text = await readSiteFile(path);
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(3, '0');
    throw new OutriderError('OUT_SITE_KEY_PERMISSIONS', `${path} has mode ${octal}; at most 600 is allowed`);
  }
  return text;
}

/** Reads a file of a site or identity that need not be secret. Throws OUT_SITE_FOLDER where it is missing. */
export async function readSiteFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new OutriderError('OUT_SITE_FOLDER', `${path}: ${why}`, { cause });
  }
}
