// Edge hosts as child processes: started, watched, started again when they die, ended in order.
import { type ChildProcess, fork } from 'node:child_process';
import { OutriderError } from '../shared/errors.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { EnforcedLimit, ProcessLimits } from '../shared/process-limits/process-limits.ts';
import { builtFile } from '../shared/services/built-file.ts';
import type { FromHostProcess, HostProcessConfig } from './host/process-config.ts';
import { type LimitedStart, limitedStart } from './limited-start.ts';

export interface HostProcess {
  readonly host: string;
  /** Of the process that runs now, or null between two. */
  readonly pid: number | null;
  /** REST API of its Execution Handler. */
  readonly rest: string | null;
  /** Limits of the process that hold, and what enforces each. */
  readonly limits: readonly EnforcedLimit[];
  /** How often it died. */
  readonly deaths: number;
  /** What counts against its memory limit now [bytes], or null. */
  memoryBytes(): number | null;
  /** Shows a renewed certificate of the same key; one that is started later takes it from its configuration. */
  showCertificate(cert: string): void;
  stop(): Promise<void>;
}

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './host/process.ts' : './host/process.js', import.meta.url).href;
/** Every instance has a heap of its own: a nursery of 1 MiB instead of 16 saves each nearly 1 MB, and short calls need no more. */
const HEAP = ['--max-semi-space-size=1'];
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 3000;
const FIRST_RESTART_MS = 1000;
const MAX_RESTART_MS = 30_000;

export interface SuperviseOptions {
  readonly logger: Logger;
  readonly limits?: ProcessLimits | undefined;
  /** Number of the host on this machine, from 0: limited ones are spread over the cores. */
  readonly turn?: number;
}

/**
 * Starts a host and keeps it running. Rejects with OUT_EDGE_HOST_START when it does not come up the first time, with OUT_EDGE_NO_LIMITS
 * when a limit is required that this machine cannot enforce.
 */
export async function superviseHost(config: HostProcessConfig, options: SuperviseOptions): Promise<HostProcess> {
  const { logger } = options;
  const { host } = config;
  let deaths = 0;
  let current = await startProcess(config, options);
  let restartMs = FIRST_RESTART_MS;
  let stopping = false;
  let timer: NodeJS.Timeout | null = null;
  let alive = true;

  const watch = (started: StartedProcess): void => {
    const sinceMs = performance.now();
    started.child.once('exit', () => (alive = false));
    // Its last words have been read by then.
    started.child.once('close', (code, signal) => {
      if (stopping) return;
      if (code === 0) {
        logger.info({ host }, 'edge host was drained and has ended; it is not started again');
        return;
      }
      if (performance.now() - sinceMs > MAX_RESTART_MS) restartMs = FIRST_RESTART_MS;
      deaths += 1;
      const { outOfMemory } = started;
      const why = outOfMemory ? 'edge host process went beyond its memory; starting it again' : 'edge host process died; starting it again';
      logger.warn({ host, code, signal, outOfMemory, restartMs }, why);
      timer = setTimeout(restart, restartMs);
      restartMs = Math.min(MAX_RESTART_MS, restartMs * 2);
    });
  };
  const restart = (): void => {
    startProcess(config, options).then(
      (started) => {
        current = started;
        alive = true;
        // It may have been renewed while the process started.
        if (config.tls !== null && started.child.connected) started.child.send({ type: 'certificate', cert: config.tls.cert });
        if (stopping) started.child.kill('SIGKILL');
        else watch(started);
      },
      (error: Error) => {
        logger.error({ host, error: error.message }, 'edge host process does not come up');
        if (!stopping) timer = setTimeout(restart, restartMs);
        restartMs = Math.min(MAX_RESTART_MS, restartMs * 2);
      },
    );
  };
  watch(current);
  return {
    host,
    get pid() {
      return alive ? (current.child.pid ?? null) : null;
    },
    get rest() {
      return alive ? current.rest : null;
    },
    get limits() {
      return current.limited.enforced;
    },
    get deaths() {
      return deaths;
    },
    memoryBytes: () => (alive && current.child.pid !== undefined ? current.limited.memoryBytes(current.child.pid) : null),
    showCertificate: (cert) => {
      if (alive && current.child.connected) current.child.send({ type: 'certificate', cert });
    },
    stop: async () => {
      stopping = true;
      if (timer !== null) clearTimeout(timer);
      if (alive) await endProcess(current.child);
    },
  };
}

interface StartedProcess {
  readonly child: ChildProcess;
  readonly rest: string;
  readonly limited: LimitedStart;
  /** Whether it has ended for its memory. */
  readonly outOfMemory: boolean;
}

/** Last words of V8 and of the C++ runtime when they end a process for want of memory. */
const NO_MEMORY_LEFT = /out of memory|\bOOM\b|bad_alloc/i;

function startProcess(config: HostProcessConfig, { limits, turn = 0, logger }: SuperviseOptions): Promise<StartedProcess> {
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
    const fail = (why: string): void => {
      clearTimeout(timeout);
      child.kill('SIGKILL');
      reject(
        new OutriderError(
          'OUT_EDGE_HOST_START',
          `${config.host}: ${why}${lastWords === '' ? '' : `; its last words: ${lastWords.trim()}`}`,
        ),
      );
    };
    const timeout = setTimeout(() => fail(`not up after ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    const early = (code: number | null, signal: NodeJS.Signals | null): void => fail(`ended with ${signal ?? `code ${code}`}`);
    child.once('error', (error) => fail(error.message));
    child.once('exit', early);
    child.on('message', (message: FromHostProcess) => {
      if (message.type === 'up') child.send({ type: 'start', config });
      else if (message.type === 'failed') fail(`${message.code}: ${message.message}`);
      else {
        clearTimeout(timeout);
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

async function endProcess(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.send({ type: 'stop' });
  const patience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(patience);
}
