// A worker thread with four servers of the same call: Outrider's shell, a bare socket, gRPC, and Cap'n Web over WebSocket.
import { createServer, type AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';
import grpc from '@grpc/grpc-js';
import { newWebSocketRpcSession, RpcTarget } from 'capnweb';
import { WebSocket, WebSocketServer } from 'ws';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { InstanceShell } from '../../shared/elastic/instance-shell.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import { ANSWER_BYTES, FRAME_BYTES, FRAME_MANIFEST, FrameInstance } from './frame-module.ts';

const answer = Buffer.alloc(ANSWER_BYTES, 7);

/** The bytes of a call and nothing else: no frames, no numbers, no copies. */
const bare = createServer({ noDelay: true }, (socket) => {
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.byteLength;
    for (; received >= FRAME_BYTES; received -= FRAME_BYTES) socket.write(answer);
  });
  socket.on('error', () => socket.destroy());
});
await new Promise<void>((resolve) => void bare.listen(0, '127.0.0.1', resolve));

const identity = (bytes: Buffer): Buffer => bytes;
const grpcServer = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
grpcServer.addService(
  {
    detect: {
      path: '/bench.Frame/Detect',
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  { detect: (_call: unknown, callback: (error: null, value: Buffer) => void) => callback(null, answer) },
);
const grpcPort = await new Promise<number>((resolve, reject) => {
  grpcServer.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
});

class CapnTarget extends RpcTarget {
  detect(_frame: Uint8Array): Uint8Array {
    return new Uint8Array(answer);
  }
}
// Cap'n Web reads the constants of the global, which Node 20 does not have.
Object.assign(globalThis, { WebSocket });
const webSockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
webSockets.on('connection', (socket) => void newWebSocketRpcSession(socket as never, new CapnTarget()));
await new Promise((resolve) => void webSockets.once('listening', resolve));

const clock = new SystemClock();
const shell = new InstanceShell({
  manifest: FRAME_MANIFEST,
  instance: new FrameInstance(),
  clock,
  instanceId: 'bench',
  epoch: 2,
  embryo: true,
  authorize: () => true,
});
const listener = await new TcpDataPlane().listen('bench', (transport) => shell.accept(transport));

parentPort?.postMessage({
  bare: (bare.address() as AddressInfo).port,
  grpc: grpcPort,
  capnweb: (webSockets.address() as AddressInfo).port,
  outrider: listener.address,
});
