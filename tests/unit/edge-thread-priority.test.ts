// A thread that hogs a processor is put behind its neighbours; one that waits or works in short calls is not.
import { existsSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { HogWatch } from '../../edge/host/sandbox/thread-priority.ts';

const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage(Number(/task\\/(\\d+)$/.exec(require('node:fs').readlinkSync('/proc/thread-self'))[1]));
if (workerData === 'spin') for (;;) {}
parentPort.on('message', () => undefined);
`;

/** Field 19 of proc(5) stat, behind the name in brackets. */
const niceOf = (threadId: number): number =>
  Number(readFileSync(`/proc/self/task/${threadId}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);

describe.skipIf(!existsSync('/proc/thread-self/schedstat'))('a thread’s precedence', () => {
  let worker: Worker | null = null;
  const started = (what: 'spin' | 'wait'): Promise<number> => {
    const thread = new Worker(CODE, { eval: true, workerData: what });
    worker = thread;
    return new Promise((resolve) => thread.once('message', resolve));
  };
  afterEach(() => worker?.terminate());

  test('goes when it is in one call and on a processor', async () => {
    const threadId = await started('spin');
    const watch = new HogWatch(threadId);
    const before = niceOf(threadId);
    const sinceMs = performance.now();
    await expect
      .poll(
        () => {
          watch.look(performance.now() - sinceMs);
          return niceOf(threadId);
        },
        { timeout: 60_000, interval: 25 },
      )
      .toBe(19);
    expect(before).toBe(niceOf(process.pid));
    expect(niceOf(process.pid), 'of this thread').toBeLessThan(19);
  });

  test('stays when it is in a call but waits, and when its calls are short', async () => {
    const threadId = await started('wait');
    const watch = new HogWatch(threadId);
    for (let visitMs = 0; visitMs < 2000; visitMs += 25) watch.look(visitMs);
    expect(niceOf(threadId)).toBe(niceOf(process.pid));
    await worker?.terminate();
    const busy = await started('spin');
    const short = new HogWatch(busy);
    for (let nowMs = 0; nowMs < 2000; nowMs += 25) short.look(nowMs % 25);
    expect(niceOf(busy)).toBe(niceOf(process.pid));
  });
});
