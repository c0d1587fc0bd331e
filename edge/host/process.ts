// Entry of an edge host process, started by the site or by `outrider edge --join` (host-processes.ts); it ends with its parent.
import { checkConfig } from '../../shared/config/load-yaml.ts';
import { isOutriderError } from '../../shared/errors.ts';
import { pinoLogger } from '../logging.ts';
import { type FromHostProcess, hostProcessSchema, type ToHostProcess } from './process-config.ts';
import { type LiveHost, runHost } from './run-host.ts';

/** How long instances may take to leave [s]; below the 90 s that service managers wait before they kill. */
const DRAIN_SEC = 30;

let live: LiveHost | null = null;

const say = (message: FromHostProcess): void => void process.send?.(message);

async function start(config: unknown): Promise<void> {
  try {
    const checked = checkConfig(config, 'edge host', hostProcessSchema);
    live = await runHost(checked, pinoLogger(checked.logLevel, { host: checked.host }));
    say({ type: 'running', rest: live.rest });
  } catch (error) {
    say({ type: 'failed', code: isOutriderError(error) ? error.code : 'OUT_INTERNAL', message: (error as Error).message });
    process.exitCode = 1;
    process.disconnect();
  }
}

let stopping: Promise<void> | null = null;

/** Once: a service manager's SIGTERM reaches this process and its parent, which passes it on. */
function stop(): Promise<void> {
  stopping ??= (live?.close() ?? Promise.resolve()).finally(() => process.exit(0));
  return stopping;
}

/** The machine goes down for maintenance: what runs here moves to other hosts first, as far as there are any. */
async function drainAndStop(): Promise<void> {
  live?.edgeHost.drain();
  await live?.edgeHost.emptied(DRAIN_SEC);
  await stop();
}

process.on('message', (message: ToHostProcess) => {
  if (message.type === 'start') void start(message.config);
  else if (message.type === 'certificate') live?.showCertificate(message.cert);
  else void stop();
});
process.on('disconnect', () => void stop());
// A Ctrl-C in the terminal reaches the whole process group: the parent ends its hosts in order.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void drainAndStop());
say({ type: 'up' });
