// module.json: what the author says about a module beside its source.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { OutriderError } from '../../shared/errors.ts';

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/, 'lower-case words joined by -'),
  version: z.string().regex(/^\d+\.\d+\.\d+/, 'a version like 1.2.3'),
  description: z.string().min(1).max(2000),
  entry: z.string().regex(/^[\w./-]+\.ts$/, 'a .ts file of the module'),
  sharing: z.enum(['shared', 'per-rover']),
  stateVersion: z.int().min(1),
  memoryMaxBytes: z
    .int()
    .min(65_536)
    .max(2 ** 32),
  onboard: z.enum(['native', 'wasm']),
  /** Extra WebAssembly features of the guest. */
  enable: z.array(z.enum(['simd', 'relaxed-simd'])).default([]),
  /** A component of another language, built against the module's world, in place of the AssemblyScript build. */
  component: z.string().optional(),
  /**
   * How the Wasm is made. `auto`: by AssemblyScript, and where the source is outside the portable subset with a JavaScript engine inside
   * (StarlingMonkey: 12 MB, not accelerated); `assemblyscript`: what is outside is an error; `starlingmonkey`: always the engine.
   */
  engine: z.enum(['auto', 'assemblyscript', 'starlingmonkey']).default('auto'),
});

export type ModuleConfig = z.infer<typeof schema>;

export async function readModuleConfig(directory: string): Promise<ModuleConfig> {
  const file = path.join(directory, 'module.json');
  let data: unknown;
  try {
    data = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_BUILD', `${file} cannot be read as JSON: ${(cause as Error).message}`, { cause });
  }
  const result = schema.safeParse(data);
  if (!result.success) throw new OutriderError('OUT_MODULE_BUILD', `${file}: ${z.prettifyError(result.error)}`);
  return result.data;
}
