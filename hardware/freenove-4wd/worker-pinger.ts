// Echo measurements in a worker thread.
import { Worker } from 'node:worker_threads';
import type { EchoResult } from './echo-timing.ts';
import type { EchoWorkerData } from './echo-worker.ts';
import type { Pinger } from './ultrasonic.ts';

/** Runs the built file also where the source is loaded: worker threads get no loader for TypeScript. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/hardware/freenove-4wd/echo-worker.js' : './echo-worker.js',
  import.meta.url,
);

/** `data` names the sysfs files of two opened lines. A worker that dies answers no more: the sensor then counts as disconnected. */
export function startWorkerPinger(data: EchoWorkerData): Pinger {
  const worker = new Worker(ENTRY, { workerData: data });
  let waiting: ((result: EchoResult) => void) | null = null;
  worker.on('message', (result: EchoResult) => {
    const onResult = waiting;
    waiting = null;
    onResult?.(result);
  });
  worker.on('error', () => undefined);
  worker.unref();
  return {
    ping: (maxEchoUs, onResult) => {
      waiting = onResult;
      worker.postMessage(maxEchoUs);
    },
    close: () => void worker.terminate(),
  };
}
