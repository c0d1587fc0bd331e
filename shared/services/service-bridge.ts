// Host functions that live in a thread of their own and are shared by all modules of a process, called synchronously by a guest:
// the caller's thread sleeps on a shared cell until the answer lies in its port. So a heavy library is in memory once, not per instance,
// and a guest that knows no waiting is served by functions that wait.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { HostFunctions } from '../elastic/module-instance.ts';
import { OutriderError } from '../errors.ts';
import { fromWireError, toWireError, type WireError } from '../wire-error.ts';

/** One caller's line to a service; both ends travel by postMessage. */
export interface ServiceLine {
  readonly port: MessagePort;
  /** 0 while an answer is awaited, 1 when it is there. */
  readonly cell: Int32Array<SharedArrayBuffer>;
  /** Who calls, for services that share themselves out fairly: a rover's name, or an instance's. */
  readonly caller: string;
}

interface ServiceCall {
  readonly functionName: string;
  readonly args: readonly unknown[];
}

type ServiceAnswer = { readonly value: unknown; readonly failure: null } | { readonly value: null; readonly failure: WireError };

/** Functions that answer at once or later. */
export type ServiceFunctions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The watchdog of the instance ends a call long before; this only keeps a broken service from holding a thread for ever. */
const TIMEOUT_MS = 60_000;

/** The functions of an interface as seen by the guest's thread. */
export function serviceClient({ port, cell }: ServiceLine, functionNames: readonly string[]): HostFunctions[string] {
  const call = (functionName: string, args: readonly unknown[]): unknown => {
    Atomics.store(cell, 0, 0);
    port.postMessage({ functionName, args } satisfies ServiceCall);
    const woken = Atomics.wait(cell, 0, 0, TIMEOUT_MS);
    const answer = receiveMessageOnPort(port)?.message as ServiceAnswer | undefined;
    if (woken === 'timed-out' || answer === undefined)
      throw new OutriderError('OUT_EDGE_DEADLINE', `the host function ${functionName} did not answer`);
    if (answer.failure !== null) throw fromWireError(answer.failure);
    return answer.value;
  };
  return Object.fromEntries(functionNames.map((name) => [name, (...args: unknown[]) => call(name, args)])) as HostFunctions[string];
}

/** What ends a service's thread. */
export const CLOSE = 'close';

/**
 * Takes lines until the thread is told to end, which it does between two pieces of work: a thread that is terminated while a native
 * library computes in it takes the whole process along.
 */
export function takeLines(port: MessagePort, onLine: (line: ServiceLine) => void): void {
  port.on('message', (message: ServiceLine | typeof CLOSE) => {
    if (message === CLOSE) process.exit(0);
    onLine(message);
  });
}

/** The service's side: answers the calls of one line, one at a time. `onClosed` is called when the caller's end is gone. */
export function serveLine({ port, cell }: ServiceLine, implementation: ServiceFunctions, onClosed?: () => void): void {
  const reply = (answer: ServiceAnswer): void => {
    port.postMessage(answer);
    Atomics.store(cell, 0, 1);
    Atomics.notify(cell, 0);
  };
  port.on('message', ({ functionName, args }: ServiceCall) => {
    try {
      const fn = Object.hasOwn(implementation, functionName) ? implementation[functionName] : undefined;
      if (fn === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no host function ${functionName}`);
      const value = fn(...(args as never[]));
      if (value instanceof Promise)
        value.then(
          (later: unknown) => reply({ value: later, failure: null }),
          (error: unknown) => reply({ value: null, failure: toWireError(error) }),
        );
      else reply({ value, failure: null });
    } catch (error) {
      reply({ value: null, failure: toWireError(error) });
    }
  });
  if (onClosed !== undefined) port.on('close', onClosed);
}
