// The command line as a user meets it: a process of its own, with what it printed and its exit code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `outrider <args>` from the built files until it ends. */
export async function outrider(...args: readonly string[]): Promise<CliResult> {
  const child = spawn(process.execPath, [`${REPOSITORY}bin/outrider.js`, ...args], { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { exitCode: child.exitCode, stdout, stderr };
}

/** The JSON object that `--json` prints last. */
export function lastJson<T>({ stdout, stderr }: CliResult): T {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`no JSON came: ${stderr}`);
  return JSON.parse(line) as T;
}
