// `outrider module new`: a module project of its own, outside this package.
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OutriderError } from '../../shared/errors.ts';
import { witName } from '../glue/wit.ts';
import { templateFiles } from './files.ts';

export interface NewModuleOptions {
  /** Folder of the project. Default: the name, below the working directory. */
  readonly directory?: string | undefined;
  /** What package.json asks for. Default: the version of this package. */
  readonly outrider?: string | undefined;
}

export interface NewModule {
  readonly directory: string;
  /** Names of the files, in the order written. */
  readonly files: readonly string[];
}

const NAME = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;
const NAME_MAX = 50;
/** Names of other files of the project, or of JavaScript's own classes, which the module's class would hide. */
const TAKEN = new Set(['handle', 'array', 'map', 'set', 'string', 'number', 'boolean', 'math', 'error', 'object', 'function', 'summary']);

/** Writes the project. Throws OUT_MODULE_NEW for a bad name or a folder that exists. */
export async function newModule(name: string, options: NewModuleOptions = {}): Promise<NewModule> {
  if (!NAME.test(name) || name.length > NAME_MAX) {
    throw new OutriderError(
      'OUT_MODULE_NEW',
      `\`${name}\` is not a module's name: lower-case words joined by -, at most ${NAME_MAX} characters`,
    );
  }
  if (TAKEN.has(name) || witName(name) !== name)
    throw new OutriderError('OUT_MODULE_NEW', `\`${name}\` means something else in the module's source`);
  const directory = path.resolve(options.directory ?? name);
  const exists = await access(directory).then(
    () => true,
    () => false,
  );
  if (exists) throw new OutriderError('OUT_MODULE_NEW', `${directory} exists already`);
  const files = templateFiles({ name, outrider: options.outrider ?? `^${await ownVersion()}` });
  await mkdir(directory, { recursive: true });
  // `wx`: nothing is overwritten, whoever else writes here.
  for (const [file, text] of files) await writeFile(path.join(directory, file), text, { flag: 'wx' });
  return { directory, files: [...files.keys()] };
}

async function ownVersion(): Promise<string> {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return (JSON.parse(await readFile(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}
