// Edge hosts as child processes: started, watched, started again when they die, ended in order.
import type { ChildProcess } from 'node:child_process';
import type { EnforcedLimit } from '../shared/process-limits/process-limits.ts';
import type { HostProcessConfig } from './host/process-config.ts';
import { endProcess, type HostProcessOptions, startProcess, type StartedProcess } from './start-host-process.ts';

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
  /** Resolves when it runs no more and is not started again: it was drained, or stopped. */
  readonly ended: Promise<void>;
  /** What runs in it moves to other hosts first, as far as there are any. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 3000;
/** Beyond what a host gives its instances to leave (process.ts). */
const DRAIN_TIMEOUT_MS = 35_000;
const FIRST_RESTART_MS = 1000;
const MAX_RESTART_MS = 30_000;

/**
 * Starts a host and keeps it running. Rejects when it does not come up the first time: with the error that the host itself gives, else with
 * OUT_EDGE_HOST_START, and with OUT_EDGE_NO_LIMITS when a limit is required that this machine cannot enforce.
 */
export async function superviseHost(config: HostProcessConfig, options: HostProcessOptions): Promise<HostProcess> {
  const { logger } = options;
  const { host } = config;
  let deaths = 0;
  const giveUp = new AbortController();
  const begin = (): Promise<StartedProcess> => startProcess(config, options, giveUp.signal);
  let current = await begin();
  let restartMs = FIRST_RESTART_MS;
  let stopping = false;
  let timer: NodeJS.Timeout | null = null;
  let alive = true;
  let over = (): void => undefined;
  const ended = new Promise<void>((resolve) => (over = resolve));

  const watch = (started: StartedProcess): void => {
    const sinceMs = performance.now();
    started.child.once('exit', () => (alive = false));
    // Its last words have been read by then.
    started.child.once('close', (code, signal) => {
      if (stopping) return;
      if (code === 0) {
        logger.info({ host }, 'edge host was drained and has ended; it is not started again');
        over();
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
    begin().then(
      (started) => {
        current = started;
        alive = true;
        // It may have been renewed while the process started.
        if (config.tls !== null && started.child.connected) started.child.send({ type: 'certificate', cert: config.tls.cert });
        if (stopping) started.child.kill('SIGKILL');
        else watch(started);
      },
      (error: Error) => {
        if (stopping) return;
        logger.error({ host, error: error.message }, 'edge host process does not come up');
        timer = setTimeout(restart, restartMs);
        restartMs = Math.min(MAX_RESTART_MS, restartMs * 2);
      },
    );
  };
  watch(current);
  const end = async (order: (child: ChildProcess) => void, patienceMs: number): Promise<void> => {
    stopping = true;
    if (timer !== null) clearTimeout(timer);
    giveUp.abort();
    if (alive) await endProcess(current.child, order, patienceMs);
    over();
  };
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
    ended,
    drain: () => end((child) => void child.kill('SIGTERM'), DRAIN_TIMEOUT_MS),
    stop: () => end((child) => child.connected && child.send({ type: 'stop' }), STOP_TIMEOUT_MS),
  };
}
