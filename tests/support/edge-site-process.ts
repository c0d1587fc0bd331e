// A part of an edge site (`outrider edge`) as a process of a test, which may be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SiteConfigInput } from '../../edge/config.ts';

/** The built command line, from the source tree and from the built one. */
const CLI = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../bin/outrider.js' : '../../../bin/outrider.js', import.meta.url));

export interface SiteProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it said when it was up. */
  readonly up: {
    readonly url: string;
    readonly broker: string;
    readonly hosts: readonly { readonly host: string; readonly pid: number }[];
  };
  /** SIGKILL, as a crash: resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts it; resolves when it is up. */
export async function startSiteProcess(config: SiteConfigInput): Promise<SiteProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'outrider-site-process-'));
  const file = join(directory, 'site.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [CLI, 'edge', '--config', file, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words = `${words}${chunk.toString()}`.slice(-2000)));
  const up = await new Promise<SiteProcess['up']>((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`outrider edge ended with ${signal ?? code}: ${words}`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as SiteProcess['up']));
  });
  return {
    child,
    pid: child.pid as number,
    up,
    kill: async (signal = 'SIGKILL') => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill(signal);
      await gone;
    },
  };
}
