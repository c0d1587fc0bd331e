// One edge host process, from its start, under its limits, to the moment when its REST API is there; and its end.
import { type ChildProcess, fork } from 'node:child_process';
import { isErrorCode, OutriderError } from '../shared/errors.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { ProcessLimits } from '../shared/process-limits/process-limits.ts';
import { builtFile } from '../shared/services/built-file.ts';
import type { FromHostProcess, HostProcessConfig } from './host/process-config.ts';
import { type LimitedStart, limitedStart } from './limited-start.ts';

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './host/process.ts' : './host/process.js', import.meta.url).href;
/** Every instance has a heap of its own: a nursery of 1 MiB instead of 16 saves each nearly 1 MB, and short calls need no more. */
const HEAP = ['--max-semi-space-size=1'];
const START_TIMEOUT_MS = 20_000;

export interface HostProcessOptions {
  readonly logger: Logger;
  readonly limits?: ProcessLimits | undefined;
  /** Number of the host on this machine, from 0: limited ones are spread over the cores. */
  readonly turn?: number;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly rest: string;
  readonly limited: LimitedStart;
  /** Whether it has ended for its memory. */
  readonly outOfMemory: boolean;
}

/** Last words of V8 and of the C++ runtime when they end a process for want of memory. */
const NO_MEMORY_LEFT = /out of memory|\bOOM\b|bad_alloc/i;

/** Rejects with the host's own error or OUT_EDGE_HOST_START when it does not come up, also when `giveUp` says so; with OUT_EDGE_NO_LIMITS. */
export function startProcess(
  config: HostProcessConfig,
  { limits, turn = 0, logger }: HostProcessOptions,
  giveUp: AbortSignal,
): Promise<StartedProcess> {
  return new Promise((resolve, reject) => {
    const limited = limitedStart(config.host, limits, HEAP, { logger, turn });
    const { execPath, execArgv } = limited;
    const child = fork(builtFile(ENTRY), [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execPath, execArgv: [...execArgv] });
    let outOfMemory = false;
    child.once('exit', () => (outOfMemory = limited.ended().outOfMemory || outOfMemory));
    let lastWords = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk);
      const words = `${lastWords}${chunk.toString()}`;
      outOfMemory ||= NO_MEMORY_LEFT.test(words);
      lastWords = words.slice(-500);
    });
    const refuse = (error: OutriderError): void => {
      clearTimeout(timeout);
      giveUp.removeEventListener('abort', stopped);
      child.kill('SIGKILL');
      reject(error);
    };
    const fail = (why: string): void =>
      refuse(
        new OutriderError(
          'OUT_EDGE_HOST_START',
          `${config.host}: ${why}${lastWords === '' ? '' : `; its last words: ${lastWords.trim()}`}`,
        ),
      );
    const stopped = (): void => fail('told to stop before it was up');
    giveUp.addEventListener('abort', stopped);
    const timeout = setTimeout(() => fail(`not up after ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    const early = (code: number | null, signal: NodeJS.Signals | null): void => fail(`ended with ${signal ?? `code ${code}`}`);
    child.once('error', (error) => fail(error.message));
    child.once('exit', early);
    child.on('message', (message: FromHostProcess) => {
      if (message.type === 'up') child.send({ type: 'start', config });
      else if (message.type === 'failed') {
        const { code, message: why } = message;
        if (code !== 'OUT_INTERNAL' && isErrorCode(code)) refuse(new OutriderError(code, `${config.host}: ${why}`));
        else fail(`${code}: ${why}`);
      } else {
        clearTimeout(timeout);
        giveUp.removeEventListener('abort', stopped);
        child.off('exit', early);
        resolve({
          ...{ child, rest: message.rest, limited },
          get outOfMemory() {
            return outOfMemory;
          },
        });
      }
    });
  });
}

/** Orders it to end; kills it after `patienceMs`. Resolves when it is gone. */
export async function endProcess(child: ChildProcess, order: (child: ChildProcess) => void, patienceMs: number): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  order(child);
  const patience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await gone;
  clearTimeout(patience);
}
