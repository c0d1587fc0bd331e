// A transport between threads: a connection that the main thread holds (over the broker) ends in the worker that runs the instance, as a
// direct one does. Frames pass a message port; what waits there is bounded by what the sender's window allows.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Transport } from '../../../shared/ports/transport.ts';
import type { PeerIdentity } from '../../../shared/security/peer-identity.ts';

type OnPort =
  | { readonly type: 'frame'; readonly bytes: Uint8Array }
  /** To the worker: the connection has taken so many of its bytes. */
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'close' };

/** Bytes on their way through the port at which `send` says stop. */
const WINDOW_BYTES = 1024 * 1024;

/** The end in the worker. */
export class PortTransport implements Transport {
  readonly description: string;
  readonly provenPeer: PeerIdentity | null;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((error: Error | null) => void) | null = null;
  readonly #port: MessagePort;
  #underWayBytes = 0;
  #full = false;
  #closed = false;

  constructor(port: MessagePort, description: string, provenPeer: PeerIdentity | null) {
    this.description = description;
    this.provenPeer = provenPeer;
    this.#port = port;
    port.on('message', (message: OnPort) => this.#receive(message));
    port.on('close', () => this.#end(null));
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    const bytes = joined(parts);
    this.#underWayBytes += bytes.byteLength;
    post(this.#port, { type: 'frame', bytes }, bytes);
    this.#full = this.#underWayBytes >= WINDOW_BYTES;
    return !this.#full;
  }

  close(error?: Error): void {
    if (this.#closed) return;
    post(this.#port, { type: 'close' });
    this.#end(error ?? null);
  }

  #receive(message: OnPort): void {
    if (this.#closed) return;
    if (message.type === 'frame') this.onFrame?.(message.bytes);
    else if (message.type === 'close') this.#end(null);
    else {
      this.#underWayBytes -= message.bytes;
      if (!this.#full || this.#underWayBytes >= WINDOW_BYTES) return;
      this.#full = false;
      this.onDrain?.();
    }
  }

  #end(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    this.onClose?.(error);
  }
}

/** Carries what `transport` brings to a port, and back; the port is to be given to the worker. */
export function carryToPort(transport: Transport): MessagePort {
  const { port1: port, port2 } = new MessageChannel();
  let heldBytes = 0;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    transport.close();
    post(port, { type: 'close' });
    port.close();
  };
  transport.onFrame = (frame) => {
    const bytes = joined([frame]);
    post(port, { type: 'frame', bytes }, bytes);
  };
  transport.onDrain = () => {
    post(port, { type: 'taken', bytes: heldBytes });
    heldBytes = 0;
  };
  transport.onClose = end;
  port.on('message', (message: OnPort) => {
    if (message.type === 'close') return end();
    if (message.type !== 'frame') return undefined;
    const { bytes } = message;
    if (transport.send([bytes])) post(port, { type: 'taken', bytes: bytes.byteLength });
    else heldBytes += bytes.byteLength;
    return undefined;
  });
  port.on('close', end);
  return port2;
}

/** A copy in a buffer of its own, which can be handed over. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

function post(port: MessagePort, message: OnPort, given?: Uint8Array<ArrayBuffer>): void {
  port.postMessage(message, given === undefined ? [] : [given.buffer]);
}
