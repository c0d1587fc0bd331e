// Commands that go on running, as in a second and a third shell: started from the built files, ended with the test. What they said is
// shown when a test of the file that imports this fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach } from 'vitest';
import { REPOSITORY } from '../system/cli-process.ts';

/** The end of what each command says is shown, so much of it [characters]. */
const TAIL_CHARACTERS = 4000;
const commands: { readonly args: readonly string[]; readonly child: ChildProcess; readonly output: () => string }[] = [];

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const { args, child, output } of commands) {
    const state =
      child.exitCode === null && child.signalCode === null ? 'runs' : `ended with ${child.signalCode ?? `code ${child.exitCode}`}`;
    process.stderr.write(`--- outrider ${args.join(' ')} (${state}) said:\n${output().slice(-TAIL_CHARACTERS)}\n`);
  }
});

export interface RunningCommand {
  readonly child: ChildProcess;
  /** What it has written so far, stdout and stderr together. */
  output(): string;
  /** Resolves with the match when the output has it; rejects with the output when the command ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  stop(): Promise<void>;
}

/** Runs `outrider <args>` in `cwd`. */
export function startOutrider(args: readonly string[], cwd: string): RunningCommand {
  const child = spawn(process.execPath, [`${REPOSITORY}bin/outrider.js`, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const listeners = new Set<() => void>();
  const heard = (chunk: string): void => {
    text += chunk;
    for (const listener of listeners) listener();
  };
  commands.push({ args, child, output: () => text });
  child.stdout.setEncoding('utf8').on('data', heard);
  child.stderr.setEncoding('utf8').on('data', heard);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    child,
    output: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        void ended.then(() => reject(new Error(`outrider ${args.join(' ')} ended without ${String(pattern)}:\n${text}`)));
        look();
      }),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await ended;
    },
  };
}
