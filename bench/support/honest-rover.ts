// A rover in a process of its own that calls its module at a steady pace and keeps how long each call took: what the benchmark's process
// does (broker, manager, attackers) is not in its figures.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { joinSite } from '../../robot/join-site.ts';
import { decodeBundle, encodeBundle, type ModuleBundle } from '../../shared/elastic/bundle.ts';
import { NOWHERE } from './nowhere.ts';

/** Pause between two calls [ms]: a rover's pace, not a flood of its own. */
const PAUSE_MS = 2;

type ToRover = { readonly type: 'start'; readonly broker: string; readonly bundle: string } | { readonly type: 'cut' };
type FromRover =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly why: string }
  | { readonly type: 'taken'; readonly ms: readonly number[] };

export interface HonestRover {
  /** The calls since the last cut [ms each]. */
  cut(): Promise<readonly number[]>;
  close(): void;
}

/** Starts the process; resolves when its module runs at the edge. */
export async function honestRover(broker: string, bundle: ModuleBundle): Promise<HonestRover> {
  const child = fork(fileURLToPath(import.meta.url), ['honest-rover'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const next = (): Promise<FromRover> => new Promise((resolve) => child.once('message', (message: FromRover) => resolve(message)));
  const first = next();
  tell(child, { type: 'start', broker, bundle: Buffer.from(encodeBundle(bundle)).toString('base64') });
  const answer = await first;
  if (answer.type === 'failed') throw new Error(answer.why);
  return {
    cut: async () => {
      const taken = next();
      tell(child, { type: 'cut' });
      const message = await taken;
      return message.type === 'taken' ? message.ms : [];
    },
    close: () => child.kill('SIGKILL'),
  };
}

const tell = (child: ChildProcess, message: ToRover): void => void child.send(message);

async function drive({ broker, bundle: encoded }: Extract<ToRover, { type: 'start' }>): Promise<void> {
  const bundle = decodeBundle(Buffer.from(encoded, 'base64'));
  const joined = await joinSite({ broker, site: 'bench', rover: 'honest', bundles: [bundle] });
  const module = await joined.open<{ echo(value: number): Promise<number> }>(bundle.manifest.name, { createLocal: async () => NOWHERE });
  const { outcome, error } = await module.offload({ reason: 'bench' });
  const say = (message: FromRover): void => void process.send?.(message);
  if (outcome !== 'moved') {
    say({ type: 'failed', why: `the honest rover was not offloaded: ${error ?? outcome}` });
    return;
  }
  let taken: number[] = [];
  process.on('message', ({ type }: ToRover) => {
    if (type !== 'cut') return;
    say({ type: 'taken', ms: taken });
    taken = [];
  });
  say({ type: 'ready' });
  for (;;) {
    const sentMs = performance.now();
    await module.handle.echo(sentMs);
    taken.push(performance.now() - sentMs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

if (process.argv[2] === 'honest-rover') {
  process.on('message', (message: ToRover) => {
    if (message.type === 'start') void drive(message);
  });
  process.on('disconnect', () => process.exit(0));
}
