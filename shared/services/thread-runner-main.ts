// Entry of the thread of an on-board instance: makes it, then answers one request after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { instantiateOnboard } from '../elastic/instantiate.ts';
import type { ModuleInstance } from '../elastic/module-instance.ts';
import { captureState, restoreState } from '../elastic/state-form.ts';
import { toWireError } from '../wire-error.ts';
import { serviceClient } from './service-bridge.ts';
import type { RunnerAnswer, RunnerData, RunnerRequest } from './thread-runner.ts';

const port = parentPort;
if (port === null) throw new Error('thread-runner-main runs in a worker thread');
const { bundle, lines } = workerData as RunnerData;
const { manifest } = bundle;

function answer(id: number, value: unknown): void {
  port?.postMessage({ id, value, failure: null } satisfies RunnerAnswer);
}

function fail(id: number, error: unknown): void {
  port?.postMessage({ id, value: null, failure: toWireError(error) } satisfies RunnerAnswer);
}

function serve(instance: ModuleInstance, request: RunnerRequest): unknown {
  switch (request.kind) {
    case 'call':
      return instance.call(request.functionName, request.args);
    case 'capture':
      return captureState(manifest, instance);
    case 'restore':
      return restoreState(manifest, instance, request.state);
  }
}

const host = Object.fromEntries(
  manifest.hostInterfaces.flatMap(({ name, functions }) => {
    const line = lines[name];
    const names = functions.map((item) => item.name);
    return line === undefined ? [] : [[name, serviceClient(line, names)]];
  }),
);
try {
  const instance = await instantiateOnboard(bundle, host);
  port.on('message', (request: RunnerRequest) => {
    try {
      answer(request.id, serve(instance, request));
    } catch (error) {
      fail(request.id, error);
    }
  });
  answer(0, null);
} catch (error) {
  fail(0, error);
}
