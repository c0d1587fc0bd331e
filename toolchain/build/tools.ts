// The compilers, loaded when they are needed: they are devDependencies, and a rover or an edge host has none of them.
import { OutriderError } from '../../shared/errors.ts';

async function load<T>(name: string, importer: () => Promise<T>): Promise<T> {
  try {
    return await importer();
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new OutriderError('OUT_MODULE_TOOLS', `${name} is not installed`, { cause });
  }
}

export const loadAssemblyScript = () => load('assemblyscript', () => import('assemblyscript/asc'));
export const loadEsbuild = () => load('esbuild', () => import('esbuild'));
export const loadComponentize = () => load('@bytecodealliance/componentize-js', () => import('@bytecodealliance/componentize-js'));
export const loadJco = () => load('@bytecodealliance/jco', () => import('@bytecodealliance/jco'));
