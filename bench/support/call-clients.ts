// Clients of the four servers in elastic-peers.ts: each makes the same call, 100 kB in and 1 kB out.
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import grpc from '@grpc/grpc-js';
import { newWebSocketRpcSession } from 'capnweb';
import { WebSocket } from 'ws';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { ElasticModule } from '../../shared/elastic/elastic-module.ts';
import type { RemoteSite } from '../../shared/elastic/remote-site.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { ANSWER_BYTES, FRAME_MANIFEST, FrameInstance, type FrameHandle } from './frame-module.ts';

export interface CallClient {
  readonly name: string;
  /** One call; resolves with the number of bytes of the answer. */
  call(frame: Buffer): Promise<number>;
  close(): Promise<void> | void;
}

export interface PeerPorts {
  readonly bare: number;
  readonly grpc: number;
  readonly capnweb: number;
  readonly outrider: string;
}

/** Starts the servers in a thread of their own. */
export async function startPeers(): Promise<{ readonly ports: PeerPorts; stop(): Promise<number> }> {
  const worker = new Worker(new URL(`./elastic-peers${import.meta.url.slice(-3)}`, import.meta.url));
  const ports = await new Promise<PeerPorts>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { ports, stop: () => worker.terminate() };
}

export async function bareClient(port: number): Promise<CallClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => void socket.once('connect', resolve));
  const waiting: ((bytes: number) => void)[] = [];
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.byteLength;
    for (; received >= ANSWER_BYTES; received -= ANSWER_BYTES) waiting.shift()?.(ANSWER_BYTES);
  });
  const call = (frame: Buffer): Promise<number> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(frame);
    });
  return { name: 'bare_socket', call, close: () => void socket.destroy() };
}

export function grpcClient(port: number): CallClient {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const call = (frame: Buffer): Promise<number> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest('/bench.Frame/Detect', identity, identity, frame, (error, value) => {
        if (error !== null || value === undefined) reject(error ?? new Error('no answer'));
        else resolve(value.byteLength);
      });
    });
  return { name: 'grpc_js', call, close: () => client.close() };
}

export async function capnwebClient(port: number): Promise<CallClient> {
  // Cap'n Web reads the constants of the global, which Node 20 does not have.
  Object.assign(globalThis, { WebSocket });
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise((resolve) => void socket.once('open', resolve));
  const api = newWebSocketRpcSession(socket as never) as unknown as {
    detect(frame: Uint8Array): Promise<Uint8Array>;
    [Symbol.dispose](): void;
  };
  const call = async (frame: Buffer): Promise<number> => {
    const answer = await api.detect(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength));
    return answer.byteLength;
  };
  return { name: 'capnweb_ws', call, close: () => socket.terminate() };
}

/** An elastic module that has been offloaded to the worker's shell. */
export async function outriderClient(address: string): Promise<CallClient & { readonly module: ElasticModule<FrameHandle> }> {
  const clock = new SystemClock();
  const plane = new TcpDataPlane();
  const endpoint = { hostId: 'bench', instanceId: 'bench', epoch: 2, token: '', connect: () => plane.connect(address) };
  const site: RemoteSite = {
    prepare: () =>
      Promise.resolve({
        kind: 'prepared',
        endpoint,
        abandon: () => Promise.resolve(),
        report: { hostId: 'bench', stepsMs: {}, bundleBytesSent: 0, warm: true },
      }),
    locate: () => Promise.resolve(endpoint),
    release: () => Promise.resolve(),
    reachable: true,
  };
  const createLocal = (): Promise<FrameInstance> => Promise.resolve(new FrameInstance());
  const module = new ElasticModule<FrameHandle>({ manifest: FRAME_MANIFEST, channelId: 'bench', clock, site, createLocal });
  await module.start();
  const report = await module.offload();
  if (report.outcome !== 'moved') throw report.error ?? new Error(report.outcome);
  const call = async (frame: Buffer): Promise<number> => (await module.handle.detect(frame)).byteLength;
  return { name: 'outrider', call, module, close: () => module.close() };
}
