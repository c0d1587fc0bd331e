// Frames over a stream socket (TCP, TLS, Unix): length-prefixed, gathered into one write per turn, without copies.
import type { Socket } from 'node:net';
import { nextTick } from 'node:process';
import { OutriderError } from '../../errors.ts';
import type { Transport } from '../../ports/transport.ts';
import { MAX_FRAME_BYTES, SEND_BUFFER_BYTES } from '../limits.ts';
import { type PeerIdentity, peerIdentity } from '../../security/peer-identity.ts';
import { FrameAssembler } from './frame-assembler.ts';

const LENGTH_BYTES = 4;
/** A first part up to this size is copied behind the length rather than written by itself [bytes]. */
const SMALL_BYTES = 512;

/** How long a closed connection may take to send what it still holds [ms]. */
const FLUSH_MS = 1000;

export class SocketTransport implements Transport {
  readonly description: string;
  readonly provenPeer: PeerIdentity | null;
  onDrain: (() => void) | null = null;
  onClose: ((error: Error | null) => void) | null = null;
  #onFrame: ((frame: Uint8Array) => void) | null = null;
  readonly #socket: Socket;
  readonly #assembler: FrameAssembler;
  #corked = false;
  #wantsDrain = false;
  #closing = false;
  #error: Error | null = null;

  /** Takes over a connected socket. Frames that arrive before `onFrame` is set wait in the socket. */
  constructor(socket: Socket, description: string, provenPeer: PeerIdentity | null = peerIdentity(socket)) {
    this.description = description;
    this.provenPeer = provenPeer;
    this.#socket = socket;
    this.#assembler = new FrameAssembler((frame) => {
      if (!this.#closing) this.#onFrame?.(frame);
    });
    socket.setNoDelay(true);
    socket.on('drain', () => {
      if (!this.#wantsDrain) return;
      this.#wantsDrain = false;
      this.onDrain?.();
    });
    socket.on('error', (error) => (this.#error ??= error));
    // The peer has ended cleanly; nothing more will be answered.
    socket.on('end', () => {
      if (!this.#closing && !this.#assembler.isBetweenFrames) {
        this.#error ??= new OutriderError('OUT_WIRE_MALFORMED', `${this.description} ended inside a frame`);
      }
      socket.end();
    });
    socket.on('close', () => {
      const { onClose } = this;
      this.onClose = null;
      onClose?.(this.#error);
    });
  }

  get onFrame(): ((frame: Uint8Array) => void) | null {
    return this.#onFrame;
  }

  /** Reading starts with the first consumer. */
  set onFrame(consumer: ((frame: Uint8Array) => void) | null) {
    if (this.#onFrame === null && consumer !== null && this.#socket.listenerCount('data') === 0) {
      this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    }
    this.#onFrame = consumer;
  }

  send(parts: readonly Uint8Array[]): boolean {
    if (this.#closing || this.#socket.destroyed) return true;
    let length = 0;
    for (const part of parts) length += part.byteLength;
    if (length > MAX_FRAME_BYTES)
      throw new OutriderError('OUT_WIRE_LIMIT', `a frame of ${length} bytes, at most ${MAX_FRAME_BYTES} are allowed`);
    const socket = this.#socket;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      // All frames of this turn go in one write.
      nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    // The length and the frame's own header in one small buffer; everything else goes as it is.
    const first = parts[0];
    const headerBytes = first !== undefined && first.byteLength <= SMALL_BYTES ? first.byteLength : 0;
    const head = Buffer.allocUnsafe(LENGTH_BYTES + headerBytes);
    head.writeUInt32LE(length, 0);
    if (headerBytes > 0) head.set(first as Uint8Array, LENGTH_BYTES);
    socket.write(head);
    for (let index = headerBytes > 0 ? 1 : 0; index < parts.length; index += 1) {
      const part = parts[index] as Uint8Array;
      if (part.byteLength > 0) socket.write(part);
    }
    if (socket.writableLength < SEND_BUFFER_BYTES) return true;
    this.#wantsDrain = true;
    return false;
  }

  close(error?: Error): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#error ??= error ?? null;
    const socket = this.#socket;
    socket.end();
    const timer = setTimeout(() => socket.destroy(), FLUSH_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    socket.resume();
  }

  #receive(chunk: Buffer): void {
    try {
      this.#assembler.push(chunk);
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.#closing = true;
      this.#socket.destroy();
    }
  }
}
