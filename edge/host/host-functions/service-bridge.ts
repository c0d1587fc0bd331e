// Host functions that live in a thread of their own and are shared by all modules of a host, called synchronously by a guest:
// the caller's thread sleeps on a shared cell until the answer lies in its port. So a heavy library is in memory once, not per instance.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { OutriderError } from '../../../shared/errors.ts';
import type { HostFunctions } from '../../../shared/elastic/module-instance.ts';
import { fromWireError, toWireError, type WireError } from '../sandbox/worker-messages.ts';

/** One caller's line to a service; both ends travel by postMessage. */
export interface ServiceLine {
  readonly port: MessagePort;
  /** 0 while an answer is awaited, 1 when it is there. */
  readonly cell: Int32Array<SharedArrayBuffer>;
}

interface ServiceCall {
  readonly functionName: string;
  readonly args: readonly unknown[];
}

type ServiceAnswer = { readonly value: unknown; readonly failure: null } | { readonly value: null; readonly failure: WireError };

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

/** The service's side: answers the calls of one line, one at a time. */
export function serveLine({ port, cell }: ServiceLine, implementation: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  port.on('message', ({ functionName, args }: ServiceCall) => {
    let answer: ServiceAnswer;
    try {
      const fn = Object.hasOwn(implementation, functionName) ? implementation[functionName] : undefined;
      if (fn === undefined) throw new OutriderError('OUT_MODULE_HOST_FUNCTION', `there is no host function ${functionName}`);
      answer = { value: fn(...(args as never[])), failure: null };
    } catch (error) {
      answer = { value: null, failure: toWireError(error) };
    }
    port.postMessage(answer);
    Atomics.store(cell, 0, 1);
    Atomics.notify(cell, 0);
  });
}
