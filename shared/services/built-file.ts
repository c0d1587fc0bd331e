// Where the built JavaScript of a source file lies: worker threads and child processes run it, since Node cannot run TypeScript.
import { fileURLToPath } from 'node:url';

/** Path of the built file for the URL of a module; in an installation it is the file itself. */
export function builtFile(url: string): string {
  const path = fileURLToPath(url);
  if (!path.endsWith('.ts')) return path;
  const root = fileURLToPath(new URL('../../', import.meta.url));
  return `${root}dist/${path.slice(root.length).replace(/\.ts$/, '.js')}`;
}
