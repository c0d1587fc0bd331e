// Where the modules that come with Outrider lie once they are built: dist/modules/<name>, from the sources as from the build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../errors.ts';
import { type ModuleBundle, readBundle } from './bundle.ts';

/** Reads the bundle of one of Outrider's own modules. Throws OUT_MODULE_BUNDLE when it is not built. */
export async function readBuiltModule(name: string): Promise<ModuleBundle> {
  const fromBuild = fileURLToPath(new URL(`../../modules/${name}`, import.meta.url));
  const fromSource = fileURLToPath(new URL(`../../dist/modules/${name}`, import.meta.url));
  const directory = import.meta.url.endsWith('.ts') ? fromSource : fromBuild;
  if (!existsSync(directory))
    throw new OutriderError('OUT_MODULE_BUNDLE', `module ${name} is not built: ${directory} is missing; run \`npm run build\``);
  return readBundle(directory);
}
