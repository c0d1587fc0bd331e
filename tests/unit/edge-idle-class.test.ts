// Threads become idle work where Linux and util-linux are there; where that is refused, they get the lowest nice value, and the host says so.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { IdleClass, startShell } from '../../edge/host/sandbox/idle-class.ts';
import { HogWatch } from '../../edge/host/sandbox/thread-priority.ts';

/** A helper whose answers the test writes. */
function fakeHelper() {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const child = Object.assign(new EventEmitter(), { stdin, stdout, unref: () => undefined });
  return { child: child as unknown as ChildProcess, stdin, stdout, asked: () => (stdin.read() as Buffer | null)?.toString() ?? '' };
}

function classWith(helper: ChildProcess | null, setNice: (id: number) => void = () => undefined) {
  const niced: number[] = [];
  const told: string[] = [];
  const setLowest = (id: number): void => {
    setNice(id);
    niced.push(id);
  };
  return { idleClass: new IdleClass({ startHelper: () => helper, setLowest, onFallback: (why) => told.push(why) }), niced, told };
}

/** When all that was written has been read. */
const heard = (stream: PassThrough): Promise<unknown> => once(stream, 'end');

describe('a thread that yields', () => {
  test('is asked for by its id, and keeps its nice value when it became idle work', async () => {
    const helper = fakeHelper();
    const { idleClass, niced, told } = classWith(helper.child);
    idleClass.put(12);
    idleClass.put(34);
    expect(helper.asked()).toBe('12 idle\n34 idle\n');
    helper.stdout.write('12 id');
    helper.stdout.end('le\n34 idle\n');
    await heard(helper.stdout);
    expect([niced, told]).toEqual([[], []]);
  });

  test('gets the lowest nice value when it is refused; that is told once', async () => {
    const helper = fakeHelper();
    const { idleClass, niced, told } = classWith(helper.child);
    for (const id of [12, 34, 56]) idleClass.put(id);
    helper.stdout.end('12 refused\n34 idle\n56 refused\n78 refused\n');
    await heard(helper.stdout);
    expect(niced, 'nobody asked for 78').toEqual([12, 56]);
    expect(told).toEqual(['chrt is missing or was refused']);
  });

  test('gets it at once where there is no helper, and none is lost when the helper ends', () => {
    const without = classWith(null);
    without.idleClass.put(12);
    expect(without.niced).toEqual([12]);
    const helper = fakeHelper();
    const { idleClass, niced, told } = classWith(helper.child);
    idleClass.put(12);
    expect(niced).toEqual([]);
    helper.child.emit('exit', 1, null);
    idleClass.put(34);
    expect(niced).toEqual([12, 34]);
    expect(told).toHaveLength(1);
  });

  test('can be taken back where the helper said so, and only as long as there is one', async () => {
    const helper = fakeHelper();
    const { idleClass, niced } = classWith(helper.child);
    expect(idleClass.reversible).toBe(false);
    helper.stdout.end('reversible\n12 idle\n12 normal\n34 refused\n');
    idleClass.put(12);
    idleClass.takeBack(12);
    idleClass.takeBack(34);
    expect(helper.asked()).toBe('12 idle\n12 normal\n34 normal\n');
    await heard(helper.stdout);
    expect(idleClass.reversible).toBe(true);
    expect(niced, 'who has ended has nothing to take back').toEqual([]);
    helper.child.emit('exit', 1, null);
    expect(idleClass.reversible).toBe(false);
  });

  test('that has ended meanwhile is not worth a word', () => {
    const { idleClass, told } = classWith(null, () => {
      throw new Error('ESRCH');
    });
    idleClass.put(12);
    expect(told).toEqual([]);
  });
});

const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage(Number(/task\\/(\\d+)$/.exec(require('node:fs').readlinkSync('/proc/thread-self'))[1]));
if (workerData === 'spin') for (;;) {}
parentPort.on('message', () => undefined);
`;
const IDLE = 5;
/** Fields of proc(5) stat behind the name in brackets: 19 is the nice value, 41 the policy (sched(7): 5 is SCHED_IDLE). */
const statOf = (threadId: number, pid = process.pid): string[] =>
  readFileSync(`/proc/${pid}/task/${threadId}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
const policyOf = (threadId: number, pid?: number): number => Number(statOf(threadId, pid)[38]);
const niceOf = (threadId: number): number => Number(statOf(threadId)[16]);
const onPath = (tool: string): boolean => (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(`${folder}/${tool}`));

describe.skipIf(process.platform !== 'linux' || !onPath('chrt'))('a thread of Linux', () => {
  const workers: Worker[] = [];
  let idleClass: IdleClass | null = null;
  const started = async (what: 'spin' | 'wait'): Promise<number> => {
    const worker = new Worker(CODE, { eval: true, workerData: what });
    workers.push(worker);
    const [id] = (await once(worker, 'message')) as [number];
    return id;
  };
  afterEach(async () => {
    idleClass?.close();
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  });

  test('becomes idle work when it spins, and no other thread of its process does', async () => {
    const hog = await started('spin');
    const neighbour = await started('wait');
    const idle = new IdleClass();
    idleClass = idle;
    expect(policyOf(hog)).not.toBe(IDLE);
    const watch = new HogWatch(hog, idle);
    const look = (): number => {
      watch.look(true, performance.now());
      return policyOf(hog);
    };
    await expect.poll(look, { timeout: 60_000, interval: 25 }).toBe(IDLE);
    expect(niceOf(hog), 'no fallback').toBe(niceOf(neighbour));
    const idleThreads = readdirSync('/proc/self/task').filter((id) => policyOf(Number(id)) === IDLE);
    expect(idleThreads).toEqual([String(hog)]);
  });

  test('is one like any other again when it is taken back, where the system allows that', async (context) => {
    const thread = await started('wait');
    const helper = startShell();
    if (helper?.stdout === null || helper === null) throw new Error('no helper');
    const told = once(helper.stdout, 'data');
    const idle = new IdleClass({ startHelper: () => helper });
    idleClass = idle;
    await told;
    // An ordinary user has no way back, unless RLIMIT_NICE gives one.
    if (!idle.reversible) context.skip('no privilege to take a thread back');
    idle.put(thread);
    await expect.poll(() => policyOf(thread), { timeout: 60_000, interval: 25 }).toBe(IDLE);
    idle.takeBack(thread);
    await expect.poll(() => policyOf(thread), { timeout: 60_000, interval: 25 }).toBe(0);
  });

  test('gets the lowest nice value where chrt is not installed', async () => {
    const hog = await started('spin');
    const told: string[] = [];
    idleClass = new IdleClass({ startHelper: () => startShell('/nowhere'), onFallback: (why) => told.push(why) });
    idleClass.put(hog);
    await expect.poll(() => niceOf(hog), { timeout: 60_000, interval: 25 }).toBe(19);
    expect(policyOf(hog)).not.toBe(IDLE);
    expect(told).toEqual(['chrt is missing or was refused']);
  });

  test('of another process is left alone', async () => {
    const other = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = other.pid ?? 0;
    try {
      const hog = await started('wait');
      idleClass = new IdleClass({ setLowest: () => undefined });
      idleClass.put(pid);
      idleClass.put(hog);
      await expect.poll(() => policyOf(hog), { timeout: 60_000, interval: 25 }).toBe(IDLE);
      expect(policyOf(pid, pid)).not.toBe(IDLE);
    } finally {
      other.kill();
    }
  });
});

const BUILT = 'dist/edge/host/sandbox/idle-class.js';

test.skipIf(process.platform !== 'linux' || !existsSync(BUILT))('the helper does not keep the host alive, and ends with it', async () => {
  const code = `
    const { IdleClass, startShell } = await import(process.argv[1]);
    let helper;
    new IdleClass({ startHelper: () => (helper = startShell()) }).put(0);
    console.log(helper.pid);`;
  const host = spawn(process.execPath, ['--input-type=module', '-e', code, resolve(BUILT)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  host.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [status] = (await once(host, 'exit')) as [number | null];
  expect(status).toBe(0);
  const helper = Number(said);
  expect(helper).toBeGreaterThan(0);
  await expect.poll(() => isThere(helper), { timeout: 60_000, interval: 25 }).toBe(false);
});

/** A process that has ended and was not waited for is a zombie: not there. */
function isThere(pid: number): boolean {
  try {
    return statOf(pid, pid)[0] !== 'Z';
  } catch {
    return false;
  }
}
