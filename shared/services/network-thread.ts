// Networks computed in a thread of their own: the loop that drives a rover, or serves a host's connections, goes on meanwhile.
import { Worker } from 'node:worker_threads';
import { OutriderError } from '../errors.ts';
import type { NetworkSession, OpenNetwork, OrtOptions } from '../onnx/ort-session.ts';
import type { NamedTensors } from '../onnx/tensor.ts';
import { fromWireError, type WireError } from '../wire-error.ts';
import { builtFile } from './built-file.ts';

export type NetworkRequest =
  | { readonly id: number; readonly kind: 'open'; readonly session: number; readonly file: Uint8Array }
  | { readonly id: number; readonly kind: 'run'; readonly session: number; readonly inputs: NamedTensors }
  | { readonly id: number; readonly kind: 'close'; readonly session: number };

export interface NetworkReply {
  readonly id: number;
  readonly results: NamedTensors | null;
  readonly failure: WireError | null;
}

interface Pending {
  readonly resolve: (results: NamedTensors | null) => void;
  readonly reject: (error: Error) => void;
}

export interface NetworkThread {
  readonly open: OpenNetwork;
  close(): Promise<void>;
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

const ENTRY = new URL(`./network-thread-main${import.meta.url.slice(-3)}`, import.meta.url).href;

/** The thread begins with the first network. After it has ended, sessions reject with OUT_MODEL_ENGINE. */
export function networkThread(options: OrtOptions = {}): NetworkThread {
  const pending = new Map<number, Pending>();
  let worker: Worker | null = null;
  let count = 0;

  const start = (): Worker => {
    const started = new Worker(builtFile(ENTRY), { env: {}, execArgv: [], workerData: options });
    started.on('message', ({ id, results, failure }: NetworkReply) => {
      const waiting = pending.get(id);
      pending.delete(id);
      if (pending.size === 0) started.unref();
      if (failure === null) waiting?.resolve(results);
      else waiting?.reject(fromWireError(failure));
    });
    const end = (why: string): void => {
      if (worker === started) worker = null;
      for (const { reject } of pending.values()) reject(new OutriderError('OUT_MODEL_ENGINE', `the thread of the networks ended: ${why}`));
      pending.clear();
    };
    started.on('error', (error) => end(error instanceof Error ? error.message : String(error)));
    started.on('exit', (code) => end(`exit code ${code}`));
    return started;
  };
  const ask = (thread: Worker, request: Unnumbered<NetworkRequest>): Promise<NamedTensors | null> => {
    if (worker !== thread) return Promise.reject(new OutriderError('OUT_MODEL_ENGINE', 'the thread of the networks has ended'));
    const id = ++count;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      // A process may end while nothing is asked, not while an answer is awaited.
      thread.ref();
      thread.postMessage({ ...request, id });
    });
  };
  return {
    open: async (file) => {
      const thread = (worker ??= start());
      const session = ++count;
      await ask(thread, { kind: 'open', session, file: own(file) });
      const made: NetworkSession = {
        run: async (inputs) => {
          const copies = new Map([...inputs].map(([name, tensor]) => [name, { ...tensor, data: own(tensor.data) }]));
          return (await ask(thread, { kind: 'run', session, inputs: copies })) ?? new Map();
        },
        close: async () => {
          if (worker === thread) await ask(thread, { kind: 'close', session });
        },
      };
      return made;
    },
    close: async () => {
      await worker?.terminate();
    },
  };
}

/** Of a view the whole buffer would travel. */
const own = (bytes: Uint8Array): Uint8Array => (bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes));
