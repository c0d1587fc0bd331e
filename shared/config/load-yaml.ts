// Reads a YAML file and checks it against a schema, with every problem listed at once.
import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { OutriderError } from '../errors.ts';

/** Bound on a configuration file [bytes]: far above any real one, far below what could exhaust memory. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Reads, parses and checks a file. Throws OUT_CONFIG_UNREADABLE or OUT_CONFIG_INVALID, naming the file. */
export async function loadYaml<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new OutriderError('OUT_CONFIG_UNREADABLE', `${path}: ${reason}`, { cause });
  }
  return parseYaml(text, path, schema);
}

/** Parses and checks YAML text; `source` names it in errors. Throws OUT_CONFIG_UNREADABLE or OUT_CONFIG_INVALID. */
export function parseYaml<T>(text: string, source: string, schema: z.ZodType<T>): T {
  if (text.length > MAX_FILE_BYTES) throw new OutriderError('OUT_CONFIG_UNREADABLE', `${source}: larger than ${MAX_FILE_BYTES} bytes`);
  const document = parseDocument(text, { prettyErrors: true });
  const problem = document.errors[0];
  if (problem !== undefined)
    throw new OutriderError('OUT_CONFIG_UNREADABLE', `${source}: ${problem.message.split('\n')[0]}`, { cause: problem });
  return checkConfig(document.toJS({ maxAliasCount: 100 }), source, schema);
}

/** Checks a value that is already parsed. Throws OUT_CONFIG_INVALID with one line per problem. */
export function checkConfig<T>(value: unknown, source: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    const arrived = issue.code === 'unrecognized_keys' ? '' : ` (arrived: ${shorten(valueAt(value, issue.path))})`;
    return `${path === '' ? '(top level)' : path}: ${issue.message}${arrived}`;
  });
  throw new OutriderError('OUT_CONFIG_INVALID', `${source}:\n  ${problems.join('\n  ')}`, { details: { problems } });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

function shorten(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
