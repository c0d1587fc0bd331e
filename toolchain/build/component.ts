// Wraps a core module into a component of its world, by the tools of jco.
import { OutriderError } from '../../shared/errors.ts';
import { loadJco } from './tools.ts';

/** `encoding` is how the core module's strings are stored. Throws OUT_MODULE_BUILD where it does not match the world. */
export async function makeComponent(core: Uint8Array, wit: string, encoding: 'utf8' | 'utf16'): Promise<Uint8Array> {
  const { componentEmbed, componentNew } = await loadJco();
  try {
    const embedded = await componentEmbed({ binary: core, witSource: wit, stringEncoding: encoding });
    return await componentNew(embedded, []);
  } catch (cause) {
    throw new OutriderError('OUT_MODULE_BUILD', `the core module does not match its world: ${describe(cause)}`, { cause });
  }
}

/** The tools throw errors with a payload, strings, or plain errors. */
function describe(cause: unknown): string {
  if (typeof cause === 'object' && cause !== null && 'payload' in cause) return String(cause.payload);
  return cause instanceof Error ? cause.message : String(cause);
}
