// Entry of the thread that computes networks: one request after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { OutriderError } from '../errors.ts';
import { ortNetworks, type NetworkSession, type OrtOptions } from '../onnx/ort-session.ts';
import type { NamedTensors } from '../onnx/tensor.ts';
import { toWireError } from '../wire-error.ts';
import type { NetworkReply, NetworkRequest } from './network-thread.ts';

const port = parentPort;
if (port === null) throw new Error('network-thread-main runs in a worker thread');
const open = ortNetworks(workerData as OrtOptions);
const sessions = new Map<number, NetworkSession>();
let tail: Promise<void> = Promise.resolve();

async function serve(request: NetworkRequest): Promise<NamedTensors | null> {
  if (request.kind === 'open') {
    sessions.set(request.session, await open(request.file));
    return null;
  }
  const session = sessions.get(request.session);
  if (session === undefined) throw new OutriderError('OUT_INTERNAL', `there is no session ${request.session}`);
  if (request.kind === 'run') return session.run(request.inputs);
  sessions.delete(request.session);
  await session.close();
  return null;
}

port.on('message', (request: NetworkRequest) => {
  tail = tail.then(async () => {
    let reply: NetworkReply;
    try {
      reply = { id: request.id, results: await serve(request), failure: null };
    } catch (error) {
      reply = { id: request.id, results: null, failure: toWireError(error) };
    }
    port.postMessage(reply);
  });
});
