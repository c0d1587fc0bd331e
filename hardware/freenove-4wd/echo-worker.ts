// The thread that polls the echo line. onoff's poller cannot be loaded twice in one process, so the lines that the main thread has opened are read here by
// their sysfs files: a byte at offset 0.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { measureEcho } from './echo-timing.ts';

export interface EchoWorkerData {
  readonly triggerPath: string;
  readonly echoPath: string;
}

const { triggerPath, echoPath } = workerData as EchoWorkerData;
const HIGH = 0x31;

/** The files are opened for each measurement: a line that is exported anew is found again. */
function ping(maxEchoUs: number): ReturnType<typeof measureEcho> {
  const trigger = openSync(triggerPath, 'r+');
  const echo = openSync(echoPath, 'r');
  const byte = new Uint8Array(1);
  try {
    return measureEcho(
      { write: (level) => void writeSync(trigger, level === 1 ? '1' : '0', 0) },
      { read: () => (readSync(echo, byte, 0, 1, 0) === 1 && byte[0] === HIGH ? 1 : 0) },
      () => performance.now() * 1000,
      maxEchoUs,
    );
  } finally {
    closeSync(trigger);
    closeSync(echo);
  }
}

parentPort?.on('message', (maxEchoUs: number) => {
  try {
    parentPort?.postMessage(ping(maxEchoUs));
  } catch {
    parentPort?.postMessage({ kind: 'no-answer' });
  }
});
